"""From probabilities to labels: thresholds chosen on dev, in three ways."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from sklearn.metrics import f1_score

from training.evaluation.thresholds import calibrate
from training.export.calibrate import best_threshold

Floats = npt.NDArray[np.float64]

GRID: Floats = np.arange(5, 96) / 100
"""0.05 to 0.95 in steps of 0.01 (arXiv 2504.16856, appendix D)."""


def one_threshold(scores: Floats, targets: Floats) -> Floats:
    """Returns the threshold, the same for all labels, of the best macro-F1; (labels,).

    Args:
        scores: Probabilities, (texts, labels).
        targets: (texts, labels), 0 or 1.
    """
    true = targets == 1
    macro = []
    for threshold in GRID:
        predicted = scores >= threshold
        hits = (predicted & true).sum(0)
        macro.append((2 * hits / np.maximum(predicted.sum(0) + true.sum(0), 1)).mean())
    return np.full(scores.shape[1], GRID[int(np.argmax(macro))])


def threshold_per_class(scores: Floats, targets: Floats) -> Floats:
    """Returns each label's threshold of the best F1, (labels,)."""
    return calibrate(scores, targets, GRID)


def smoothed_threshold_per_class(scores: Floats, targets: Floats) -> Floats:
    """Returns each label's threshold of the best F1 smoothed over thresholds, (labels,)."""
    return np.array([best_threshold(s, t == 1) for s, t in zip(scores.T, targets.T, strict=True)])


THRESHOLDS: dict[str, Callable[[Floats, Floats], Floats]] = {
    "one": one_threshold,
    "per_class": threshold_per_class,
    "smoothed": smoothed_threshold_per_class,
}


def macro_f1(scores: Floats, targets: Floats, thresholds: Floats) -> float:
    """Returns the macro-F1 over all labels, where a label without hits counts 0."""
    return float(f1_score(targets, scores >= thresholds, average="macro", zero_division=0.0))
