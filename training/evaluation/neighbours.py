"""Nearest descriptors of labels: what the space has learned, beside the plain encoder."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from training.evaluation.embedder import Embedder

TERMS = 684
"""The paper's number of terms (arXiv 2505.18040, Tables 4 and 6)."""


def nearest_terms(
    embedder: Embedder, labels: Sequence[str], terms: Sequence[str], k: int = 5
) -> dict[str, list[str]]:
    """Returns for each label its `k` nearest terms other than itself, nearest first."""
    similarities = embedder.embed_labels(labels) @ embedder.embed_labels(terms).T
    order = np.argsort(-similarities, axis=1)
    return {
        label: [terms[column] for column in order[row] if terms[column] != label][:k]
        for row, label in enumerate(labels)
    }
