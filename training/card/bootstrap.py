"""Bootstrap intervals (Efron 1979): how far a score hangs on which texts were drawn."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypedDict

import numpy as np
import numpy.typing as npt

Rows = npt.NDArray[np.integer]

RESAMPLES = 1000
SHARE = 0.95
SEED = 0


class Estimate(TypedDict):
    """A score and its 95 % interval.

    Attributes:
        value: On the units as they are.
        low: Quantile 0.025 over the resamples.
        high: Quantile 0.975.
    """

    value: float
    low: float
    high: float


def estimate(statistic: Callable[[Rows], Mapping[str, float]], count: int) -> dict[str, Estimate]:
    """Computes scores on all units, and on resamples drawn with replacement.

    Args:
        statistic: Numbers of units (one may come several times) to named scores.
        count: Units there are: texts, or groups of texts that belong together.

    Returns:
        Name to score and interval; the same in every run.
    """
    dice = np.random.default_rng(SEED)
    whole = statistic(np.arange(count))
    drawn = [list(statistic(dice.integers(count, size=count)).values()) for _ in range(RESAMPLES)]
    tail = (1 - SHARE) / 2
    low, high = np.quantile(drawn, (tail, 1 - tail), axis=0).tolist()
    return {
        name: {"value": value, "low": low[column], "high": high[column]}
        for column, (name, value) in enumerate(whole.items())
    }
