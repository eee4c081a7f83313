"""Probes: short messages of a kind that emotion models find hard, with the labels that fit."""

from __future__ import annotations

from pathlib import Path
from typing import Any, TypedDict

import yaml
from scipy.stats import binomtest

from emotion_component import EmotionModel
from emotion_component.labels import coarse_label
from training.card.bootstrap import Estimate

PROBES = Path(__file__).with_name("probes.yaml")


class Probe(TypedDict):
    """A message.

    Attributes:
        text: Its words.
        labels: Emotions that a reader would accept, out of GoEmotions' 28.
    """

    text: str
    labels: list[str]


def read_probes(path: Path = PROBES) -> dict[str, list[Probe]]:
    """Reads the probes of each phenomenon."""
    probes: dict[str, list[Probe]] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return probes


def measure_probes(
    model: EmotionModel, probes: dict[str, list[Probe]]
) -> dict[str, dict[str, Any]]:
    """Measures accuracy by phenomenon.

    Returns:
        Phenomenon to its number of `messages`, and with 95 % intervals the shares whose strongest
        `label` is among the accepted ones, and whose coarse `group` (positive, negative, ambiguous,
        neutral) is that of one of them.
    """
    return {
        phenomenon: {"messages": len(found), **_measure(model, found)}
        for phenomenon, found in probes.items()
    }


def _measure(model: EmotionModel, probes: list[Probe]) -> dict[str, Estimate]:
    results = model.predict_batch([probe["text"] for probe in probes])
    accepted = [probe["labels"] for probe in probes]
    hits = [result.label in labels for result, labels in zip(results, accepted, strict=True)]
    group_hits = [
        result.group in map(coarse_label, labels)
        for result, labels in zip(results, accepted, strict=True)
    ]
    return {"label": _share(hits), "group": _share(group_hits)}


def _share(hits: list[bool]) -> Estimate:
    """Wilson's interval: resampling twenty misses would say that there never is a hit."""
    test = binomtest(sum(hits), len(hits))
    interval = test.proportion_ci(method="wilson")
    return {
        "value": float(test.statistic),
        "low": float(interval.low),
        "high": float(interval.high),
    }
