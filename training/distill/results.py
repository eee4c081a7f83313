"""From raw answers to descriptors: the files that an annotation ends in."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from training.distill.answer import NoDescriptors, read_descriptors
from training.distill.normalise import NEUTRAL, Normalisation, normalise
from training.llm.journal import Record
from training.llm.reply import Reply
from training.llm.run import Task
from training.llm.settings import Prices


@dataclass
class Summary:
    """What came out of an annotation.

    Attributes:
        texts: Texts in the input.
        answered: Texts with an answer.
        annotated: Texts with descriptors.
        neutral: Annotated texts without an emotion.
        distinct: Different descriptors.
        set_apart: Answers without descriptors, by reason.
        normalised: Changes made by normalising, by kind.
        prompt_tokens: Tokens of the prompts answered, as the server counts them.
        answer_tokens: Tokens of the answers, as the server counts them.
    """

    texts: int
    answered: int = 0
    annotated: int = 0
    neutral: int = 0
    distinct: int = 0
    set_apart: Counter[str] = field(default_factory=Counter)
    normalised: Counter[str] = field(default_factory=Counter)
    prompt_tokens: int = 0
    answer_tokens: int = 0

    def lines(self, prices: Prices | None) -> list[str]:
        """The summary in words, a fact a line."""
        lines = [
            f"Answered: {self.answered:,} of {self.texts:,} texts",
            f"With descriptors: {self.annotated:,} ({self.neutral:,} neutral; "
            f"{self.distinct:,} different descriptors)",
            f"Set apart: {_listed(self.set_apart)}",
            f"Normalised: {_listed(self.normalised)}",
            f"Tokens: {self.prompt_tokens:,} of prompts, {self.answer_tokens:,} of answers",
        ]
        if prices is not None:
            cost = prices.cost(self.prompt_tokens, self.answer_tokens)
            lines.append(
                f"Cost: {cost:,.2f} {prices.currency} "
                f"({cost * prices.batch_factor:,.2f} by the Batch API)"
            )
        return lines


def _listed(counts: Counter[str]) -> str:
    return ", ".join(f"{count:,} {kind}" for kind, count in counts.most_common() if count) or "none"


def write_results(
    folder: Path, tasks: Sequence[Task], answers: Sequence[Record], settings: Normalisation
) -> Summary:
    """Derives the results from the answers; run again, it derives the same.

    Writes ``descriptors.jsonl`` (``{"id", "descriptors"}``, in the order of the texts),
    ``set_apart.jsonl`` (``{"id", "reason", "answer"}``: refusals and answers that are no
    descriptors) and ``summary.json``.

    Args:
        folder: Where to.
        tasks: All calls of the annotation.
        answers: The journal's records.
        settings: What is too long for a descriptor.

    Returns:
        The counts.
    """
    summary = Summary(texts=len(tasks))
    by_id = {record["id"]: record for record in answers}
    annotated: list[Record] = []
    set_apart: list[Record] = []
    vocabulary: set[str] = set()
    for task in tasks:
        if task.id not in by_id:
            continue
        reply = _reply(by_id[task.id])
        summary.answered += 1
        summary.prompt_tokens += reply.prompt_tokens
        summary.answer_tokens += reply.answer_tokens
        try:
            descriptors = _descriptors(reply, settings, summary.normalised)
        except NoDescriptors as reason:
            summary.set_apart[str(reason)] += 1
            answer = reply.refusal or reply.text
            set_apart.append({"id": task.id, "reason": str(reason), "answer": answer})
        else:
            summary.neutral += descriptors == [NEUTRAL]
            vocabulary.update(descriptors)
            annotated.append({"id": task.id, "descriptors": descriptors})
    summary.annotated = len(annotated)
    summary.distinct = len(vocabulary)
    _write(folder / "descriptors.jsonl", (_line(record) for record in annotated))
    _write(folder / "set_apart.jsonl", (_line(record) for record in set_apart))
    _write(folder / "summary.json", [json.dumps(vars(summary), indent=2) + "\n"])
    return summary


def _reply(record: Record) -> Reply:
    return Reply(**{key: value for key, value in record.items() if key != "id"})


def _descriptors(reply: Reply, settings: Normalisation, counts: Counter[str]) -> list[str]:
    descriptors = normalise(read_descriptors(reply), settings, counts)
    if not descriptors:
        raise NoDescriptors("prose")
    return descriptors


def _line(record: Record) -> str:
    return json.dumps(record, ensure_ascii=False) + "\n"


def _write(path: Path, content: Iterable[str]) -> None:
    """Writes a file whole or not at all."""
    unfinished = path.with_name(f"{path.name}.part")
    with unfinished.open("w", encoding="utf-8", newline="\n") as file:
        file.writelines(content)
    unfinished.replace(path)
