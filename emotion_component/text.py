"""Text as the tokenizer wants it: valid Unicode, bounded, emoji spelled out."""

from __future__ import annotations

import re
import unicodedata

MAX_CHARACTERS = 10_000
"""Characters read of one message; the encoder's token budget lies far below."""

# Pictographs, dingbats, symbols and flags; WordPiece vocabularies know almost none of them.
_EMOJI = re.compile("[\u2600-\u27bf\u2b50\u2b55\U0001f300-\U0001faff]")
_EMOJI_MODIFIERS = re.compile("[\ufe0e\ufe0f\u200d\U0001f3fb-\U0001f3ff]")
_LONE_SURROGATE = re.compile("[\ud800-\udfff]")


def _emoji_name(match: re.Match[str]) -> str:
    return f" {unicodedata.name(match.group(), '').lower()} "


def normalise(text: str) -> str:
    """Returns `text` as both training and inference read it.

    Surrogate pairs are joined and lone surrogates replaced by U+FFFD (they cannot be encoded as
    UTF-8); emoji become their Unicode names ("\U0001f602" -> "face with tears of joy"), since the
    vocabulary of BERT-like encoders maps nearly all of them to one unknown token.

    Args:
        text: Any string. Characters past `MAX_CHARACTERS` are dropped.

    Returns:
        A valid Unicode string without emoji.
    """
    text = text[:MAX_CHARACTERS]
    if _LONE_SURROGATE.search(text):
        text = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if not text.isascii():
        text = _EMOJI_MODIFIERS.sub("", text)
        text = _EMOJI.sub(_emoji_name, text)
    return text
