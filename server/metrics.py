"""What Prometheus sees: counts and times, never a message."""

from __future__ import annotations

import functools
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from prometheus_client import (
    REGISTRY,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    generate_latest,
)
from prometheus_client.metrics_core import Metric as Family
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.parser import text_string_to_metric_families

MULTIPROCESS_FOLDER = "PROMETHEUS_MULTIPROC_DIR"
"""Environment variable by which prometheus_client lets several workers count together."""

Metric = TypeVar("Metric", Counter, Histogram)

SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
SIZES = (1, 2, 4, 8, 16, 32, 64, 128, 256)

REQUESTS = Counter(
    "emotion_requests",
    "Requests answered, by route, method and status",
    ["route", "method", "status"],
)
LATENCY = Histogram(
    "emotion_request_seconds", "Time from the header to the last byte", ["route"], buckets=SECONDS
)
STAGES = Histogram(
    "emotion_stage_seconds", "Time in the queue and in the model", ["stage"], buckets=SECONDS
)
BATCH = Histogram("emotion_batch_messages", "Messages of a batch", buckets=SIZES)
QUEUE = Gauge("emotion_queue_messages", "Messages that wait", multiprocess_mode="livesum")
MESSAGES = Counter("emotion_messages", "Messages answered, by group of the emotion", ["group"])
DROPPED = Counter("emotion_dropped", "Requests given up: client_left or deadline", ["reason"])
REFUSED = Counter("emotion_refused", "Requests refused: overloaded or rate_limited", ["reason"])
MEMORY_FAILURES = Counter(
    "emotion_memory_failures", "Turns answered without the memory of conversations"
)


@functools.cache
def labelled(metric: Metric, *values: str) -> Metric:
    """Returns `metric.labels(*values)`, which takes longer than the counting."""
    return metric.labels(*values)


def exposition() -> bytes:
    """Returns the metrics of all workers in Prometheus' text format."""
    registry = REGISTRY
    if MULTIPROCESS_FOLDER in os.environ:
        registry = CollectorRegistry()
        MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return generate_latest(registry)


@dataclass(frozen=True)
class _Families:
    """Metrics of elsewhere, as `generate_latest` takes them."""

    families: Iterable[Family]

    def collect(self) -> Iterable[Family]:
        return self.families


def merge(expositions: Mapping[str, str]) -> bytes:
    """Returns the metrics of several replicas as one exposition.

    Args:
        expositions: Replica to its exposition; becomes the label `replica`, so that no count falls
            when a replica vanishes.
    """
    families: dict[str, Family] = {}
    for replica, text in sorted(expositions.items()):
        for family in text_string_to_metric_families(text):
            samples = [s._replace(labels={**s.labels, "replica": replica}) for s in family.samples]
            families.setdefault(
                family.name, Family(family.name, family.documentation, family.type)
            ).samples.extend(samples)
    return generate_latest(_Families(families.values()))
