"""Step 6: an utterance rewritten so that its emotion is ambiguous without the context."""

from __future__ import annotations

import re
from collections.abc import Iterator

from training.llm.journal import Record
from training.llm.reply import Reply
from training.pillars.answer import Rejected, passage, plain_text, unquoted
from training.pillars.step import Material, Step
from training.pillars.taxonomy import NEUTRAL
from training.pillars.utterances import described

MOST_GROWTH = 2.0
SHORT = 12  # words; shorter utterances may grow by more

_IN_QUOTES = re.compile(r"^(?:[^\"\n]{0,80}:\s*)?\"(?P<text>[^\"]+)\"\s*(?P<note>.*)\Z", re.DOTALL)


def _values(record: Record, material: Material) -> dict[str, str]:
    return {
        "actor": described(record),
        "context": record["context"],
        "utterance": record["text"],
        "emotion": record["emotion"],
    }


def read_rewritten(reply: Reply, record: Record, material: Material) -> Iterator[Record | Rejected]:
    """Reads a rewritten utterance.

    Args:
        reply: The model's answer.
        record: The example with its context.
        material: Not used.

    Yields:
        The example with ``rewritten`` and, if the model gave any, ``rewriting_reasoning``.

    Raises:
        Rejected: If the whole answer cannot be used; 'cut off', 'longer than before', 'names the
            emotion'.
    """
    answer = plain_text(reply)
    if reply.finish_reason == "length":
        raise Rejected("cut off", answer)
    text, notes = passage(answer)
    if quoted := _IN_QUOTES.match(text):  # what stands after the quotes is no utterance
        text, notes = quoted["text"], f"{quoted['note']} {notes}".strip(" ()")
    elif "\n\n" in text:
        text, after = text.split("\n\n", maxsplit=1)
        notes = f"{after} {notes}".strip()
    text = " ".join(unquoted(text).split())
    if not any(char.isalpha() for char in text):
        raise Rejected("empty", answer)
    if len(text.split()) > MOST_GROWTH * max(len(record["text"].split()), SHORT):
        raise Rejected("longer than before", text)
    if record["emotion"] != NEUTRAL and _names(record["emotion"], text):
        raise Rejected("names the emotion", text)
    example = {**record, "rewritten": text}
    if notes:
        example["rewriting_reasoning"] = notes
    yield example


def _names(emotion: str, text: str) -> bool:
    return re.search(rf"\b{emotion}\b", text, re.IGNORECASE) is not None


STEP = Step(
    "rewriting", frozenset({"actor", "context", "utterance", "emotion"}), _values, read_rewritten
)
