"""Zero-shot evaluation: one label, several labels, valence and activation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt
from scipy.stats import pearsonr, spearmanr
from sklearn.metrics import f1_score

from training.evaluation.thresholds import calibrate
from training.readers.benchmarks import Benchmark

Floats = npt.NDArray[np.float64]
Scores = dict[str, float]

AXES = (("positivity", "negativity"), ("high activation", "low activation"))
"""Valence and activation are differences of the scores of these labels."""


class Scorer(Protocol):
    """Says how well labels fit texts, without having been trained on the label set."""

    def scores(self, texts: Sequence[str], labels: Sequence[str]) -> Floats:
        """Returns (texts, labels); the higher, the better the label fits, on any scale."""

    def probabilities(self, scores: Floats) -> Floats:
        """Maps scores, (texts, labels), to [0, 1], where thresholds are set."""


def evaluate(benchmark: Benchmark, scorer: Scorer, template: str = "{label}") -> Scores:
    """Evaluates on a benchmark's test split; thresholds of multi-label sets from its dev split.

    Args:
        benchmark: The data.
        scorer: The model.
        template: What stands for a label of the benchmark, with {label} in it; the poles of
            valence and activation stand for themselves.

    Returns:
        "macro-F1" and "F1 <label>"; or, for a regression, "V Spearman", "V Pearson" and so for A.
    """
    test = benchmark.splits["test"]
    if benchmark.kind == "regression":
        poles = scorer.scores(test.texts, [pole for axis in AXES for pole in axis])
        return regression_scores(poles[:, 0::2] - poles[:, 1::2], test.targets)
    phrases = [template.format(label=label) for label in benchmark.labels]
    scores = scorer.scores(test.texts, phrases)
    if benchmark.kind == "single-label":
        return single_label_scores(benchmark.labels, scores, test.targets)
    dev = benchmark.splits["dev"]
    dev_scores = scorer.scores(dev.texts, phrases)
    thresholds = calibrate(scorer.probabilities(dev_scores), dev.targets)
    predicted = scorer.probabilities(scores) >= thresholds
    return multi_label_scores(benchmark.labels, predicted, test.targets)


def multi_label_scores(
    labels: Sequence[str], predicted: npt.NDArray[np.bool_], targets: Floats
) -> Scores:
    """Returns the macro-F1 and each label's F1 of predictions, (texts, labels)."""
    f1 = f1_score(targets, predicted, average=None, zero_division=0.0)
    return {"macro-F1": float(f1.mean()), **_by_label(labels, f1)}


def single_label_scores(labels: Sequence[str], scores: Floats, targets: Floats) -> Scores:
    """Returns the macro-F1 and each label's F1 where the best-scored label is predicted."""
    numbers = np.arange(len(labels))
    f1 = f1_score(
        targets.argmax(1), scores.argmax(1), labels=numbers, average=None, zero_division=0.0
    )
    return {"macro-F1": float(f1.mean()), **_by_label(labels, f1)}


def regression_scores(values: Floats, targets: Floats) -> Scores:
    """Returns Spearman's and Pearson's correlations of valence and activation, (texts, 2) each.

    A constant answer, whose correlation is not defined, counts as 0.
    """
    scores: Scores = {}
    for column, axis in enumerate("VA"):
        pair = values[:, column], targets[:, column]
        constant = np.ptp(pair[0]) == 0
        scores[f"{axis} Spearman"] = 0.0 if constant else float(spearmanr(*pair).statistic)
        scores[f"{axis} Pearson"] = 0.0 if constant else float(pearsonr(*pair).statistic)
    return scores


def _by_label(labels: Sequence[str], f1: Floats) -> Scores:
    return {f"F1 {label}": float(value) for label, value in zip(labels, f1, strict=True)}
