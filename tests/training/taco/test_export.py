"""A trained checkpoint becomes a bundle that the runtime serves with the same scores."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml

from emotion_component import EmotionModel
from emotion_component.cli import main as emotion
from tests.training.taco.conftest import Command
from training.cli import main
from training.export.parity import TOLERANCE
from training.models.single_label_classifier import SingleLabelClassifier
from training.readers.data_folder import CHECKOUT
from training.recipe import load_recipe
from training.taco.data import read_descriptions
from training.taco.export_recipe import TacoExportRecipe

TEXTS = ["i am happy today", "the news", "i am so sad of it"]


def write_recipe(tmp_path: Path, **changes: object) -> Path:
    content = {
        "name": "tiny",
        "version": "3",
        "dev": {"file": "dev.jsonl", "labels": "label"},
        "test": {"file": "test.jsonl", "labels": "label"},
        "axes": {
            "valence": {"upper": ["joy"], "lower": ["gloom", "fear", "anger"]},
            "arousal": {"upper": ["anger", "fear"], "lower": ["gloom"]},
        },
        "training": {"data": ["made up"]},
        **changes,
    }
    path = tmp_path / "export.yaml"
    path.write_text(yaml.safe_dump(content))
    return path


def export(tmp_path: Path, recipe: Path) -> int:
    words = ["taco", "export", "--recipe", str(recipe), "--data", str(tmp_path / "data")]
    words += ["--checkpoint", str(tmp_path / "run/model"), "--output", str(tmp_path / "bundle")]
    return main(words)


@pytest.mark.parametrize("pooling", ["mean", "first"])
def test_the_bundle_serves_what_was_trained(
    taco: Command, tmp_path: Path, capsys: pytest.CaptureFixture[str], pooling: str
) -> None:
    changes = ("training.epochs=10", f"model.pooling={pooling}", "model.max_length=24")
    assert taco("train", "--output", str(tmp_path / "run"), changes=changes) == 0
    assert export(tmp_path, write_recipe(tmp_path)) == 0
    report = json.loads((tmp_path / "bundle/report.json").read_text())
    assert max(report["parity"].values()) < TOLERANCE
    assert report["test"]["int8"]["macro-F1"] > 0.9

    classifier = SingleLabelClassifier.load(tmp_path / "run/model")
    scores, vectors = classifier.predict(TEXTS)
    float32 = EmotionModel.load(tmp_path / "bundle/float32")
    assert float32.labels == classifier.config.labels
    encoded = float32.encode(TEXTS)
    np.testing.assert_allclose(encoded.logits, scores.numpy(), atol=1e-3)
    unit = torch.nn.functional.normalize(vectors, dim=1)
    np.testing.assert_allclose(encoded.embeddings, unit.numpy(), atol=1e-3)
    scale = float32.manifest.calibration_scales[0]
    expected = (scale * scores).softmax(1)
    for row, result in enumerate(float32.predict_batch(TEXTS)):
        assert list(result.scores.values()) == pytest.approx(expected[row].tolist(), abs=1e-3)
        assert list(result.labels) == [result.label]

    int8 = EmotionModel.load(tmp_path / "bundle/int8")
    happy, _, sad = int8.predict_batch(TEXTS)
    assert (happy.label, sad.label) == ("joy", "gloom")
    assert happy.valence > 0 > sad.valence
    assert sad.arousal < 0
    assert next(iter(int8.describe(TEXTS[0]).descriptors)) == "joy"
    assert int8.rank(TEXTS[2], ["joy", "gloom"], multi_label=False).label == "gloom"
    assert int8.predict(TEXTS[0], [{"role": "bot", "text": "i hate you"}]) == happy

    capsys.readouterr()
    bundle = str(tmp_path / "bundle/int8")
    assert emotion(["classify", "--bundle", bundle, "--json", TEXTS[0]]) == 0
    assert json.loads(capsys.readouterr().out)["label"] == "joy"


def test_labels_outside_of_training_are_encoded_as_the_label_tower_does(
    taco: Command, tmp_path: Path
) -> None:
    assert taco("train", "--output", str(tmp_path / "run"), changes=("training.epochs=1",)) == 0
    assert export(tmp_path, write_recipe(tmp_path)) == 0
    model = EmotionModel.load(tmp_path / "bundle/float32")
    classifier = SingleLabelClassifier.load(tmp_path / "run/model")
    inputs = classifier.tokenizer.pad(classifier.tokenizer.encode(["so calm"]))
    with torch.no_grad():
        expected = classifier.label_network(classifier._pool(**inputs))
        own = torch.nn.functional.normalize(classifier.label_vectors(), dim=1)
    expected = torch.nn.functional.normalize(expected, dim=1)
    np.testing.assert_allclose(model.label_vectors(["so calm"]), expected.numpy(), atol=1e-3)
    # Its own labels have the vectors of name and description.
    np.testing.assert_allclose(model.label_vectors(model.labels), own.numpy(), atol=1e-3)


@pytest.mark.parametrize(
    ("changes", "axes", "message"),
    [
        (("model.head=linear",), None, "train with model.head=labels"),
        ((), {"upper": ["bliss"], "lower": ["fear"]}, "axes.valence: unknown label 'bliss'"),
        ((), {"upper": ["joy"], "lower": ["joy"]}, "axes.valence: 'joy' stands at both poles"),
        ((), {"upper": ["joy"], "lower": []}, "axes.valence.lower: List should have at least 1"),
    ],
)
def test_mistakes_stop_before_any_work(
    taco: Command,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    changes: tuple[str, ...],
    axes: dict[str, list[str]] | None,
    message: str,
) -> None:
    short = ("training.epochs=0.1", *changes)
    assert taco("train", "--output", str(tmp_path / "run"), changes=short) == 0
    arousal = {"upper": ["anger"], "lower": ["gloom"]}
    valence = axes or {"upper": ["joy"], "lower": ["gloom"]}
    recipe = write_recipe(tmp_path, axes={"valence": valence, "arousal": arousal})
    assert export(tmp_path, recipe) == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / "bundle").exists()


@pytest.mark.parametrize(
    ("name", "labels"), [("taco_ge", "goemotions"), ("taco_ed", "empathetic_dialogues")]
)
def test_the_shipped_recipes_name_known_labels(name: str, labels: str) -> None:
    recipe = load_recipe(CHECKOUT / f"config/training/{name}_export.yaml", TacoExportRecipe)
    known = set(read_descriptions(CHECKOUT / f"config/labels/{labels}.yaml")) - {"neutral"}
    for axis in (recipe.axes.valence, recipe.axes.arousal):
        assert {*axis.upper, *axis.lower} <= known
