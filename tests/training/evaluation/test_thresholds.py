"""Thresholds on a constructed dev split."""

from __future__ import annotations

import numpy as np
from sklearn.metrics import f1_score

from training.evaluation.thresholds import GRID, calibrate


def test_separable_labels_get_the_middle_of_the_gap() -> None:
    scores = np.array([[0.91, 0.12], [0.83, 0.31], [0.22, 0.33], [0.11, 0.04]])
    targets = np.array([[1, 0], [1, 1], [0, 1], [0, 0]])
    # Label 0 is separated by 0.25 ... 0.80, label 1 by 0.15 ... 0.30.
    np.testing.assert_allclose(calibrate(scores, targets), [0.55, 0.25])


def test_no_other_threshold_of_the_grid_is_better() -> None:
    dice = np.random.default_rng(0)
    targets = (dice.random((300, 3)) < [0.5, 0.2, 0.02]).astype(float)
    scores = np.clip(0.3 * targets + dice.random((300, 3)) * 0.7, 0, 1)
    chosen = calibrate(scores, targets)
    for label in range(3):
        f1 = [f1_score(targets[:, label], scores[:, label] >= t, zero_division=0) for t in GRID]
        reached = f1_score(targets[:, label], scores[:, label] >= chosen[label])
        assert reached == max(f1)


def test_the_grid_is_the_papers() -> None:
    assert len(GRID) == 21
    assert GRID[0] == 0
    assert GRID[1] == 0.05
    assert GRID[-1] == 1
