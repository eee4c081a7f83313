"""Reading an LLM's answer as a list of descriptors, or telling why it is none."""

from __future__ import annotations

import re

from training.llm.reply import Reply

# Ways in which models refuse in plain words. A descriptor may be 'sorry': what follows decides.
_REFUSAL = re.compile(
    r"(i(['’]m| am) )?(very )?(sorry|afraid),? (but |i |that |as )"
    r"|i (can(['’]|no)t|can not|won['’]t|will not|am not able|am unable|do not feel)\b"
    r"|i['’]m (not able|unable)\b"
    r"|as an? (ai|artificial|large language)\b"
    r"|unfortunately,? (i|as)\b",
    re.IGNORECASE,
)
_REASONING = re.compile(r"<think>.*?(</think>|\Z)", re.DOTALL)
_LEAD = re.compile(r"^[^,:\n]{0,60}:(?=\s|$)")  # 'Emotions:', 'The emotions expressed are:'
_SEPARATOR = re.compile(r"[,;\n，、；]")
_MARKER = re.compile(r"^\s*([-*•–]+|\d+[.)])\s+")  # of a list
_AROUND = " \t\"'`*_“”‘’«»[](){}.!"


class NoDescriptors(ValueError):
    """An answer without descriptors; the text says why."""


def read_descriptors(reply: Reply) -> list[str]:
    """Reads the comma-separated descriptors of an answer.

    Allowed for, since models do so: a lead ('Emotions: ...'), lists with bullets or numbers, quotes
    and bold, a reasoning part in <think> tags.

    Args:
        reply: The model's answer.

    Returns:
        The descriptors as written, in order; not normalised.

    Raises:
        NoDescriptors: 'refusal', 'cut off', 'empty' or 'no words'.
    """
    text = _REASONING.sub("", reply.text).strip()
    if reply.refusal or reply.finish_reason == "content_filter" or _REFUSAL.match(text):
        raise NoDescriptors("refusal")
    if reply.finish_reason == "length":
        raise NoDescriptors("cut off")
    if not text:
        raise NoDescriptors("empty")
    terms = [_MARKER.sub("", part).strip(_AROUND) for part in _SEPARATOR.split(_LEAD.sub("", text))]
    words = [term for term in terms if _is_text(term)]
    if not words:
        raise NoDescriptors("no words")
    return words


def _is_text(term: str) -> bool:
    """Whether a term has letters, and no control characters or bytes that were no UTF-8."""
    clean = all(char.isprintable() or char.isspace() for char in term) and "\ufffd" not in term
    return clean and any(char.isalpha() for char in term)
