from __future__ import annotations

from pathlib import Path

from emotion_component.bundle import DEFAULT_BUNDLE
from tests.training.made_up_benchmarks import write_benchmarks
from training.card.zero_shot import UNSEEN, measure_zero_shot
from training.evaluation.embedder import BundleEmbedder
from training.evaluation.similarity import SimilarityScorer
from training.evaluation.zero_shot import evaluate
from training.readers.benchmarks import read_benchmark


def test_the_scores_of_the_evaluation_with_intervals(tmp_path: Path) -> None:
    write_benchmarks(tmp_path)
    benchmarks = {name: read_benchmark(name, tmp_path) for name in UNSEEN}
    scorer = SimilarityScorer(BundleEmbedder(DEFAULT_BUNDLE))
    template = "feeling of {label}"
    measured = measure_zero_shot(benchmarks, scorer, template)
    assert set(measured) == set(UNSEEN)
    for name, estimates in measured.items():
        values = {score: estimate["value"] for score, estimate in estimates.items()}
        assert values == evaluate(benchmarks[name], scorer, template)
        assert all(found["low"] <= found["high"] for found in estimates.values())
