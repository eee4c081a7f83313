"""Benchmarks whose label sets the bundle was not trained on."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from training.card.bootstrap import Estimate, Rows, estimate
from training.evaluation.zero_shot import Floats, Scorer, Scores, answer, score
from training.readers.benchmarks import Benchmark

UNSEEN = ("semeval2018_ec", "isear", "emobank")


def measure_zero_shot(
    benchmarks: Mapping[str, Benchmark], scorer: Scorer, template: str
) -> dict[str, dict[str, Estimate]]:
    """Scores a bundle with intervals; see `training.evaluation.zero_shot.evaluate`."""
    measures = {}
    for name in UNSEEN:
        answers = answer(benchmarks[name], scorer, template)
        targets = benchmarks[name].splits["test"].targets
        statistic = partial(_scores, benchmarks[name], answers, targets)
        measures[name] = estimate(statistic, len(targets))
    return measures


def _scores(benchmark: Benchmark, answers: Floats, targets: Floats, rows: Rows) -> Scores:
    return score(benchmark, answers[rows], targets[rows])
