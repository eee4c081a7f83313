from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import precision_recall_fscore_support

from training.card.goemotions import confusion, frequent_confusions, measure_classes

LABELS = ("joy", "fear", "neutral")


def test_classes_at_their_thresholds() -> None:
    dice = np.random.default_rng(0)
    targets = (dice.random((50, 3)) < 0.4).astype(float)
    probabilities = np.clip(0.4 * targets + dice.random((50, 3)) * 0.6, 0, 1)
    thresholds = np.array([0.3, 0.5, 0.7])
    measured = measure_classes(probabilities, targets, thresholds, LABELS)

    each = precision_recall_fscore_support(targets, probabilities >= thresholds)
    for figure, values in zip(("precision", "recall", "F1"), each[:3], strict=True):
        found = measured["macro"][figure]
        assert found["value"] == pytest.approx(values.mean())
        assert found["low"] < found["value"] < found["high"]
    fear = measured["classes"]["fear"]
    assert fear["precision"] == pytest.approx(each[0][1])
    assert fear["recall"] == pytest.approx(each[1][1])
    assert fear["F1"]["value"] == pytest.approx(each[2][1])
    assert (fear["threshold"], fear["support"]) == (0.5, targets[:, 1].sum())


def test_confusions_are_counted_where_there_is_one_gold_label() -> None:
    joy, fear, neutral = np.eye(3)
    targets = np.array([joy, joy, joy, fear, neutral, joy + fear])
    strongest = np.array([joy, fear, fear, joy, joy, neutral])
    counts = confusion(0.9 * strongest, targets)
    assert counts.tolist() == [[1, 2, 0], [1, 0, 0], [1, 0, 0]]

    first, second = frequent_confusions(counts, LABELS)
    assert first == {"gold": "joy", "predicted": "fear", "texts": 2, "share": pytest.approx(2 / 3)}
    assert second == {"gold": "fear", "predicted": "joy", "texts": 1, "share": 1}
    assert frequent_confusions(counts, LABELS, most=1) == [first]
