"""Zero-shot inference with a scorer whose answers are known."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
import pytest
from scipy.special import softmax

from training.evaluation.similarity import SimilarityScorer
from training.evaluation.zero_shot import evaluate
from training.readers.benchmarks import Benchmark, Split

Floats = npt.NDArray[np.float64]


class TableScorer:
    """Texts are the rows of a table, "0", "1", ..."""

    def __init__(self, table: Mapping[str, Sequence[float]]) -> None:
        self._table = table

    def scores(self, texts: Sequence[str], labels: Sequence[str]) -> Floats:
        return np.array([[self._table[label][int(text)] for label in labels] for text in texts])

    def probabilities(self, scores: Floats) -> Floats:
        return scores


def split(targets: Sequence[Sequence[float]], first: int = 0) -> Split:
    texts = [str(row) for row in range(first, first + len(targets))]
    return Split(texts, np.array(targets, dtype=float))


def test_single_label_is_argmax_without_any_calibration() -> None:
    benchmark = Benchmark(
        "isear",
        "single-label",
        ("joy", "fear"),
        {"test": split([[1, 0], [0, 1], [0, 1], [1, 0]])},
        (),
    )
    scores = evaluate(benchmark, TableScorer({"joy": [9, 1, 5, 8], "fear": [1, 2, 4, 7]}))
    # Right, right, wrong (joy), right: F1 of joy 2*2/(3+2), of fear 2*1/(1+2).
    assert scores["F1 joy"] == pytest.approx(0.8)
    assert scores["F1 fear"] == pytest.approx(2 / 3)
    assert scores["macro-F1"] == pytest.approx((0.8 + 2 / 3) / 2)


def test_labels_are_read_in_the_template() -> None:
    test = {"test": split([[1, 0], [0, 1]])}
    benchmark = Benchmark("isear", "single-label", ("joy", "fear"), test, ())
    table = {"feeling of joy": [2, 1], "feeling of fear": [1, 2]}
    assert evaluate(benchmark, TableScorer(table), "feeling of {label}")["macro-F1"] == 1


def test_multi_label_thresholds_come_from_dev_alone() -> None:
    dev = split([[1, 0], [1, 0], [0, 1], [0, 1]])
    test = split([[1, 0], [0, 0], [1, 1], [0, 1]], first=4)
    benchmark = Benchmark("x", "multi-label", ("joy", "fear"), {"dev": dev, "test": test}, ())
    # On dev the best threshold of joy lies between 0.2 and 0.6; on test it would lie above 0.7.
    joy = [0.6, 0.7, 0.1, 0.2, 0.9, 0.7, 0.8, 0.1]
    scores = evaluate(benchmark, TableScorer({"joy": joy, "fear": [1 - s for s in joy]}))
    assert scores["F1 joy"] == pytest.approx(0.8)
    assert scores["F1 fear"] == pytest.approx(2 / 3)


def test_regression_takes_differences_of_poles() -> None:
    table = {
        "positivity": [3.0, 2.0, 1.0],
        "negativity": [0.0, 0.0, 0.0],
        "high activation": [1.0, 1.0, 1.0],
        "low activation": [3.0, 2.0, 0.5],
    }
    benchmark = Benchmark(
        "emobank",
        "regression",
        ("valence", "activation"),
        {"test": split([[5, 1], [3, 2], [1, 4]])},
        (),
    )
    scores = evaluate(benchmark, TableScorer(table))
    assert scores["V Pearson"] == pytest.approx(1)
    assert scores["V Spearman"] == pytest.approx(1)
    assert scores["A Spearman"] == pytest.approx(1)
    assert scores["A Pearson"] == pytest.approx(np.corrcoef([-2, -1, 0.5], [1, 2, 4])[0, 1])


def test_similarities_become_shares_of_the_set() -> None:
    class Embedder:
        def embed_texts(self, texts: Sequence[str]) -> Floats:
            return np.array([[1.0, 0.0]] * len(texts))

        def embed_labels(self, labels: Sequence[str]) -> Floats:
            return np.array([[1.0, 0.0], [0.6, 0.8]])

    scorer = SimilarityScorer(Embedder(), temperature=0.5)
    scores = scorer.scores(["x"], ["a", "b"])
    np.testing.assert_allclose(scores, [[1.0, 0.6]])
    np.testing.assert_allclose(scorer.probabilities(scores), softmax([[2.0, 1.2]], axis=1))
