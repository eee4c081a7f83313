"""A trained checkpoint becomes a bundle that the runtime serves with the same scores."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import yaml
from torch.nn import functional

from emotion_component import EmotionModel
from emotion_component.cli import main as emotion
from tests.training.taco.conftest import DESCRIPTIONS, Command
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


def save_untrained(tiny_backbone: str, tmp_path: Path, **settings: Any) -> None:
    torch.manual_seed(0)
    classifier = SingleLabelClassifier.from_backbone(
        tiny_backbone, DESCRIPTIONS, dimension=16, max_length=24, **settings
    )
    classifier.save(tmp_path / "run/model")


def export(tmp_path: Path, recipe: Path) -> int:
    words = ["taco", "export", "--recipe", str(recipe), "--data", str(tmp_path / "data")]
    words += ["--checkpoint", str(tmp_path / "run/model"), "--output", str(tmp_path / "bundle")]
    return main(words)


def test_the_bundle_serves_what_was_learned(
    taco: Command, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert taco("train", "--output", str(tmp_path / "run"), changes=("training.epochs=10",)) == 0
    assert export(tmp_path, write_recipe(tmp_path)) == 0
    report = json.loads((tmp_path / "bundle/report.json").read_text())
    assert report["test"]["int8"]["macro-F1"] > 0.9

    model = EmotionModel.load(tmp_path / "bundle/int8")
    assert model.manifest.scores == {"test, 4 labels, one a text": report["test"]}
    happy, _, sad = model.predict_batch(TEXTS)
    assert (happy.label, sad.label) == ("joy", "gloom")
    assert happy.valence > 0 > sad.valence
    assert sad.arousal < 0
    assert next(iter(model.describe(TEXTS[0]).descriptors)) == "joy"
    assert model.rank(TEXTS[2], ["joy", "gloom"], multi_label=False).label == "gloom"
    assert model.predict(TEXTS[0], [{"role": "bot", "text": "i hate you"}]) == happy

    capsys.readouterr()
    bundle = str(tmp_path / "bundle/int8")
    assert emotion(["classify", "--bundle", bundle, "--json", TEXTS[0]]) == 0
    assert json.loads(capsys.readouterr().out)["label"] == "joy"


@pytest.mark.parametrize("pooling", ["mean", "first"])
def test_the_bundle_computes_what_torch_computes(
    recipe: Path, tiny_backbone: str, tmp_path: Path, pooling: str
) -> None:
    save_untrained(tiny_backbone, tmp_path, pooling=pooling)
    assert export(tmp_path, write_recipe(tmp_path, context_turns=1)) == 0
    report = json.loads((tmp_path / "bundle/report.json").read_text())
    assert max(report["parity"].values()) < TOLERANCE
    classifier = SingleLabelClassifier.load(tmp_path / "run/model")
    exact, close = (EmotionModel.load(tmp_path / "bundle" / kind) for kind in ("float32", "int8"))
    assert exact.labels == classifier.config.labels

    for contexts in ([[]] * 3, [[{"role": "bot", "text": "i hate you"}]] * 3):
        said = [f"bot: {context[0]['text']}" if context else None for context in contexts]
        scores, vectors = classifier.predict(TEXTS, said)
        encoded = exact.encode(TEXTS, contexts)
        np.testing.assert_allclose(encoded.logits, scores.numpy(), atol=TOLERANCE)
        unit = functional.normalize(vectors, dim=1)
        np.testing.assert_allclose(encoded.embeddings, unit.numpy(), atol=TOLERANCE)
        quantized = close.encode(TEXTS, contexts).embeddings
        assert (quantized * unit.numpy()).sum(1).min() > 0.98
    scale = exact.manifest.calibration_scales[0]
    expected = (scale * classifier.predict(TEXTS)[0]).softmax(1)
    for row, result in enumerate(exact.predict_batch(TEXTS)):
        assert list(result.scores.values()) == pytest.approx(expected[row].tolist(), abs=2e-3)
        assert list(result.labels) == [result.label]

    # Its own labels have the vectors of name and description, others are read by their names.
    inputs = classifier.tokenizer.pad(classifier.tokenizer.encode(["so calm"]))
    with torch.no_grad():
        unseen = functional.normalize(classifier.label_network(classifier._pool(**inputs)), dim=1)
        own = functional.normalize(classifier.label_vectors(), dim=1)
    np.testing.assert_allclose(exact.label_vectors(["so calm"]), unseen.numpy(), atol=TOLERANCE)
    np.testing.assert_allclose(exact.label_vectors(exact.labels), own.numpy(), atol=TOLERANCE)


@pytest.mark.parametrize(
    ("head", "axes", "message"),
    [
        ("linear", None, "train with model.head=labels"),
        ("labels", {"upper": ["bliss"], "lower": ["fear"]}, "axes.valence: unknown label 'bliss'"),
        (
            "labels",
            {"upper": ["joy"], "lower": ["joy"]},
            "axes.valence: 'joy' stands at both poles",
        ),
        (
            "labels",
            {"upper": ["joy"], "lower": []},
            "axes.valence.lower: List should have at least 1",
        ),
    ],
)
def test_mistakes_stop_before_any_work(
    recipe: Path,
    tiny_backbone: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    head: str,
    axes: dict[str, list[str]] | None,
    message: str,
) -> None:
    save_untrained(tiny_backbone, tmp_path, head=head)
    arousal = {"upper": ["anger"], "lower": ["gloom"]}
    valence = axes or {"upper": ["joy"], "lower": ["gloom"]}
    axes_of_both = {"valence": valence, "arousal": arousal}
    assert export(tmp_path, write_recipe(tmp_path, axes=axes_of_both)) == 2
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
