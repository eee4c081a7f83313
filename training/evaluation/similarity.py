"""A scorer by cosine similarity, over anything that embeds texts and labels in one space."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from scipy.special import softmax

from training.evaluation.embedder import Embedder

Floats = npt.NDArray[np.float64]


class SimilarityScorer:
    """Cosine similarity of text and label.

    Args:
        embedder: Texts and labels to unit vectors.
        temperature: Of the softmax over the label set. A little softer than in training (0.1), so
            that a text's second label passes the thresholds' grid: six models gained 0.007 on
            SemEval-2018 (train split, thresholds from dev) over 0.1, and none lost.
    """

    def __init__(self, embedder: Embedder, temperature: float = 0.15) -> None:
        self._embedder = embedder
        self._temperature = temperature

    def scores(self, texts: Sequence[str], labels: Sequence[str]) -> Floats:
        """Returns cosine similarities, (texts, labels)."""
        return self._embedder.embed_texts(texts) @ self._embedder.embed_labels(labels).T

    def probabilities(self, scores: Floats) -> Floats:
        """Returns each label's share among the labels, by softmax, (texts, labels).

        Cosine similarity has no zero point that means "does not apply": those of one text lie all
        higher than those of another. So a label is weighed against the others of its set.
        """
        shares: Floats = softmax(scores / self._temperature, axis=1)
        return shares
