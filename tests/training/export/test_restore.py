"""A bundle becomes the model again that it was made of, but for what int8 rounds."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml

from emotion_component import EmotionModel
from emotion_component.bundle import DEFAULT_BUNDLE
from tests.training.made_up_bundle import bundle_recipe
from training.cli import main
from training.models.dual_encoder import DualEncoder
from training.models.joint_model import JointModel

LABELS = ("joy", "anger", "neutral")
TERMS = ["delight", "gloom", "shame", "calm", "fear"]


@pytest.fixture(scope="module")
def checkpoint(tiny_backbone: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(3)
    space = DualEncoder.from_backbone(tiny_backbone, dimension=16, label_template="{label}")
    model = JointModel.from_dual_encoder(space, LABELS, pooling="attention", max_length=40)
    with torch.no_grad():
        for weight in model.parameters():  # no two are equal, as in any trained model
            weight.add_(torch.randn_like(weight), alpha=0.05)
    folder = tmp_path_factory.mktemp("checkpoint")
    model.save(folder)
    return folder


def export(folder: Path, checkpoint: Path, *, one_tower: bool) -> Path:
    """Returns the folder with `int8` and `float32`."""
    rows = [
        json.dumps({"text": f"{label} {n} so", "labels": [label]}) for label in LABELS for n in "ab"
    ]
    files = {
        "dev.jsonl": rows,
        "test.jsonl": rows,
        "dialogues.jsonl": [
            '{"utterance": "so", "cases": [{"turns": [["user", "i"]], "emotions": {}}]}'
        ],
        "descriptors.jsonl": [json.dumps({"descriptors": TERMS})] * 2,
    }
    for name, lines in files.items():
        (folder / name).write_text("\n".join(lines) + "\n", encoding="utf-8")
    content = bundle_recipe("dev.jsonl", "test.jsonl", "dialogues.jsonl") | {"one_tower": one_tower}
    (folder / "export.yaml").write_text(yaml.safe_dump(content), encoding="utf-8")
    recipe = ["--recipe", str(folder / "export.yaml"), "--data", str(folder)]
    output = folder / "out"
    assert main(["export", *recipe, "--checkpoint", str(checkpoint), "--output", str(output)]) == 0
    return output


def restore(bundle: Path, backbone: str, output: Path) -> int:
    return main(
        ["restore", "--bundle", str(bundle), "--backbone", backbone, "--output", str(output)]
    )


def test_the_weights_come_back(checkpoint: Path, tiny_backbone: str, tmp_path: Path) -> None:
    bundle = export(tmp_path, checkpoint, one_tower=True) / "int8"
    assert restore(bundle, tiny_backbone, tmp_path / "again") == 0
    model, again = (JointModel.load(folder) for folder in (checkpoint, tmp_path / "again"))
    assert again.labels == LABELS
    weights, restored = (m.tower().state_dict() for m in (model, again))
    assert weights.keys() == restored.keys()
    for name, values in weights.items():  # half a step of 7 bits is 1 in 126 of the largest
        difference = (values - restored[name]).abs().max()
        assert difference <= values.abs().max() / 100, name


def test_labels_and_poles_are_read_as_in_the_bundle(
    checkpoint: Path, tiny_backbone: str, tmp_path: Path
) -> None:
    bundle = export(tmp_path, checkpoint, one_tower=True) / "int8"
    assert restore(bundle, tiny_backbone, tmp_path / "again") == 0
    space, runtime = JointModel.load(tmp_path / "again").space, EmotionModel.load(bundle)
    terms = [*LABELS, *TERMS]
    cosines = (space.embed_labels(terms).numpy() * runtime.label_vectors(terms)).sum(1)
    assert cosines.min() > 0.95
    poles = ["positivity", "negativity", "high activation", "low activation"]
    np.testing.assert_allclose(space.embed_labels(poles), runtime.axis_vectors, atol=0.02)


def test_what_cannot_be_restored_is_told(
    checkpoint: Path, tiny_backbone: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bundles = export(tmp_path, checkpoint, one_tower=True)
    assert restore(bundles / "float32", tiny_backbone, tmp_path / "again") == 2
    assert "not in int8" in capsys.readouterr().err
    assert restore(DEFAULT_BUNDLE, tiny_backbone, tmp_path / "again") == 2
    assert "not of the shape" in capsys.readouterr().err
    bundles = export(tmp_path, checkpoint, one_tower=False)
    assert restore(bundles / "int8", tiny_backbone, tmp_path / "again") == 2
    assert "label network of its own" in capsys.readouterr().err
    assert not (tmp_path / "again").exists()
