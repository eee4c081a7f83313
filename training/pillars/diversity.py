"""How alike texts are within and across emotions, and which emotions there are (section 7)."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

import numpy as np
from numpy.typing import NDArray

from training.llm.journal import Record
from training.pillars.embedding import Vectors


@dataclass(frozen=True)
class Similarity:
    """Mean cosines of pairs of texts.

    Attributes:
        emotions: In the order of the matrix.
        matrix: Mean cosine of the texts of two emotions, a text never with itself; shape
            (emotions, emotions); nan for an emotion with one text.
        within: Mean cosine of two texts of the same emotion, over all such pairs.
        across: Mean cosine of two texts of different emotions, over all such pairs.
    """

    emotions: list[str]
    matrix: NDArray[np.float64]
    within: float
    across: float

    def summary(self) -> dict[str, Any]:
        """Plain JSON types."""
        own = dict(zip(self.emotions, np.diag(self.matrix).tolist(), strict=True))
        return {"within": self.within, "across": self.across, "within_each": own}


def similarity_by_emotion(vectors: Vectors, emotions: Sequence[str]) -> Similarity:
    """Compares all pairs of texts, by sums of vectors: no pair is looked at by itself.

    Args:
        vectors: Unit vectors, shape (texts, dimensions).
        emotions: The primary emotion of each text.

    Returns:
        The mean cosines; nan where there is no pair.
    """
    names = sorted(set(emotions))
    rows = np.array([names.index(emotion) for emotion in emotions], int)
    sums = np.zeros((len(names), vectors.shape[1]))
    np.add.at(sums, rows, vectors)
    counts = np.bincount(rows, minlength=len(names)).astype(float)
    totals = sums @ sums.T - np.diag(counts)  # a text's cosine with itself is 1
    pairs = np.outer(counts, counts) - np.diag(counts)
    own = np.eye(len(names), dtype=bool)
    return Similarity(
        names, _ratio(totals, pairs), _mean(totals, pairs, own), _mean(totals, pairs, ~own)
    )


def _ratio(totals: NDArray[np.float64], pairs: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.where(pairs > 0, totals / np.maximum(pairs, 1), np.nan)


def _mean(
    totals: NDArray[np.float64], pairs: NDArray[np.float64], where: NDArray[np.bool_]
) -> float:
    count = float(pairs[where].sum())
    return float(totals[where].sum()) / count if count else math.nan


def coverage(examples: Sequence[Record], emotions: Sequence[str]) -> dict[str, Any]:
    """Counts emotions.

    Args:
        examples: With ``emotion`` and ``labels``.
        emotions: All that there could be.

    Returns:
        ``primary`` and ``soft``: examples by emotion; ``missing``: emotions without an example;
        ``evenness``: entropy of the primary emotions, 1 if all are as frequent; ``labels_each``
        and ``level``: mean number of labels of an example, and their mean level.
    """
    primary = Counter({emotion: 0 for emotion in emotions})
    primary.update(example["emotion"] for example in examples)
    soft = Counter(emotion for example in examples for emotion in example["labels"])
    levels = [level for example in examples for level in example["labels"].values()]
    shares = [count / len(examples) for count in primary.values() if count]
    return {
        "primary": dict(primary.most_common()),
        "soft": dict(soft.most_common()),
        "missing": [emotion for emotion in emotions if not primary[emotion]],
        "evenness": -sum(share * math.log(share, len(emotions)) for share in shares),
        "labels_each": len(levels) / len(examples),
        "level": fmean(levels),
    }


def personalisation(vectors: Vectors, examples: Sequence[Record]) -> dict[str, float]:
    """How much contexts belong to their actors: mean cosines of pairs of contexts.

    Args:
        vectors: Unit vectors of the contexts.
        examples: With ``narrative`` and ``actor``.

    Returns:
        ``same_actor``, ``same_narrative`` (but another actor), ``other_narrative``: the further
        they are apart, the more personal the contexts; ``names_actor``: the share of contexts
        that hold a word of the actor's name. nan where there is no pair.
    """
    cosines = (vectors @ vectors.T).astype(float)
    narratives = np.array([example["narrative"] for example in examples])
    actors = np.array([f"{example['narrative']}\n{example['actor']}" for example in examples])
    same_narrative = narratives[:, None] == narratives
    same_actor = actors[:, None] == actors
    others = ~np.eye(len(examples), dtype=bool)

    def mean(pairs: NDArray[np.bool_]) -> float:
        return float(cosines[pairs].mean()) if pairs.any() else math.nan

    return {
        "same_actor": mean(same_actor & others),
        "same_narrative": mean(same_narrative & ~same_actor),
        "other_narrative": mean(~same_narrative),
        "names_actor": fmean(map(_names_actor, examples)),
    }


def _names_actor(example: Record) -> bool:
    words = example["actor"].lower().split()
    return any(word in example["context"].lower() for word in words if len(word) > 2)
