"""Leaving out texts that nearly repeat an earlier one."""

from __future__ import annotations

import numpy as np

from training.pillars.embedding import Vectors

BLOCK = 2048  # texts compared at once


def distinct_rows(vectors: Vectors, threshold: float) -> list[int]:
    """The texts that are unlike all those kept before them.

    Args:
        vectors: Unit vectors, shape (texts, dimensions).
        threshold: The cosine from which on two texts are near-duplicates.

    Returns:
        The rows kept, ascending.
    """
    kept: list[int] = []
    for start in range(0, len(vectors), BLOCK):
        block = vectors[start : start + BLOCK]
        repeats = np.zeros(len(block), bool)
        for earlier in range(0, len(kept), BLOCK):
            rows = kept[earlier : earlier + BLOCK]
            repeats |= (block @ vectors[rows].T >= threshold).any(axis=1)
        within = block @ block.T >= threshold
        for row in range(len(block)):
            if not repeats[row]:
                kept.append(start + row)
                repeats[row + 1 :] |= within[row, row + 1 :]
    return kept
