"""Calibration: do labels with probability 0.7 apply in 70 % of the cases?"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from training.card.bootstrap import Rows, estimate

Floats = npt.NDArray[np.float64]

BINS = 15


def measure_calibration(probabilities: Floats, targets: Floats) -> dict[str, Any]:
    """Measures expected calibration errors (Naeini et al. 2015; Guo et al. 2017).

    Probabilities are put into 15 bins of equal width; the error is the mean over the bins, weighed
    by how many lie in each, of |mean probability - share that applies|. It is 0 for a perfect
    model; a finite sample, and so each resample, lies a little higher.

    Args:
        probabilities: (texts, labels).
        targets: (texts, labels), 0 or 1.

    Returns:
        For `all labels` (each probability of each text is one case) and for the `strongest label`
        (one case a text): `error` with its interval and `bins`, those that are not empty, with
        `probability` (mean), `applies` (share) and `cases`.
    """
    rows = np.arange(len(targets))
    best = probabilities.argmax(1)
    return {
        "all labels": _measure(probabilities, targets),
        "strongest label": _measure(probabilities[rows, best, None], targets[rows, best, None]),
    }


def expected_calibration_error(probabilities: Floats, applies: Floats) -> float:
    """Returns the error of cases, arrays of any one shape; see `measure_calibration`."""
    _, totals, applying = _sums(probabilities, applies)
    return float(np.abs(totals - applying).sum() / probabilities.size)


def _measure(probabilities: Floats, applies: Floats) -> dict[str, Any]:
    def statistic(rows: Rows) -> dict[str, float]:
        return {"error": expected_calibration_error(probabilities[rows], applies[rows])}

    bins = zip(*(sums.tolist() for sums in _sums(probabilities, applies)), strict=True)
    return {
        "error": estimate(statistic, len(applies))["error"],
        "bins": [
            {"probability": total / cases, "applies": applying / cases, "cases": int(cases)}
            for cases, total, applying in bins
            if cases
        ],
    }


def _sums(probabilities: Floats, applies: Floats) -> tuple[Floats, Floats, Floats]:
    """Returns for each bin its cases, their probabilities' sum, and how many apply."""
    numbers = np.minimum((probabilities.ravel() * BINS).astype(int), BINS - 1)
    weights = np.ones(probabilities.size), probabilities.ravel(), applies.ravel()
    cases, totals, applying = (
        np.bincount(numbers, weight, BINS).astype(np.float64) for weight in weights
    )
    return cases, totals, applying
