"""Step 2: utterances of an actor, eight of different emotions and two neutral ones."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator

from training.llm.journal import Record
from training.llm.reply import Reply
from training.pillars.answer import Rejected, cut_off_item, items, plain_text, unquoted
from training.pillars.step import Material, Step
from training.pillars.taxonomy import NEUTRAL, Taxonomy

MOST_NEUTRAL = 2

_WORDS = r"[A-Za-z][A-Za-z'-]*(?:\s*[ /,&+]\s*(?:and |or )?[A-Za-z'-]+){0,3}"
_KEYWORD = re.compile(
    r"^(?:(?:emotion|label|feeling)s?\s*(?:\d{1,2}\s*)?[:=-]\s*|utterance\s*\d{0,2}\s*(?=[(\[]))",
    re.IGNORECASE,
)
_KEYWORD_SPEECH = re.compile(
    r"[\s,;|-]*\b(?:utterance|text|quote|line|speech|dialogue)\s*(?:\d{1,2}\s*)?[:=]\s*",
    re.IGNORECASE,
)
_LABEL_ALONE = re.compile(rf"^[\[(]?(?P<label>{_WORDS})[\])]?\s*:?$")
_FORMS = [
    # [joy] "...", (joy) ..., joy: ..., joy (because ...): ..., joy 2 - "..."
    re.compile(rf"^[\[(](?P<label>{_WORDS})[\])]\s*[:–—-]*\s*(?P<text>.+)$"),
    re.compile(
        rf"^(?P<label>{_WORDS})\s*#?\d{{0,2}}\s*(?:\((?P<reason>[^)]*)\))?\s*"
        r"(?::|\s[-–—]+\s|[–—|]|-\s|(?=\"))\s*(?P<text>.+)$"
    ),
    # "..." (joy), "..." - joy, "..." [joy: because ...]
    re.compile(
        rf"^(?P<text>\".+\")\s*[-–—:|]*\s*[\[(](?P<label>{_WORDS})"
        r"(?:\s*[:;,–—-]\s*(?P<reason>[^)\]]*))?[\])]\.?$"
    ),
    re.compile(rf"^(?P<text>\".+\")\s*[-–—:|]+\s*(?P<label>{_WORDS})\.?$"),
]
_QUOTED = re.compile(r"^\"(?P<text>.+?)\"\s*(?:[-–—]+\s*|[(\[])(?P<reason>[^\"]+?)[)\]]?\.?$")
_STAGE_DIRECTION = re.compile(r"^(?:\*[^*]+\*|\([^)]*\)|\[[^\]]*\])\s*")


def described(record: Record) -> str:
    """An actor with the role, for a prompt."""
    return f"{record['actor']} ({record['role']})" if record["role"] else str(record["actor"])


def _values(record: Record, material: Material) -> dict[str, str]:
    return {
        "narrative": material.narratives[record["narrative"]],
        "actor": described(record),
        "definitions": material.taxonomy.listing(),
    }


def read_utterances(
    reply: Reply, record: Record, material: Material
) -> Iterator[Record | Rejected]:
    """Reads a list of emotions and utterances, in whichever order and dress.

    Args:
        reply: The model's answer.
        record: The actor.
        material: The emotions.

    Yields:
        The actor's record with ``text``, ``emotion`` and, where there are any, ``original_label``
        and ``reasoning``; and rejections: 'cut off', 'prose', 'no label', 'no utterance', 'unknown
        label', 'repeated emotion', 'repeated utterance'.

    Raises:
        Rejected: If the whole answer cannot be used.
    """
    found, prose = items(_joined(plain_text(reply), material.taxonomy))
    yield from cut_off_item(reply, found)
    yield from (Rejected("prose", line) for line in prose if not line.endswith(":"))
    emotions: Counter[str] = Counter()
    texts: set[str] = set()
    for item in found:
        try:
            label, text, reasoning = _read_item(item)
        except Rejected as why:
            yield why
            continue
        emotion = material.taxonomy.resolve(label)
        if emotion is None:
            yield Rejected("unknown label", item)
        elif emotions[emotion] == (MOST_NEUTRAL if emotion == NEUTRAL else 1):
            yield Rejected("repeated emotion", item)
        elif text.lower() in texts:
            yield Rejected("repeated utterance", item)
        else:
            emotions[emotion] += 1
            texts.add(text.lower())
            utterance = {**record, "id": f"{record['id']}/{len(texts)}"}
            utterance |= {"text": text, "emotion": emotion}
            if label.lower() != emotion:
                utterance["original_label"] = label
            if any(char.isalpha() for char in reasoning):
                utterance["reasoning"] = reasoning
            yield utterance


def _joined(text: str, taxonomy: Taxonomy) -> str:
    """Puts a label that stands alone and the utterance under it on one line."""
    lines: list[str] = []
    label = ""
    for line in filter(None, map(str.strip, text.split("\n"))):
        bare = _KEYWORD.sub("", re.sub(r"^[-*•\d.)(\s]+", "", line))
        alone = _LABEL_ALONE.match(bare)
        if not label and alone and (line != bare or taxonomy.resolve(alone["label"])):
            label = line.rstrip(":")
        elif label:
            speech = re.sub(r"^[-*•]\s+", "", _KEYWORD_SPEECH.sub("", line, count=1))
            lines.append(f"{label}: {speech}")
            label = ""
        else:
            lines.append(line)
    return "\n".join([*lines, label] if label else lines)


def _read_item(item: str) -> tuple[str, str, str]:
    bare = _KEYWORD.sub("", item).strip()
    bare = _KEYWORD_SPEECH.sub(": ", bare, count=1)
    match = next(filter(None, (form.match(bare) for form in _FORMS)), None)
    if match is None:
        raise Rejected("no label", item)
    reasoning = match.groupdict().get("reason") or ""
    text = match["text"].strip()
    if quoted := _QUOTED.match(text):
        text, reasoning = quoted["text"], quoted["reason"]
    text = unquoted(_STAGE_DIRECTION.sub("", unquoted(text.lstrip(":- "))))
    if not any(char.isalpha() for char in text):
        raise Rejected("no utterance", item)
    return match["label"].strip(), text, reasoning.strip()


STEP = Step(
    "utterances", frozenset({"narrative", "actor", "definitions"}), _values, read_utterances
)
