"""Step 3: soft labels of an utterance, the plot withheld and the primary emotion given."""

from __future__ import annotations

import re
from collections.abc import Iterator

from training.llm.journal import Record
from training.llm.reply import Reply
from training.pillars.answer import Rejected, cut_off_item, items, plain_text
from training.pillars.step import Material, Step

MOST_LABELS = 5
THRESHOLD = 0.3  # labels up to it are dropped, as in the paper

_SEVERAL = re.compile(r"\d\s*\)?\s*[,;|]\s*(?=[A-Za-z])")
_LEVEL = (
    r"(?P<level>\d{1,3}\s*%|\d{1,2}(?:\.\d+)?\s*(?:/|out of)\s*10{0,2}(?!\d)"
    r"|\d{1,2}[.,]\d+|\.\d+|\d)"
)
_LABEL = re.compile(
    r"^[\[(\"']*(?P<label>[A-Za-z][A-Za-z' /&-]{0,40}?)[\])\"']*\s*"
    rf"(?:[:=–—,|-]+\s*|[(\[]|\s)\s*(?:(?:level|expressiveness|score|intensity)\s*[:=]?\s*)?{_LEVEL}"
    r"(?![\d.]\d)(?P<reason>.*)$",
    re.IGNORECASE,
)
_NO_LEVEL = re.compile(
    r"^[\[(\"']*(?P<label>[A-Za-z][A-Za-z' /&-]{0,40}?)[\])\"']*\s*(?:[:–—(].*)?$"
)


def _values(record: Record, material: Material) -> dict[str, str]:
    return {
        "utterance": record["text"],
        "emotion": record["emotion"],
        "definitions": material.taxonomy.listing(),
    }


def read_soft_labels(
    reply: Reply, record: Record, material: Material
) -> Iterator[Record | Rejected]:
    """Reads up to five emotions with their levels, a line each or between commas.

    Args:
        reply: The model's answer.
        record: The utterance.
        material: The emotions.

    Yields:
        The record with ``labels`` (emotion to level, above 0.3, in steps of 0.1) and, where there
        are any, ``label_notes`` (emotion to original label and reasoning) and
        ``label_reasoning`` (prose around the list); and rejections: 'cut off', 'no label',
        'missing level', 'level out of range', 'unknown label', 'repeated emotion', 'too many'.

    Raises:
        Rejected: If the whole answer cannot be used, or has no level over the threshold for the
            primary emotion, which it was given.
    """
    text = plain_text(reply)
    found, prose = items(text)
    if len(found) == 1:
        found = _SEVERAL.sub(lambda match: match[0].rstrip(",;| ") + "\n", found[0]).split("\n")
    yield from cut_off_item(reply, found)
    labels: dict[str, float] = {}
    notes: dict[str, dict[str, str]] = {}
    for item in found:
        try:
            label, level, reasoning = _read_item(item.strip())
        except Rejected as why:
            yield why
            continue
        emotion = material.taxonomy.resolve(label)
        if emotion is None:
            yield Rejected("unknown label", item)
        elif emotion in labels:
            yield Rejected("repeated emotion", item)
        elif len(labels) == MOST_LABELS:
            yield Rejected("too many", item)
        else:
            labels[emotion] = level
            note = {"original_label": label} if label.lower() != emotion else {}
            note |= {"reasoning": reasoning} if reasoning else {}
            if note:
                notes[emotion] = note
    kept = {emotion: level for emotion, level in labels.items() if level > THRESHOLD}
    if record["emotion"] not in kept:
        raise Rejected("primary emotion absent or weak", text)
    example = {**record, "labels": kept}
    if kept_notes := {emotion: note for emotion, note in notes.items() if emotion in kept}:
        example["label_notes"] = kept_notes
    if reasoning := " ".join(line for line in prose if not line.endswith(":")):
        example["label_reasoning"] = reasoning
    yield example


def _read_item(item: str) -> tuple[str, float, str]:
    match = _LABEL.match(item)
    if match is None:
        raise Rejected("missing level" if _NO_LEVEL.match(item) else "no label", item)
    level = _number(match["level"])
    if not 0 <= level <= 1:
        raise Rejected("level out of range", item)
    return match["label"].strip(), round(level, 1), match["reason"].strip(' ()[].,;:–—-"')


def _number(text: str) -> float:
    """The level that '0.8', '.8', '0,8', '80 %', '8/10' or '80 out of 100' means."""
    if text.endswith("%"):
        return float(text[:-1]) / 100
    parts = re.split(r"\s*(?:/|out of)\s*", text, flags=re.IGNORECASE)
    if len(parts) == 2:
        return float(parts[0]) / float(parts[1])
    return float(text.replace(",", "."))


STEP = Step(
    "soft_labels", frozenset({"utterance", "emotion", "definitions"}), _values, read_soft_labels
)
