"""Latencies of alternatives, measured in turn, so that the machine's moods hit all alike."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Callable

import numpy as np

WARM_UP = 5
BLOCK = 20
PAUSE_SECONDS = 0.3
"""Between blocks, so that the threads of one runtime, which wait busily for a while after its last
call, do not take the cores from the next."""


@dataclass(frozen=True)
class Latency:
    """Milliseconds of one call: median and 95th percentile."""

    p50: float
    p95: float


def measure(calls: Mapping[str, Callable[[], object]], rounds: int) -> dict[str, Latency]:
    """Times each call `rounds` times, in short blocks that alternate."""
    seconds: dict[str, list[float]] = {name: [] for name in calls}
    for _ in range(0, rounds, BLOCK):
        for name, call in calls.items():
            time.sleep(PAUSE_SECONDS)
            for _ in range(WARM_UP):
                call()
            for _ in range(BLOCK):
                start = time.perf_counter()
                call()
                seconds[name].append(time.perf_counter() - start)
    return {
        name: Latency(*(1000 * np.quantile(times, [0.5, 0.95])).tolist())
        for name, times in seconds.items()
    }
