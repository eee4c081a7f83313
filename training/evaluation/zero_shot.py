"""Zero-shot evaluation: one label, several labels, valence and activation."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np
import numpy.typing as npt
from scipy.stats import pearsonr, spearmanr

from training.evaluation.class_scores import precision_recall_f1
from training.evaluation.thresholds import calibrate
from training.readers.benchmarks import Benchmark

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
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
    return score(benchmark, answer(benchmark, scorer, template), benchmark.splits["test"].targets)


def answer(benchmark: Benchmark, scorer: Scorer, template: str = "{label}") -> Floats:
    """Returns the answers to a benchmark's test split; arguments as `evaluate`.

    Returns:
        1 for each predicted label, (texts, labels); or, for a regression, valence and activation,
        (texts, 2).
    """
    texts = benchmark.splits["test"].texts
    if benchmark.kind == "regression":
        poles = scorer.scores(texts, [pole for axis in AXES for pole in axis])
        return poles[:, 0::2] - poles[:, 1::2]
    phrases = [template.format(label=label) for label in benchmark.labels]
    scores = scorer.scores(texts, phrases)
    if benchmark.kind == "single-label":
        return _best(scores).astype(np.float64)
    dev = benchmark.splits["dev"]
    dev_scores = scorer.scores(dev.texts, phrases)
    thresholds = calibrate(scorer.probabilities(dev_scores), dev.targets)
    return (scorer.probabilities(scores) >= thresholds).astype(np.float64)


def score(benchmark: Benchmark, answers: Floats, targets: Floats) -> Scores:
    """Scores answers to a benchmark.

    Args:
        benchmark: Its kind and labels.
        answers: Of `answer`, to some texts.
        targets: Of the same texts.

    Returns:
        As `evaluate`.
    """
    if benchmark.kind == "regression":
        return regression_scores(answers, targets)
    return multi_label_scores(benchmark.labels, answers == 1, targets)


def multi_label_scores(labels: Sequence[str], predicted: Bools, targets: Floats) -> Scores:
    """Returns the macro-F1 and each label's F1 of predictions, (texts, labels)."""
    _, _, f1 = precision_recall_f1(predicted, targets)
    by_label = {f"F1 {label}": float(value) for label, value in zip(labels, f1, strict=True)}
    return {"macro-F1": float(f1.mean()), **by_label}


def single_label_scores(labels: Sequence[str], scores: Floats, targets: Floats) -> Scores:
    """Returns the macro-F1 and each label's F1 where the best-scored label is predicted."""
    return multi_label_scores(labels, _best(scores), targets)


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


def _best(scores: Floats) -> Bools:
    best: Bools = np.eye(scores.shape[1], dtype=bool)[scores.argmax(1)]
    return best
