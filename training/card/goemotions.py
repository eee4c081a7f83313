"""GoEmotions' 28 classes: precision, recall and F1, each class, and what is taken for what."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from training.card.bootstrap import Rows, estimate
from training.evaluation.class_scores import precision_recall_f1

Floats = npt.NDArray[np.float64]
FIGURES = ("precision", "recall", "F1")


def measure_classes(
    probabilities: Floats, targets: Floats, thresholds: Floats, labels: Sequence[str]
) -> dict[str, Any]:
    """Scores the classes at thresholds.

    Args:
        probabilities: (texts, labels).
        targets: (texts, labels), 0 or 1.
        thresholds: From which probability a label is predicted, (labels,).
        labels: Their names.

    Returns:
        `macro`: precision, recall and F1 averaged over the labels, with intervals; `classes`: each
        label's precision, recall, F1 (with its interval), threshold and support.
    """
    predicted = probabilities >= thresholds

    def statistic(rows: Rows) -> dict[str, float]:
        figures = precision_recall_f1(predicted[rows], targets[rows])
        macro = dict(zip(FIGURES, figures.mean(1).tolist(), strict=True))
        return macro | {
            f"F1 {label}": f1 for label, f1 in zip(labels, figures[2].tolist(), strict=True)
        }

    estimates = estimate(statistic, len(targets))
    precision, recall, _ = precision_recall_f1(predicted, targets)
    return {
        "macro": {name: estimates[name] for name in FIGURES},
        "classes": {
            label: {
                "precision": float(precision[column]),
                "recall": float(recall[column]),
                "F1": estimates[f"F1 {label}"],
                "threshold": float(thresholds[column]),
                "support": int(targets[:, column].sum()),
            }
            for column, label in enumerate(labels)
        },
    }


def confusion(probabilities: Floats, targets: Floats) -> npt.NDArray[np.integer]:
    """Counts gold labels against the strongest predicted ones, in texts with one gold label.

    Args:
        probabilities: (texts, labels).
        targets: (texts, labels), 0 or 1.

    Returns:
        (gold labels, predicted labels).
    """
    single = targets.sum(1) == 1
    counts = np.zeros((targets.shape[1],) * 2, dtype=np.int64)
    np.add.at(counts, (targets[single].argmax(1), probabilities[single].argmax(1)), 1)
    return counts


def frequent_confusions(
    counts: npt.NDArray[np.integer], labels: Sequence[str], most: int = 10
) -> list[dict[str, Any]]:
    """Returns the most frequent confusions of two emotions.

    Args:
        counts: Of `confusion`.
        labels: Their names; "neutral" is left out, since it is confused with everything.
        most: So many at most.

    Returns:
        `gold`, `predicted`, `texts`, and `share` of the texts of the gold label.
    """
    pairs: list[dict[str, Any]] = [
        {
            "gold": gold,
            "predicted": predicted,
            "texts": int(counts[row, column]),
            "share": float(counts[row, column] / counts[row].sum()),
        }
        for row, gold in enumerate(labels)
        for column, predicted in enumerate(labels)
        if row != column and "neutral" not in (gold, predicted) and counts[row, column]
    ]
    return sorted(pairs, key=lambda pair: -pair["texts"])[:most]
