from __future__ import annotations

import numpy as np
import pytest

from training.card.neutral_unless_sure import AIMS, choose_confidence, measure_operating_points

NEUTRAL = 1
# Joy at rising probability, wrong below 0.5 and right above; then a neutral text.
PROBABILITIES = np.array([[0.3, 0.1], [0.4, 0.1], [0.55, 0.1], [0.85, 0.1], [0.2, 0.9]])
TARGETS = np.array([[0.0, 1], [0, 1], [1, 0], [1, 0], [1, 0]])


def test_the_lowest_confidence_that_is_precise_enough() -> None:
    assert choose_confidence(PROBABILITIES, TARGETS, NEUTRAL, 0.5) == 0
    assert choose_confidence(PROBABILITIES, TARGETS, NEUTRAL, 0.6) == pytest.approx(0.31)
    assert choose_confidence(PROBABILITIES, TARGETS, NEUTRAL, 0.9) == pytest.approx(0.41)


def test_out_of_reach_everything_is_neutral() -> None:
    assert choose_confidence(PROBABILITIES, np.zeros((5, 2)), NEUTRAL, 0.5) == 1


def test_points_are_chosen_on_dev_and_measured_on_test() -> None:
    test = np.array([[0.35, 0.1], [0.45, 0.1], [0.6, 0.1], [0.1, 0.8]])
    targets = np.array([[1.0, 0], [0, 1], [1, 0], [1, 1]])
    points = measure_operating_points((PROBABILITIES, TARGETS), (test, targets), NEUTRAL)
    assert [point["aim"] for point in points] == [None, *AIMS]

    def values(number: int) -> list[float]:
        return [points[number][name]["value"] for name in ("precision", "coverage", "recall")]

    assert values(0) == pytest.approx([2 / 3, 3 / 4, 2 / 3])  # joy is in three of four texts
    assert points[-1]["confidence"] == pytest.approx(0.41)
    assert values(-1) == pytest.approx([1 / 2, 2 / 4, 1 / 3])
