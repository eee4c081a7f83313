from __future__ import annotations

import numpy as np
import pytest

from training.card.bootstrap import RESAMPLES, Rows, estimate


def test_the_interval_of_a_mean_is_about_two_standard_errors() -> None:
    values = np.random.default_rng(1).normal(5, 2, 400)
    found = estimate(lambda rows: {"mean": values[rows].mean()}, len(values))["mean"]
    assert found["value"] == values.mean()
    error = values.std() / 20
    assert found["low"] == pytest.approx(values.mean() - 1.96 * error, abs=0.2 * error)
    assert found["high"] == pytest.approx(values.mean() + 1.96 * error, abs=0.2 * error)


def test_scores_are_resampled_together_and_alike_in_every_run() -> None:
    seen: list[Rows] = []

    def statistic(rows: Rows) -> dict[str, float]:
        seen.append(rows)
        return {"first": float(rows[0]), "constant": 3.0}

    found = estimate(statistic, 10)
    assert len(seen) == RESAMPLES + 1 == 1001
    assert all(len(rows) == 10 for rows in seen)
    assert found["constant"] == {"value": 3, "low": 3, "high": 3}
    assert found == estimate(statistic, 10)
