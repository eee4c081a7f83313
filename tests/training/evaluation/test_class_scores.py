from __future__ import annotations

import numpy as np
from sklearn.metrics import precision_recall_fscore_support

from training.evaluation.class_scores import precision_recall_f1


def test_as_scikit_learn_has_it() -> None:
    dice = np.random.default_rng(0)
    targets = (dice.random((60, 5)) < [0.5, 0.2, 0.1, 0.3, 0]).astype(float)
    predicted = dice.random((60, 5)) < [0.5, 0.3, 0, 0.2, 0.1]
    expected = precision_recall_fscore_support(targets, predicted, zero_division=0.0)
    np.testing.assert_allclose(precision_recall_f1(predicted, targets), expected[:3])
