"""A checkpoint of a tiny random BERT becomes a bundle that computes the same."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
import torch
import yaml

from emotion_component import EmotionModel, Turn
from emotion_component.bundle import ENCODER, LABEL_ENCODER, read_manifest
from tests.training.made_up_bundle import bundle_recipe
from training.cli import main
from training.export.parity import TOLERANCE
from training.models.dual_encoder import DualEncoder
from training.models.joint_model import JointModel

LABELS = ("joy", "anger", "neutral")
TEXTS = {
    "joy": "i am so happy today",
    "anger": "i hate the news",
    "neutral": "that you this",
}


@pytest.fixture(scope="module")
def checkpoint(tiny_backbone: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(1)
    space = DualEncoder.from_backbone(tiny_backbone, dimension=16, label_template="so {label}")
    model = JointModel.from_dual_encoder(space, LABELS, pooling="attention", max_length=40)
    torch.nn.init.normal_(model.head.queries.weight)
    folder = tmp_path_factory.mktemp("checkpoint")
    model.save(folder)
    return folder


@pytest.fixture
def recipe(tmp_path: Path, write_jsonl: Callable[[Path, Iterable[dict[str, Any]]], Path]) -> Path:
    rows = [
        {"text": f"{text} {i}", "labels": [label]} for label, text in TEXTS.items() for i in "ab"
    ]
    write_jsonl(tmp_path / "dev.jsonl", rows)
    write_jsonl(tmp_path / "test.jsonl", rows)
    case = {"turns": [["user", "the news"], ["bot", "calm"]], "emotions": {"joy": 0.5}}
    write_jsonl(tmp_path / "dialogues.jsonl", [{"utterance": "i love it", "cases": [case]}])
    terms = [{"descriptors": ["delight", "gloom"]}, {"descriptors": ["delight", "shame"]}]
    write_jsonl(tmp_path / "descriptors.jsonl", terms)
    content = bundle_recipe("dev.jsonl", "test.jsonl", "dialogues.jsonl")
    path = tmp_path / "export.yaml"
    path.write_text(yaml.safe_dump(content), encoding="utf-8")
    return path


def export(recipe: Path, checkpoint: Path) -> int:
    folder = recipe.parent
    files = ["--recipe", str(recipe), "--checkpoint", str(checkpoint), "--data", str(folder)]
    return main(["export", *files, "--output", str(folder / "out")])


def test_both_bundles_load_and_agree(
    recipe: Path, checkpoint: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert export(recipe, checkpoint) == 0
    report = json.loads((recipe.parent / "out/report.json").read_text(encoding="utf-8"))
    assert max(report["parity_logits"], report["parity_embedding"]) < TOLERANCE
    assert "int8 (float32 beside it)" in capsys.readouterr().out
    float32 = EmotionModel.load(recipe.parent / "out/float32")
    int8 = EmotionModel.load(recipe.parent / "out/int8")
    texts, context = list(TEXTS.values()), [Turn("bot", "i love the news")]
    for contexts in (None, [context] * 3):
        exact, close = float32.encode(texts, contexts), int8.encode(texts, contexts)
        assert np.abs(exact.logits - close.logits).max() < 0.1
        assert (exact.embeddings * close.embeddings).sum(1).min() > 0.98
    assert int8.manifest.scores
    assert int8.manifest.training == {"data": ["made up"]}


def test_one_tower_reads_messages_and_labels(recipe: Path, checkpoint: Path) -> None:
    content = yaml.safe_load(recipe.read_text(encoding="utf-8"))
    recipe.write_text(yaml.safe_dump({**content, "one_tower": True}), encoding="utf-8")
    assert export(recipe, checkpoint) == 0
    model = EmotionModel.load(recipe.parent / "out/float32")
    assert not (recipe.parent / "out/float32" / LABEL_ENCODER).exists()
    assert LABEL_ENCODER not in read_manifest(recipe.parent / "out/int8").files
    as_labels = model.label_vectors(["hate the news", "delight"])
    as_messages = model.encode(["so hate the news", "so delight"]).embeddings
    np.testing.assert_allclose(as_labels, as_messages, atol=2e-3)
    poles = ["positivity", "negativity", "high activation", "low activation"]
    frozen = JointModel.load(checkpoint).space.embed_labels(poles)
    np.testing.assert_allclose(model.axis_vectors, frozen, atol=2e-3)


def test_descriptors_used_often_enough_are_known(recipe: Path, checkpoint: Path) -> None:
    assert export(recipe, checkpoint) == 0
    model = EmotionModel.load(recipe.parent / "out/int8")
    known = model.describe("i am happy", k=50).descriptors
    assert set(known) == {"delight", *LABELS}


def test_int8_has_fixed_ranges_and_quantised_weights(recipe: Path, checkpoint: Path) -> None:
    assert export(recipe, checkpoint) == 0
    path = recipe.parent / "out/int8" / ENCODER
    operators = {node.op_type for node in onnx.load(str(path)).graph.node}
    assert "DynamicQuantizeLinear" not in operators
    assert {"QuantizeLinear", "MatMulInteger", "QAttention"} <= operators
    model = EmotionModel.load(path.parent)
    texts = [*TEXTS.values(), "i " * 20, "fear"]
    together = model.encode(texts).logits
    alone = np.concatenate([model.encode([text]).logits for text in texts])
    assert np.abs(together - alone).max() < 1e-5


def test_calibration_is_of_this_bundle(recipe: Path, checkpoint: Path) -> None:
    assert export(recipe, checkpoint) == 0
    manifest = read_manifest(recipe.parent / "out/int8")
    assert manifest.calibration_scales != (1.0,) * len(LABELS)
    assert all(0 <= threshold <= 1 for threshold in manifest.thresholds)
    assert manifest.thresholds != (0.5,) * len(LABELS)
    assert manifest.space.match_scale != 10.0


def test_another_kind_of_checkpoint_stops(
    recipe: Path, tiny_backbone: str, capsys: pytest.CaptureFixture[str]
) -> None:
    DualEncoder.from_backbone(tiny_backbone).save(recipe.parent / "space")
    assert export(recipe, recipe.parent / "space") == 2
    assert "not of a joint model" in capsys.readouterr().err


def test_mistakes_in_the_recipe_stop_before_any_work(
    recipe: Path, checkpoint: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    content = yaml.safe_load(recipe.read_text(encoding="utf-8"))
    content["window"]["max_token"] = content["window"].pop("max_tokens")
    recipe.write_text(yaml.safe_dump(content), encoding="utf-8")
    assert export(recipe, checkpoint) == 2
    error = capsys.readouterr().err
    assert "window.max_token: unknown key" in error
    assert "window.max_tokens: missing" in error
    assert not (recipe.parent / "out").exists()


def test_missing_data_is_named(
    recipe: Path, checkpoint: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (recipe.parent / "dev.jsonl").unlink()
    assert export(recipe, checkpoint) == 2
    assert "dev.jsonl: no such file" in capsys.readouterr().err
    assert not (recipe.parent / "out").exists()
