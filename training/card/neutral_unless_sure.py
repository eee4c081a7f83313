"""An operating point for bots that had better say nothing than something wrong.

The strongest label counts from a confidence on; below it the message is taken to be neutral.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from training.card.bootstrap import Rows, estimate

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]

AIMS = (0.7, 0.8, 0.9)
"""Precisions on dev to choose a confidence for."""

GRID: Floats = np.arange(100) / 100


def measure_operating_points(
    dev: tuple[Floats, Floats], test: tuple[Floats, Floats], neutral: int
) -> list[dict[str, Any]]:
    """Chooses confidences on dev and measures them on test.

    Args:
        dev: Probabilities and targets, (texts, labels) each.
        test: So too.
        neutral: Column of the label neutral.

    Returns:
        First without a limit, then for each of `AIMS`: `aim` (None for no limit), `confidence`, and
        with intervals `precision` (share of right ones among answered emotions), `coverage` (share
        of texts answered by an emotion) and `recall` (share of emotional texts answered rightly).
    """
    points = [(None, 0.0), *((aim, choose_confidence(*dev, neutral, aim)) for aim in AIMS)]
    return [
        {"aim": aim, "confidence": confidence, **_measure(*test, neutral, confidence)}
        for aim, confidence in points
    ]


def choose_confidence(probabilities: Floats, targets: Floats, neutral: int, aim: float) -> float:
    """Returns the lowest confidence at which the precision of emotions reaches `aim`, else 1."""
    best, emotional, right = _answers(probabilities, targets, neutral)
    for confidence in GRID.tolist():
        answered = emotional & (best >= confidence)
        if answered.any() and right[answered].mean() >= aim:
            return float(confidence)
    return 1.0


def _answers(probabilities: Floats, targets: Floats, neutral: int) -> tuple[Floats, Bools, Bools]:
    """Returns each text's highest probability, and whether its label is an emotion, and right."""
    labels = probabilities.argmax(1)
    rows = np.arange(len(labels))
    return probabilities.max(1), labels != neutral, targets[rows, labels] == 1


def _measure(
    probabilities: Floats, targets: Floats, neutral: int, confidence: float
) -> dict[str, Any]:
    best, emotional, right = _answers(probabilities, targets, neutral)
    answered = emotional & (best >= confidence)
    found = answered & right
    with_emotion: Bools = np.delete(targets, neutral, axis=1).max(1) == 1

    def statistic(rows: Rows) -> dict[str, float]:
        hits = found[rows].sum()
        return {
            "precision": float(hits / max(answered[rows].sum(), 1)),
            "coverage": float(answered[rows].mean()),
            "recall": float(hits / max(with_emotion[rows].sum(), 1)),
        }

    return {**estimate(statistic, len(targets))}
