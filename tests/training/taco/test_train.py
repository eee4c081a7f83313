"""`taco train` from recipe to scores, on made-up texts and a tiny encoder."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from sklearn.metrics import accuracy_score, f1_score

from tests.training.taco.conftest import Command
from training.models.single_label_classifier import SingleLabelClassifier
from training.readers.data_folder import CHECKOUT
from training.recipe import load_recipe
from training.taco.data import read_descriptions
from training.taco.recipe import TacoRecipe


@pytest.mark.parametrize("changes", [(), ("model.head=linear",), ("losses.clusters=elbow",)])
def test_learns_and_scores(taco: Command, tmp_path: Path, changes: tuple[str, ...]) -> None:
    run = tmp_path / "run"
    assert taco("train", "--output", str(run), changes=("training.epochs=10", *changes)) == 0
    results = json.loads((run / "results.json").read_text())
    assert results["test"]["macro-F1"] > 0.9
    assert results["texts"] == {"train": 64, "dev": 24, "test": 24}
    assert list(results["test F1 of each label"]) == ["anger", "fear", "gloom", "joy"]
    assert "macro-F1" in (run / "results.md").read_text()
    classifier = SingleLabelClassifier.load(run / "model")
    scores, _ = classifier.predict(["i am afraid of it", "i am happy"])
    assert [classifier.config.labels[row] for row in scores.argmax(1)] == ["fear", "joy"]
    assert not list(run.glob("checkpoint-*"))


def test_scores_are_those_of_the_saved_predictions(taco: Command, tmp_path: Path) -> None:
    assert taco("train", "--output", str(tmp_path / "run"), changes=("training.epochs=1",)) == 0
    results = json.loads((tmp_path / "run/results.json").read_text())
    with np.load(tmp_path / "run/test.npz") as archive:
        predicted, targets = archive["scores"].argmax(1), archive["targets"]
        assert archive["vectors"].shape == (24, 16)
    assert results["test"]["accuracy"] == pytest.approx(accuracy_score(targets, predicted))
    for average in ("weighted", "macro"):
        expected = f1_score(targets, predicted, average=average, zero_division=0.0)
        assert results["test"][f"{average}-F1"] == pytest.approx(expected)


@pytest.mark.parametrize("warmup", ["0.0", "0.8"])
def test_resuming_gives_the_weights_of_an_uninterrupted_run(
    taco: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, warmup: str
) -> None:
    monkeypatch.setattr("training.taco.train.shutil.rmtree", lambda _: None)
    changes = ("training.keep_checkpoints=10", "training.epochs=3", f"losses.warmup={warmup}")
    assert taco("train", "--output", str(tmp_path / "whole"), changes=changes) == 0
    checkpoints = sorted(
        (tmp_path / "whole").glob("checkpoint-*"), key=lambda path: int(path.name.split("-")[1])
    )
    assert len(checkpoints) == 3
    shutil.copytree(checkpoints[0], tmp_path / "resumed" / checkpoints[0].name)
    shutil.copy(tmp_path / "whole/recipe.json", tmp_path / "resumed")
    assert taco("train", "--output", str(tmp_path / "resumed"), changes=changes) == 0
    whole, resumed = (
        load_file(tmp_path / run / checkpoints[-1].name / "model.safetensors")
        for run in ("whole", "resumed")
    )
    assert whole.keys() == resumed.keys()
    for name, tensor in whole.items():
        assert torch.equal(tensor, resumed[name]), name


def test_a_done_run_is_not_trained_again(
    taco: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert taco("train", "--seed", "3", changes=("training.epochs=1", "losses.beta=0")) == 0
    run = tmp_path / "runs/tiny/beta-0.0_epochs-1.0/seed-3"
    assert json.loads((run / "results.json").read_text())["changes"] == {
        "losses.beta": 0.0,
        "training.epochs": 1.0,
    }
    monkeypatch.setattr("training.taco.train.fit", lambda *_, **__: pytest.fail("trained"))
    assert taco("train", "--seed", "3", changes=("training.epochs=1", "losses.beta=0")) == 0


def test_another_recipe_does_not_go_on_in_the_folder(
    taco: Command, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = ("--output", str(tmp_path / "run"))
    assert taco("train", *output, changes=("training.epochs=1",)) == 0
    assert taco("train", *output, changes=("training.epochs=1", "losses.alpha=0")) == 2
    assert "another recipe (it differs in losses.alpha)" in capsys.readouterr().err


def test_the_seed_decides(taco: Command, tmp_path: Path) -> None:
    for run, seed in (("a", "0"), ("b", "0"), ("c", "1")):
        words = ("--output", str(tmp_path / run), "--seed", seed)
        assert taco("train", *words, changes=("training.epochs=1",)) == 0
    a, b, c = (load_file(tmp_path / run / "model/model.safetensors") for run in "abc")
    name = "text_network.0.weight"
    assert torch.equal(a[name], b[name])
    assert not torch.equal(a[name], c[name])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("losses.gamma=1", "losses.gamma: unknown key; known here: alpha, beta, clusters"),
        ("losses.alpha=-1", "losses.alpha: Input should be greater than or equal to 0"),
        ("losses.clusters=many", "losses.clusters: Input should be 'labels', 'elbow' or 'none'"),
        ("model.head=none", "model.head: Input should be 'labels' or 'linear'"),
        ("model.lora.rank=0", "model.lora.rank: Input should be greater than 0"),
        ("train=[]", "train: List should have at least 1 item"),
        ("dev.file=nowhere.jsonl", "nowhere.jsonl: no such file; looked for"),
        ("test.labels=emotion", "no column 'emotion'"),
        ("labels=nowhere.yaml", "nowhere.yaml: no such file"),
        ("labels=few.yaml", "train.jsonl: row 1: the label 'fear' is not in few.yaml"),
        ("labels=alike.yaml", "two labels have one description"),
        ("labels=list.yaml", "expected a mapping of labels to descriptions"),
        ("dev.file=two.jsonl", "two.jsonl: row 2: expected one label, found 2"),
        (
            "test.file=other.jsonl",
            "row 1: the label 'relief' is not in the training texts",
        ),
    ],
)
def test_mistakes_stop_before_any_work(
    taco: Command,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    change: str,
    message: str,
) -> None:
    data = tmp_path / "data"
    (data / "few.yaml").write_text("joy: happy\ngloom: sad")
    (data / "alike.yaml").write_text("joy: happy\ngloom: happy")
    (data / "list.yaml").write_text("[joy, gloom]")
    (data / "two.jsonl").write_text(
        '{"text": "i", "label": "joy"}\n{"text": "i", "label": "joy,fear"}\n'
    )
    (data / "other.jsonl").write_text('{"text": "i", "label": "relief"}\n')
    monkeypatch.setattr(
        SingleLabelClassifier, "from_backbone", lambda *_, **__: pytest.fail("worked")
    )
    assert taco("train", "--output", str(tmp_path / "run"), changes=(change,)) == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("name", "weights", "labels"),
    [
        ("taco_ge", (0.45, 0.5), 28),
        ("taco_ge_roberta", (0.45, 0.5), 28),
        ("taco_ed", (0.4, 0.4), 32),
        ("taco_ed_roberta", (0.4, 0.4), 32),
    ],
)
def test_the_shipped_recipes(name: str, weights: tuple[float, float], labels: int) -> None:
    recipe = load_recipe(CHECKOUT / f"config/training/{name}.yaml", TacoRecipe)
    assert (recipe.losses.alpha, recipe.losses.beta) == weights
    assert recipe.losses.temperature == 0.5
    assert recipe.training.weight_decay == 1e-3
    assert len(read_descriptions(CHECKOUT / recipe.labels)) == labels
