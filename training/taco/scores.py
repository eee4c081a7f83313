"""What the papers report of single-label classifiers: accuracy, F1, entropy of the top scores."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
from scipy.special import softmax
from sklearn.metrics import f1_score

Floats = npt.NDArray[np.floating]
Ints = npt.NDArray[np.integer]

MEASURES = ("accuracy", "weighted-F1", "macro-F1")
TOP = (2, 3, 4, 5, 6, 8, 10)


def measure(scores: Floats, targets: Ints) -> dict[str, float]:
    """Returns accuracy, weighted-F1 and macro-F1 over all labels, 0 to 1.

    Args:
        scores: (texts, labels); the highest is predicted.
        targets: (texts,), the number of each text's label.
    """
    predicted, labels = scores.argmax(1), np.arange(scores.shape[1])
    f1 = {
        f"{average}-F1": float(
            f1_score(targets, predicted, labels=labels, average=average, zero_division=0.0)
        )
        for average in ("weighted", "macro")
    }
    return {"accuracy": float((predicted == targets).mean()), **f1}


def label_f1(scores: Floats, targets: Ints, labels: Sequence[str]) -> dict[str, float]:
    """Returns the F1 of each label; arguments as for `measure`."""
    numbers = np.arange(len(labels))
    f1 = f1_score(targets, scores.argmax(1), labels=numbers, average=None, zero_division=0.0)
    return dict(zip(labels, f1.tolist(), strict=True))


def top_entropy(scores: Floats, k: int) -> float:
    """Returns the mean entropy in nats of the k highest scores' softmax (TACO, equation 11).

    Low where a model tells the labels that come closest from one another.

    Args:
        scores: (texts, labels).
        k: At most the number of labels.
    """
    shares = softmax(np.sort(scores.astype(np.float64), axis=1)[:, -k:], axis=1)
    return float(-(shares * np.log(np.maximum(shares, np.finfo(np.float64).tiny))).sum(1).mean())
