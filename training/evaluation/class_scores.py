"""Precision, recall and F1 of each class, fast enough for a thousand resamples."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


def precision_recall_f1(predicted: npt.NDArray[np.bool_], targets: Floats) -> Floats:
    """Returns precision, recall and F1 of each class, (3, classes); 0 where nothing was found.

    Args:
        predicted: (texts, classes).
        targets: (texts, classes), 0 or 1.
    """
    true = targets == 1
    hits, found, present = (predicted & true).sum(0), predicted.sum(0), true.sum(0)
    return np.stack(
        [
            hits / np.maximum(found, 1),
            hits / np.maximum(present, 1),
            2 * hits / np.maximum(found + present, 1),
        ]
    )
