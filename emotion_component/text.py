"""Text as the tokenizer wants it: valid Unicode, bounded, emoji spelled out where need be."""

from __future__ import annotations

import re
import unicodedata

MAX_CHARACTERS = 10_000
"""Characters read of one message; the encoder's token budget lies far below."""

# Pictographs, dingbats, symbols and flags; WordPiece vocabularies know almost none of them.
_EMOJI = re.compile("[\u2600-\u27bf\u2b50\u2b55\U0001f300-\U0001faff]")
_EMOJI_MODIFIERS = re.compile("[\ufe0e\ufe0f\u200d\U0001f3fb-\U0001f3ff]")
_LONE_SURROGATE = re.compile("[\ud800-\udfff]")


def normalise(text: str) -> str:
    """Returns `text` as the tokenizer can read it.

    Surrogate pairs are joined and lone surrogates, which have no UTF-8 form, become U+FFFD.

    Args:
        text: Any string. Characters past `MAX_CHARACTERS` are dropped.
    """
    text = text[:MAX_CHARACTERS]
    if _LONE_SURROGATE.search(text):
        text = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text


def spell_emoji(text: str) -> str:
    """Replaces each emoji by its Unicode name: "\U0001f602" becomes "face with tears of joy"."""

    def name(match: re.Match[str]) -> str:
        return f" {unicodedata.name(match.group(), '').lower()} "

    return _EMOJI.sub(name, _EMOJI_MODIFIERS.sub("", text))
