"""What cleaning and rewriting changed, and which markers of emotion rewriting removed (sect. 7)."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from statistics import fmean
from typing import Any

import numpy as np
from rapidfuzz.fuzz import partial_ratio

from training.pillars.embedding import Encoder
from training.pillars.taxonomy import Taxonomy

_WORD = re.compile(r"[a-z']+")
_INTERJECTION = re.compile(
    r"\b(?:oh|ah|wow|ugh|hey|aha|ha(?:ha)+|hooray|hurray|yay|alas|ouch|phew|hmm+|huh|eww?|"
    r"damn|god|gosh|goodness|heavens)\b",
    re.IGNORECASE,
)
_INTENSIFIER = re.compile(
    r"\b(?:so|very|really|truly|absolutely|totally|completely|utterly|extremely|incredibly|"
    r"terribly|such|too|never|always|ever|just)\b",
    re.IGNORECASE,
)
_CAPITALS = re.compile(r"\b[A-Z]{3,}\b")


def compare(before: Sequence[str], after: Sequence[str], encoder: Encoder) -> dict[str, Any]:
    """Compares texts with their successors.

    Args:
        before: Texts.
        after: What became of each.
        encoder: For the cosine.

    Returns:
        ``cosine`` and ``levenshtein`` (partial ratio, 0 to 1): one value a pair, 1 for equal
        texts; ``words_before`` and ``words_after``: mean lengths; ``unchanged``: share of equal
        texts.
    """
    cosines = np.sum(encoder.embed(before) * encoder.embed(after), axis=1)
    pairs = list(zip(before, after, strict=True))
    return {
        "cosine": cosines.tolist(),
        "levenshtein": [partial_ratio(old, new) / 100 for old, new in pairs],
        "words_before": fmean(len(text.split()) for text in before),
        "words_after": fmean(len(text.split()) for text in after),
        "unchanged": fmean(old == new for old, new in pairs),
    }


def markers(
    before: Sequence[str], after: Sequence[str], taxonomy: Taxonomy
) -> dict[str, dict[str, float]]:
    """The share of utterances with each marker of emotion, before and after rewriting.

    Args:
        before: Utterances.
        after: Rewritten ones.
        taxonomy: Its emotions and synonyms are the emotion words.

    Returns:
        For each kind of marker, ``before`` and ``after``.
    """
    kinds: dict[str, Callable[[str], object]] = {
        "emotion word": lambda text: any(w in taxonomy.emotion_of for w in _words(text)),
        "exclamation mark": lambda text: "!" in text,
        "interjection": _INTERJECTION.search,
        "intensifier": _INTENSIFIER.search,
        "ellipsis": lambda text: "..." in text or "…" in text,
        "capitals": _CAPITALS.search,
        "question mark": lambda text: "?" in text,
    }
    return {
        kind: {"before": _share(has, before), "after": _share(has, after)}
        for kind, has in kinds.items()
    }


def removed_words(before: Sequence[str], after: Sequence[str], most: int) -> dict[str, int]:
    """The words that rewriting removed from most utterances, less those where it added them."""
    balance: Counter[str] = Counter()
    for old, new in zip(before, after, strict=True):
        balance.update(set(_words(old)))
        balance.subtract(set(_words(new)))
    return {word: count for word, count in balance.most_common(most) if count > 0}


def _words(text: str) -> list[str]:
    return _WORD.findall(text.lower())


def _share(has: Callable[[str], object], texts: Iterable[str]) -> float:
    return fmean(bool(has(text)) for text in texts)
