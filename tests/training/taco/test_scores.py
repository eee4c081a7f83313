"""Measures of single-label classifiers."""

from __future__ import annotations

import math

import numpy as np
import pytest

from training.taco.scores import label_f1, measure, top_entropy

SCORES = np.array([[2.0, 1.0, 0.0], [0.0, 3.0, 1.0], [0.0, 1.0, 0.5], [1.0, 0.0, 0.5]])
TARGETS = np.array([0, 1, 0, 0])


def test_measures_by_hand() -> None:
    # Predicted: 0, 1, 1, 0. F1 of label 0: 2*2/(2+3) = 0.8; of 1: 2*1/(2+1); of 2: none.
    assert label_f1(SCORES, TARGETS, ["a", "b", "c"]) == {
        "a": pytest.approx(0.8),
        "b": pytest.approx(2 / 3),
        "c": 0.0,
    }
    assert measure(SCORES, TARGETS) == {
        "accuracy": 0.75,
        "weighted-F1": pytest.approx((3 * 0.8 + 2 / 3) / 4),
        "macro-F1": pytest.approx((0.8 + 2 / 3) / 3),
    }


@pytest.mark.parametrize("k", [1, 2, 3])
def test_entropy_of_the_top_scores(k: int) -> None:
    total = 0.0
    for row in SCORES.tolist():
        top = [math.exp(score) for score in sorted(row)[-k:]]
        total -= sum(x / sum(top) * math.log(x / sum(top)) for x in top)
    assert top_entropy(SCORES, k) == pytest.approx(total / len(SCORES), abs=1e-12)


def test_extreme_scores_have_an_entropy() -> None:
    assert top_entropy(np.array([[1e4, 0.0, -1e4]], dtype=np.float32), 3) == 0
    assert top_entropy(np.zeros((2, 5)), 4) == pytest.approx(math.log(4))
