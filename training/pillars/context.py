"""Step 4: the context of an utterance, up to the moment it is spoken, without emotions."""

from __future__ import annotations

from collections.abc import Iterator

from training.llm.journal import Record
from training.llm.reply import Reply
from training.pillars.answer import Rejected, passage, plain_text, whole_sentences
from training.pillars.step import Material, Step
from training.pillars.utterances import described

FEWEST_WORDS = 5
QUOTED_WORDS = 4  # an utterance as long as this does not come in a context by chance


def _values(record: Record, material: Material) -> dict[str, str]:
    return {
        "narrative": material.narratives[record["narrative"]],
        "actor": described(record),
        "utterance": record["text"],
    }


def read_context(reply: Reply, record: Record, material: Material) -> Iterator[Record | Rejected]:
    """Reads a context; a last sentence that was cut off is left out.

    Args:
        reply: The model's answer.
        record: The example.
        material: Not used.

    Yields:
        The example with ``context`` and, if the model gave any, ``context_reasoning``.

    Raises:
        Rejected: If the whole answer cannot be used; 'too short', 'tells the utterance'.
    """
    text, notes = passage(plain_text(reply))
    if reply.finish_reason == "length":
        text = whole_sentences(text)
    if len(text.split()) < FEWEST_WORDS:
        raise Rejected("too short", reply.text)
    utterance = record["text"].strip(" .!?").lower()
    if len(utterance.split()) >= QUOTED_WORDS and utterance in text.lower():
        raise Rejected("tells the utterance", text)
    example = {**record, "context": " ".join(text.split())}
    if notes:
        example["context_reasoning"] = notes
    yield example


STEP = Step("context", frozenset({"narrative", "actor", "utterance"}), _values, read_context)
