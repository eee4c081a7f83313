"""Step 5: a context without its emotive clauses."""

from __future__ import annotations

from collections.abc import Iterator

from training.llm.journal import Record
from training.llm.reply import Reply
from training.pillars.answer import Rejected, passage, plain_text
from training.pillars.context import FEWEST_WORDS
from training.pillars.step import Material, Step

MOST_GROWTH = 1.1  # cleaning removes; an answer with more words has made something up


def _values(record: Record, material: Material) -> dict[str, str]:
    return {"context": record["context"]}


def read_cleaned(reply: Reply, record: Record, material: Material) -> Iterator[Record | Rejected]:
    """Reads a cleaned context.

    Args:
        reply: The model's answer.
        record: The example with its context.
        material: Not used.

    Yields:
        The example with ``context`` cleaned, the former one as ``full_context`` and, if the model
        gave any, ``cleaning_reasoning``.

    Raises:
        Rejected: If the whole answer cannot be used; 'cut off', 'too short', 'longer than before'.
    """
    text, notes = passage(plain_text(reply))
    if reply.finish_reason == "length":
        raise Rejected("cut off", text)
    if len(text.split()) < FEWEST_WORDS:
        raise Rejected("too short", reply.text)
    if len(text.split()) > MOST_GROWTH * len(record["context"].split()):
        raise Rejected("longer than before", text)
    example = {**record, "context": " ".join(text.split()), "full_context": record["context"]}
    if notes:
        example["cleaning_reasoning"] = notes
    yield example


STEP = Step("cleaning", frozenset({"context"}), _values, read_cleaned)
