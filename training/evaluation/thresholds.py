"""Per-label thresholds, chosen on the dev split."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

GRID: Floats = np.arange(21) / 20
"""0 to 1 in steps of 0.05 (arXiv 2505.18040, section 4)."""


def calibrate(scores: Floats, targets: Floats, grid: Floats = GRID) -> Floats:
    """Chooses for each label the threshold of the best F1.

    Args:
        scores: (texts, labels) of the dev split; a label is predicted from its threshold on.
        targets: (texts, labels), 0 or 1.
        grid: The thresholds to choose from.

    Returns:
        (labels,); of thresholds that are equally good, the middle one.
    """
    chosen = np.empty(scores.shape[1])
    for label in range(scores.shape[1]):
        predicted = scores[:, label, None] >= grid
        true = targets[:, label, None] == 1
        hits = (predicted & true).sum(0)
        f1 = 2 * hits / np.maximum(predicted.sum(0) + true.sum(0), 1)
        best = np.flatnonzero(f1 == f1.max())
        chosen[label] = grid[best[len(best) // 2]]
    return chosen
