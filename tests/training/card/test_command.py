"""`evaluate --bundle` end to end: the shipped bundle on made-up benchmarks."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.metrics import f1_score

from emotion_component import EmotionModel
from emotion_component.bundle import DEFAULT_BUNDLE, MANIFEST, file_hash
from tests.training.made_up_benchmarks import write_benchmarks
from training.card.text import card_text
from training.card.write import has_card
from training.cli import main
from training.evaluation.embedder import BundleEmbedder
from training.readers.benchmarks import Benchmark, read_benchmark


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    write_benchmarks(folder)
    return folder


@pytest.fixture(scope="module")
def output(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("output")
    words = ["evaluate", "--data", str(data), "--output", str(folder)]
    assert main([*words, "--bundle", str(DEFAULT_BUNDLE)]) == 0
    return folder


@pytest.fixture(scope="module")
def card(output: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((output / "model_card.json").read_text())
    return content


def expected_f1(benchmark: Benchmark, predicted: Any) -> Any:
    targets = benchmark.splits["test"].targets
    return pytest.approx(f1_score(targets, predicted, average="macro", zero_division=0), abs=1e-4)


def test_zero_shot_scores_come_from_the_runtime(
    data: Path, output: Path, card: dict[str, Any]
) -> None:
    (model,) = json.loads((output / "results.json").read_text())["models"]
    embedder, benchmark = BundleEmbedder(DEFAULT_BUNDLE), read_benchmark("isear", data)
    texts = benchmark.splits["test"].texts
    best = embedder.embed_texts(texts) @ embedder.embed_labels(benchmark.labels).T
    expected = expected_f1(benchmark, np.eye(7)[best.argmax(1)])
    assert model["scores"]["isear"]["macro-F1"] == expected
    assert card["zero_shot"]["benchmarks"]["isear"]["macro-F1"]["value"] == expected


def test_classes_are_scored_at_the_bundles_thresholds_and_at_a_half(
    data: Path, card: dict[str, Any]
) -> None:
    model, benchmark = EmotionModel.load(), read_benchmark("goemotions", data)
    texts = benchmark.splits["test"].texts
    for way, thresholds in (("own", None), ("0.5", 0.5)):
        results = model.predict_batch(texts, thresholds=thresholds)
        predicted = np.array([[k in result.labels for k in model.labels] for result in results])
        macro = card["goemotions"]["thresholds"][way]["macro"]
        assert macro["F1"]["value"] == expected_f1(benchmark, predicted)


def test_the_card_says_what_was_measured(output: Path, card: dict[str, Any]) -> None:
    text = (output / "model_card.md").read_text()
    assert text == card_text(card)
    assert file_hash(DEFAULT_BUNDLE / MANIFEST) in text
    macro = card["goemotions"]["thresholds"]["own"]["macro"]["F1"]
    assert f"{macro['value']:.3f} [{macro['low']:.3f}, {macro['high']:.3f}]" in text
    for licensed in EmotionModel.load().manifest.training["data"]:
        assert f"- {licensed}" in text
    for line in text.splitlines():
        if line.startswith("!["):
            plot = line.rpartition("(")[2].rstrip(")")
            assert (output / plot).read_bytes().startswith(b"\x89PNG")
    assert text.count("![") == 2


def test_a_bundle_says_what_was_held_out(card: dict[str, Any]) -> None:
    training = dict(card["bundle"]["training"])
    training.pop("held_out", None)
    silent = card | {"bundle": card["bundle"] | {"training": training}}
    assert "take them as seen" in card_text(silent)
    training["held_out"] = "a tenth of the chats"
    assert "Held out from this bundle's training: a tenth of the chats." in card_text(silent)


def test_a_bundle_with_other_labels_has_no_card(tmp_path: Path) -> None:
    assert has_card(DEFAULT_BUNDLE)
    for path in DEFAULT_BUNDLE.iterdir():
        (tmp_path / path.name).write_bytes(path.read_bytes())
    manifest = json.loads((tmp_path / MANIFEST).read_text())
    manifest["labels"][0] = "awe"
    (tmp_path / MANIFEST).write_text(json.dumps(manifest))
    assert not has_card(tmp_path)
