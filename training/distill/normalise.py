"""Normalising descriptors: one spelling a descriptor, no repeats, nothing over-long.

Nouns and adjectives stay as mixed as the model wrote them, as in the paper (arXiv 2505.18040).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from pydantic import PositiveInt

from training.recipe import Recipe

NEUTRAL = "neutral"


class Normalisation(Recipe):
    """What is too long.

    Attributes:
        max_words: Words of a descriptor; a longer one is prose and is dropped.
        max_characters: Characters of a descriptor; a longer one is dropped.
        max_descriptors: Descriptors of a text; the first ones, the most salient, are kept.
    """

    max_words: PositiveInt = 6
    max_characters: PositiveInt = 40
    max_descriptors: PositiveInt = 8


def normalise(
    descriptors: Sequence[str], settings: Normalisation, counts: Counter[str]
) -> list[str]:
    """Normalises the descriptors of one text.

    Args:
        descriptors: As the model wrote them, most salient first.
        settings: What is too long.
        counts: How often which change was made; added to.

    Returns:
        The descriptors kept, in the same order; empty if all were too long.

    Example:
        >>> normalise(["Quiet  Joy", "quiet joy", "neutral"], Normalisation(), Counter())
        ['quiet joy']
    """
    kept: list[str] = []
    for descriptor in descriptors:
        spaced = " ".join(descriptor.split())
        term = spaced.lower()
        counts["white space"] += spaced != descriptor
        counts["case"] += term != spaced
        too_long = len(term.split()) > settings.max_words or len(term) > settings.max_characters
        counts["too long"] += too_long
        counts["repeated"] += term in kept
        if not too_long and term not in kept:
            kept.append(term)
    if NEUTRAL in kept and len(kept) > 1:  # 'neutral if none': the others say that there are some
        kept.remove(NEUTRAL)
        counts["neutral beside others"] += 1
    counts["too many"] += max(len(kept) - settings.max_descriptors, 0)
    return kept[: settings.max_descriptors]
