from __future__ import annotations

import numpy as np
import pytest

from emotion_component.calibration import calibrated_logits
from training.export.calibrate import (
    axis_scale,
    best_threshold,
    beta_scale,
    platt_scale,
    shrunk_thresholds,
    sigmoid,
    temperature_scale,
)


def test_platt_scaling_finds_the_curve_that_made_the_data() -> None:
    generator = np.random.default_rng(0)
    logits = generator.normal(size=20_000)
    present = generator.random(20_000) < sigmoid(2.0 * logits - 1.0)
    scale, bias = platt_scale(logits, present)
    assert scale == pytest.approx(2.0, abs=0.1)
    assert bias == pytest.approx(-1.0, abs=0.1)


def test_beta_scaling_finds_a_curve_with_a_slope_a_side() -> None:
    generator = np.random.default_rng(0)
    logits = generator.normal(scale=2.0, size=40_000)
    made = calibrated_logits(logits, *(np.array(n) for n in (0.5, -0.3, -1.0)))
    scale, bias, bend = beta_scale(logits, generator.random(40_000) < sigmoid(made))
    assert (scale, bias, bend) == pytest.approx((0.5, -0.3, -1.0), abs=0.1)
    slopes = np.diff(made[np.argsort(logits)]) / np.diff(np.sort(logits))
    assert slopes[:100].mean() > 1.2 > 0.8 > slopes[-100:].mean()


def test_scores_never_fall_where_logits_rise() -> None:
    generator = np.random.default_rng(0)
    logits = generator.normal(scale=2.0, size=20_000)
    peaked = np.where(logits > 0, -0.2 * logits, 2.0 * logits)  # falls slowly above 0
    scale, _, bend = beta_scale(logits, generator.random(20_000) < sigmoid(peaked))
    assert scale == 0.0
    assert bend < -1.0
    upside_down = generator.random(20_000) < sigmoid(-logits)
    assert beta_scale(logits, upside_down) == (*platt_scale(logits, upside_down), 0.0)


def test_balanced_scaling_forgets_how_often_a_label_applies() -> None:
    generator = np.random.default_rng(0)
    present = np.arange(20_000) < 1_000
    logits = generator.normal(size=20_000) + np.where(present, 1.0, -1.0)
    scale, bias = platt_scale(logits, present, balanced=True)
    assert bias / scale == pytest.approx(0.0, abs=0.05)


def test_the_threshold_parts_what_can_be_parted() -> None:
    scores = np.concatenate([np.linspace(0.0, 0.3, 200), np.linspace(0.7, 1.0, 50)])
    threshold = best_threshold(scores, scores > 0.5)
    assert 0.3 < threshold <= 0.7


def test_a_lone_spike_does_not_set_the_threshold() -> None:
    # One lucky case at .95 gives F1 2/3 there alone; a broad plateau near .4 gives .8.
    scores = np.array([0.95] + [0.45] * 4 + [0.2] * 45)
    present = np.array([True] + [True, True, True, False] + [False] * 45)
    assert 0.2 < best_threshold(scores, present) <= 0.45


def test_rare_labels_take_the_threshold_of_all() -> None:
    generator = np.random.default_rng(0)
    present = np.zeros((4_000, 3), dtype=bool)
    present[:1_000, 0] = present[1_000:2_000, 1] = present[2_000:2_002, 2] = True
    # Two common labels are parted at .3, the rare one at .8.
    middle = np.array([0.3, 0.3, 0.8])
    scores = (
        middle + np.where(present, 0.1, -0.1) + generator.normal(scale=0.03, size=present.shape)
    )
    own = [best_threshold(scores[:, i], present[:, i]) for i in range(3)]
    shrunk = shrunk_thresholds(scores, present)
    assert shrunk[:2] == pytest.approx(own[:2], abs=0.02)
    assert own[2] > 0.7
    assert 0.3 < shrunk[2] < 0.5


def test_axes_spread_over_their_range() -> None:
    differences = np.linspace(-0.5, 0.5, 1001)
    spread = np.tanh(axis_scale(differences) * differences)
    assert np.quantile(np.abs(spread), 0.9) == pytest.approx(0.8, abs=0.01)


def test_temperature_scaling_finds_the_softmax_that_made_the_data() -> None:
    generator = np.random.default_rng(0)
    logits = generator.normal(size=(20_000, 4))
    noise = generator.gumbel(size=logits.shape)  # the largest of 3 logits + noise follows softmax
    assert temperature_scale(logits, (3.0 * logits + noise).argmax(1)) == pytest.approx(3, abs=0.1)
