"""Thresholds against exhaustive search."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import f1_score

from training.pillars.decisions import (
    GRID,
    macro_f1,
    one_threshold,
    smoothed_threshold_per_class,
    threshold_per_class,
)


def scored() -> tuple[np.ndarray, np.ndarray]:
    generator = np.random.default_rng(0)
    targets = (generator.random((200, 4)) < [0.5, 0.2, 0.1, 0.03]).astype(float)
    return np.clip(0.35 * targets + 0.5 * generator.random((200, 4)), 0, 1), targets


def test_the_grid_is_the_papers() -> None:
    assert len(GRID) == 91
    assert (GRID[0], GRID[-1]) == (0.05, 0.95)
    assert np.diff(GRID) == pytest.approx(0.01)


def test_one_threshold_has_the_best_macro_f1() -> None:
    scores, targets = scored()
    chosen = one_threshold(scores, targets)
    assert chosen.shape == (4,)
    assert len(set(chosen)) == 1
    best = max(f1_score(targets, scores >= t, average="macro", zero_division=0.0) for t in GRID)
    assert macro_f1(scores, targets, chosen) == pytest.approx(best)


def test_thresholds_per_class_have_the_best_f1_of_each() -> None:
    scores, targets = scored()
    for column, threshold in enumerate(threshold_per_class(scores, targets)):
        true, score = targets[:, column], scores[:, column]
        best = max(f1_score(true, score >= t, zero_division=0.0) for t in GRID)
        assert f1_score(true, score >= threshold) == pytest.approx(best)


def test_smoothing_passes_over_a_lone_spike() -> None:
    # One lucky case at .9 has F1 .5 there alone; from .45 to .6 it is .6 throughout.
    scores = np.array([[0.9], [0.61], [0.61], [0.61], *[[0.45]] * 40])
    targets = np.array([[1.0], [1.0], [1.0], [0.0], *[[0.0]] * 40])
    assert 0.45 < smoothed_threshold_per_class(scores, targets)[0] <= 0.61
