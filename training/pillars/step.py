"""One step of the synthesis: JSON Lines in, a call each, JSON Lines out."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import PositiveInt

from training.llm.journal import Journal, Record
from training.llm.reply import Reply
from training.llm.run import Task, ask_all
from training.llm.settings import LLM, Message, Prompt
from training.pillars.answer import Rejected
from training.pillars.files import read_lines, write_lines
from training.pillars.taxonomy import Taxonomy
from training.recipe import Recipe


@dataclass(frozen=True)
class Material:
    """What steps need beside their records.

    Attributes:
        narratives: The texts by id.
        taxonomy: The emotions.
    """

    narratives: Mapping[str, str]
    taxonomy: Taxonomy


@dataclass(frozen=True)
class Step:
    """What makes a step.

    Attributes:
        name: Of the step, its files and its key in the recipe.
        values: What stands for each placeholder of the prompt.
        read: What an answer says: records to keep, and rejections; one may be raised too.
        placeholders: The names that the prompt must hold.
    """

    name: str
    placeholders: frozenset[str]
    values: Callable[[Record, Material], dict[str, str]]
    read: Callable[[Reply, Record, Material], Iterator[Record | Rejected]]


class StepSettings(Recipe):
    """How a step asks.

    Attributes:
        prompt: The prompt.
        max_tokens: The longest answer, in tokens; null for that of ``llm``.
    """

    prompt: Prompt
    max_tokens: PositiveInt | None = None


@dataclass
class Outcome:
    """What came out of a step.

    Attributes:
        asked: Calls that belong to the step.
        answered: Those with an answer.
        kept: Records written.
        rejected: What was not used, by reason.
        failed: Calls without an answer, by reason.
        prompt_tokens: Tokens of the prompts answered, as the server counts them.
        answer_tokens: Tokens of the answers, as the server counts them.
    """

    asked: int
    answered: int = 0
    kept: int = 0
    rejected: Counter[str] = field(default_factory=Counter)
    failed: Counter[str] = field(default_factory=Counter)
    prompt_tokens: int = 0
    answer_tokens: int = 0


def run_step(
    step: Step, source: Path, folder: Path, settings: StepSettings, llm: LLM, material: Material
) -> Outcome:
    """Runs a step; run again, it asks only what has no answer yet and derives its files anew.

    Args:
        step: Which one.
        source: The records of the step before.
        folder: Where to: ``<step>.jsonl``, ``rejected/<step>.jsonl``, ``answers/<step>.jsonl``.
        settings: The prompt.
        llm: The model.
        material: Narratives and emotions.

    Returns:
        The counts.

    Raises:
        UserError: If no call can succeed, or the answers at hand are of another recipe.
    """
    if settings.max_tokens is not None:
        llm = llm.model_copy(update={"max_tokens": settings.max_tokens})
    header = {
        "step": step.name,
        "model": llm.model,
        "parameters": llm.parameters(),
        "prompt": settings.prompt.model_dump(),
    }
    asked = {}
    for record in read_lines(source):
        messages = settings.prompt.messages(**step.values(record, material))
        asked[_key(record, messages)] = (record, messages)
    outcome = Outcome(asked=len(asked))
    with Journal(folder / "answers" / f"{step.name}.jsonl", header) as journal:
        tasks = [Task(key, messages) for key, (_, messages) in asked.items()]
        outcome.failed = ask_all(tasks, llm, journal, unit=step.name)
        replies = {line["id"]: _reply(line) for line in journal.records}
    kept: list[Record] = []
    rejected: list[Record] = []
    for key, (record, _) in asked.items():
        if key in replies:
            _read(step, replies[key], record, material, kept, rejected)
            outcome.answered += 1
            outcome.prompt_tokens += replies[key].prompt_tokens
            outcome.answer_tokens += replies[key].answer_tokens
    outcome.kept = len(kept)
    outcome.rejected = Counter(line["reason"] for line in rejected)
    write_lines(folder / "rejected" / f"{step.name}.jsonl", rejected)
    write_lines(folder / f"{step.name}.jsonl", kept)
    return outcome


def _key(record: Record, messages: list[Message]) -> str:
    """The id of a call: of the record and of what is asked, which the step before may change."""
    digest = hashlib.sha256(json.dumps(messages).encode()).hexdigest()
    return f"{record['id']}#{digest[:12]}"


def _reply(line: Record) -> Reply:
    return Reply(**{key: value for key, value in line.items() if key != "id"})


def _read(
    step: Step,
    reply: Reply,
    record: Record,
    material: Material,
    kept: list[Record],
    rejected: list[Record],
) -> None:
    def reject(why: Rejected) -> None:
        rejected.append({"id": record["id"], "reason": why.reason, "text": why.text})

    try:
        for found in step.read(reply, record, material):
            if isinstance(found, Rejected):
                reject(found)
            else:
                kept.append(found)
    except Rejected as why:
        reject(why)
