"""What all parsers share: an answer's plain text, its list items, its notes; and rejections.

Models number lists or do not, quote, write in bold, think aloud, introduce and explain. What they
say about their answer is told apart from the answer and kept.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from training.llm.reply import Reply

_THINKING = re.compile(r"<think(?:ing)?>.*?(?:</think(?:ing)?>|\Z)", re.DOTALL)
# Unlike an utterance that says sorry, a refusal speaks of the task or of being a machine.
_TASK = r"[^.!?\n]{0,60}\b(?:request|content|prompt|that|this|such|utterances?|material)\b"
_REFUSAL = re.compile(
    r"\bas an? (?:ai|artificial|large language|language)\b"
    r"|\bi(?:'m| am) (?:an? (?:ai|artificial|large|language)\b|just an? (?:ai|language)\b)"
    r"|\bi(?:'m| am) (?:unable|not able|not comfortable) (?:to )?"
    r"(?:assist|help|provid|generat|creat|fulfil|continu|comply|writ|produc)"
    r"|\bi (?:can(?:'t|not)|can not|won't|will not|could not|must decline to) "
    rf"(?:assist|comply|fulfil|(?:help|provide|generate|create|produce|write){_TASK})",
    re.IGNORECASE,
)
_QUOTES = str.maketrans({"“": '"', "”": '"', "„": '"', "«": '"', "»": '"', "’": "'", "‘": "'"})
_MARK_UP = re.compile(r"\*\*|__|`+|^\s*#+\s*|^\s*>\s+", re.MULTILINE)
_MARKER = re.compile(
    r"^\s*(?:[-*•–—]+\s+|[-•]|\(?\d{1,3}\s*[.):\]]\s*|\(?[a-z]\)\s+)", re.IGNORECASE
)
_INTRODUCTION = re.compile(
    r"\A(?:sure|certainly|of course|okay|ok|absolutely|here(?:'s| is| are)|below (?:is|are)"
    r"|this is the|the following|based on)\b"
    r"[^\n\"]{0,200}?(?::\s*(?=[\n\"])|[.!]\s*\n|:[ ]+(?=[A-Z]))",
    re.IGNORECASE,
)
_EDITED = (
    r"(?:clean(?:ed)?|revised|edited|rewritten|rephrased|modified|neutral|ambiguous|objective)"
)
_HEADING = re.compile(
    rf"\A(?:the )?(?:final |full |new )?(?:{_EDITED}|(?:{_EDITED} )?"
    r"(?:context|situation|background|scene|text|version|utterance|sentence|quote|answer|output|"
    r"result|rewrite|rewriting)(?: [a-z]+){0,4})\s*:\s*",
    re.IGNORECASE,
)
_NOTE = re.compile(
    r"(?:\n\s*|(?<=[.!?\"])\s+)[(\[]?(?:note|explanation|reason|reasoning|rationale|justification|"
    r"comment|change)s?(?: made)?\s*[:\-–].*\Z"
    r"|\n\s*[(\[]?(?:this (?:rewrit|version|revis|context|text|utterance|sentence|way)|"
    r"in this (?:version|rewrit|revis|context|case)|"
    r"i(?: have|'ve)? (?:removed|kept|replaced|changed|rewrote|rewritten|tried|avoided|omitted))"
    r".*\Z",
    re.IGNORECASE | re.DOTALL,
)
_SENTENCE_END = re.compile(r"[.!?][\"')\]]*(?=\s|\Z)")


@dataclass
class Rejected(Exception):
    """An answer, or an item of one, that is not used.

    Attributes:
        reason: Why, alike for alike cases, so that they can be counted.
        text: What was rejected.
    """

    reason: str
    text: str


def plain_text(reply: Reply) -> str:
    """An answer without thinking aloud, bold and typographic quotes.

    Raises:
        Rejected: 'refusal', 'empty' or 'no words'.
    """
    text = _THINKING.sub("", reply.text).translate(_QUOTES)
    text = _MARK_UP.sub("", text).strip()
    opening = text.split('"')[0][:300]  # what actors say in quotes is no refusal
    if reply.refusal or reply.finish_reason == "content_filter" or _REFUSAL.search(opening):
        raise Rejected("refusal", reply.refusal or text)
    if not text:
        raise Rejected("empty", reply.text)
    if not is_readable(text):
        raise Rejected("no words", text)
    return text


def is_readable(text: str) -> bool:
    """Whether a text has letters, and no control characters or bytes that were no UTF-8."""
    clean = all(char.isprintable() or char.isspace() for char in text) and "\ufffd" not in text
    return clean and any(char.isalpha() for char in text)


def items(text: str) -> tuple[list[str], list[str]]:
    """The items of a list and the prose around it.

    Args:
        text: An answer's plain text.

    Returns:
        Items without their markers, and other lines. If no line has a marker, all lines are items
        but for introductions, which end in a colon.
    """
    lines = [line.strip() for line in text.split("\n") if line.strip()]
    marked = [bool(_MARKER.match(line)) for line in lines]
    if not any(marked):
        marked = [not line.endswith(":") for line in lines]
    listed = [_MARKER.sub("", line) for line, is_item in zip(lines, marked, strict=True) if is_item]
    prose = [line for line, is_item in zip(lines, marked, strict=True) if not is_item]
    return [item for item in listed if item], prose


def passage(text: str) -> tuple[str, str]:
    """The one text that an answer consists of, and the model's notes on it.

    Args:
        text: An answer's plain text.

    Returns:
        The text, without introduction, heading and quotes around it; and the notes, or "".
    """
    body = _HEADING.sub("", _INTRODUCTION.sub("", text, count=1).strip(), count=1).strip()
    note = _NOTE.search(body)
    if note and note.start():
        body, notes = body[: note.start()], note[0].strip(" \n()[]")
    else:
        notes = ""
    return unquoted(body.strip()), notes


def unquoted(text: str) -> str:
    """A text without the quotes around the whole of it."""
    text = text.strip()
    if len(text) > 1 and text[0] == text[-1] == '"' and '"' not in text[1:-1]:
        return text[1:-1].strip()
    if len(text) > 1 and text[0] == text[-1] == "'":
        return text[1:-1].strip()
    if text.count('"') == 1:  # torn
        return text.strip('"').strip()
    return text


def whole_sentences(text: str) -> str:
    """A text without the sentence that was cut off at its end; "" if no sentence is whole."""
    ends = [match.end() for match in _SENTENCE_END.finditer(text)]
    return text[: ends[-1]] if ends else ""


def cut_off_item(reply: Reply, found: list[str]) -> Iterator[Rejected]:
    """Takes the last item off a list that the limit of tokens cut off."""
    if reply.finish_reason == "length" and found:
        yield Rejected("cut off", found.pop())
