"""Latencies of alternatives, measured in turn, so that the machine's moods hit all alike."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Callable

import numpy as np

WARM_UP = 10


@dataclass(frozen=True)
class Latency:
    """Milliseconds of one call: median and 95th percentile."""

    p50: float
    p95: float


def measure(calls: Mapping[str, Callable[[], object]], rounds: int) -> dict[str, Latency]:
    """Times each call `rounds` times, one after the other within each round."""
    seconds: dict[str, list[float]] = {name: [] for name in calls}
    for number in range(WARM_UP + rounds):
        for name, call in calls.items():
            start = time.perf_counter()
            call()
            if number >= WARM_UP:
                seconds[name].append(time.perf_counter() - start)
    return {
        name: Latency(*(1000 * np.quantile(times, [0.5, 0.95])).tolist())
        for name, times in seconds.items()
    }
