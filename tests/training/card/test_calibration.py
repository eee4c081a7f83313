from __future__ import annotations

import numpy as np
import pytest

from training.card.calibration import expected_calibration_error, measure_calibration


def test_the_error_is_the_gap_weighed_by_cases() -> None:
    # Bin 0.66 to 0.73: three cases of mean 0.7, one applies; last bin: one case, right.
    probabilities = np.array([0.68, 0.70, 0.72, 1.0])
    applies = np.array([1.0, 0, 0, 1])
    expected = 3 / 4 * (0.7 - 1 / 3)
    assert expected_calibration_error(probabilities, applies) == pytest.approx(expected)


def test_true_probabilities_are_calibrated_and_exaggerated_ones_not() -> None:
    dice = np.random.default_rng(0)
    probabilities = dice.random((4000, 5))
    targets = (dice.random(probabilities.shape) < probabilities).astype(float)
    assert expected_calibration_error(probabilities, targets) < 0.02
    exaggerated = np.where(probabilities > 0.5, 0.99, 0.01)
    assert expected_calibration_error(exaggerated, targets) == pytest.approx(0.24, abs=0.02)


def test_all_labels_and_the_strongest() -> None:
    probabilities = np.array([[0.9, 0.1], [0.2, 0.6]])
    targets = np.array([[1.0, 0], [1, 0]])
    measured = measure_calibration(probabilities, targets)
    assert measured["all labels"]["error"]["value"] == pytest.approx((0.1 + 0.1 + 0.8 + 0.6) / 4)
    strongest = measured["strongest label"]
    assert strongest["error"]["value"] == pytest.approx((0.1 + 0.6) / 2)
    assert strongest["error"]["low"] == pytest.approx(0.1)  # the first text alone, twice
    assert strongest["error"]["high"] == pytest.approx(0.6)
    assert strongest["bins"] == [
        {"probability": 0.6, "applies": 0.0, "cases": 1},
        {"probability": 0.9, "applies": 1.0, "cases": 1},
    ]
