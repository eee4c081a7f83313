"""`pillars tune` from recipe to results, on made-up data and a tiny encoder."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from safetensors.torch import load_file
from scipy.special import expit
from sklearn.metrics import precision_recall_fscore_support

from training.models.dual_encoder import DualEncoder
from training.models.emotion_classifier import EmotionClassifier
from training.pillars import fitting
from training.pillars.corpus import Corpus
from training.pillars.decisions import one_threshold
from training.pillars.fitting import LABELS, predict
from training.pillars.tune_recipe import TuneRecipe
from training.readers.benchmarks import read_benchmark
from training.readers.data_folder import CHECKOUT
from training.recipe import load_recipe

Command = Callable[..., int]
RecipeWriter = Callable[..., Path]


def results(folder: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads((folder / "results.json").read_text())
    return found


def test_goemotions_is_learned_and_scored(
    tmp_path: Path, data: Path, write_recipe: RecipeWriter, pillars: Command
) -> None:
    recipe = write_recipe(task="goemotions", loss="asymmetric", r_drop=0.5)
    changes = "training.epochs=6", "training.average=0.9"
    for seed in "10":  # one after another: the results are those of all seeds
        assert pillars("tune", recipe, "run", *changes, seeds=seed) == 0
    runs = results(tmp_path / "run")
    assert [run["run"] for run in runs] == ["seed 0", "seed 1"]
    first = runs[0]
    assert set(first["scores"]) == {
        *("thresholds: one", "thresholds: per_class", "thresholds: smoothed", "thresholds: 0.5")
    }
    assert first["classes"]["joy"]["f1"] > 0.8
    assert first["classes"]["grief"] == {"precision": 0, "recall": 0, "f1": 0, "support": 0}
    # The saved model, scored once more by hand.
    model = EmotionClassifier.load(tmp_path / "run/seed-0/model")
    benchmark = read_benchmark("goemotions", data)
    dev, test = (
        expit(predict(model, Corpus(split.texts, [None] * len(split.texts), split.targets)))
        for split in (benchmark.splits["dev"], benchmark.splits["test"])
    )
    thresholds = one_threshold(dev, benchmark.splits["dev"].targets)
    expected = precision_recall_fscore_support(
        benchmark.splits["test"].targets, test >= thresholds, average="macro", zero_division=0.0
    )
    found = first["scores"]["thresholds: one"]
    assert [found[k] for k in ("precision", "recall", "f1")] == pytest.approx(expected[:3])
    assert first["notes"]["thresholds"]["one"] == pytest.approx(thresholds.tolist())
    table = (tmp_path / "run/results.md").read_text()
    means = [np.mean([run["scores"]["thresholds: one"]["f1"] for run in runs])]
    assert f"{means[0]:.3f} ±" in table
    with Image.open(tmp_path / "run/seed-0/precision_recall.png") as image:
        assert min(image.size) > 500


def test_what_is_done_is_not_run_again(
    tmp_path: Path,
    write_recipe: RecipeWriter,
    pillars: Command,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    recipe = write_recipe(task="goemotions")
    assert pillars("tune", recipe, "run", "training.epochs=1") == 0
    before = results(tmp_path / "run")
    monkeypatch.setattr(fitting, "fit", lambda *_, **__: pytest.fail("trained again"))
    assert pillars("tune", recipe, "run", "training.epochs=1") == 0
    assert results(tmp_path / "run") == before
    assert pillars("tune", recipe, "run", "training.epochs=2") == 2
    assert "holds a run of another recipe" in capsys.readouterr().err


def test_isear_in_folds_from_a_tuned_start(
    tmp_path: Path, write_recipe: RecipeWriter, pillars: Command
) -> None:
    start = write_recipe(task="goemotions")
    assert pillars("tune", start, "start", "training.epochs=3") == 0
    recipe = write_recipe(task="isear", start=str(tmp_path / "start/seed-0/model"))
    changes = "isear.folds=3", "training.epochs=6", "backbone=null"
    assert pillars("tune", recipe, "run", *changes) == 0
    runs = results(tmp_path / "run")
    assert [run["run"] for run in runs] == [f"seed 0, fold {n}" for n in (1, 2, 3)]
    assert sum(run["classes"]["shame"]["support"] for run in runs) == 36
    scores = [run["scores"]["7 classes, macro"]["f1"] for run in runs]
    assert min(scores) > 0.6
    assert np.mean([run["scores"]["as is"]["f1"] for run in runs]) < np.mean(scores)


def test_emocontext_needs_its_context(
    tmp_path: Path, write_recipe: RecipeWriter, pillars: Command
) -> None:
    """The second turn tells the emotion, so that without context nothing can."""
    recipe = write_recipe(task="emocontext", emocontext={"relabel": False})
    name = "test, threshold from dev: 3 emotions, micro"
    found = {}
    for context, epochs in (("true", 8), ("false", 2)):
        changes = f"emocontext.context={context}", f"training.epochs={epochs}"
        assert pillars("tune", recipe, context, *changes) == 0
        found[context] = results(tmp_path / context)[0]
    assert found["true"]["scores"][name]["f1"] > 0.8
    assert found["false"]["scores"][name]["f1"] < 0.7
    assert found["true"]["notes"]["others"] == {"neutral": pytest.approx(80, abs=25)}
    assert found["true"]["classes"]["others"]["support"] > 0


def test_emocontext_relabels_by_its_start(
    tmp_path: Path,
    write_recipe: RecipeWriter,
    pillars: Command,
    capsys: pytest.CaptureFixture[str],
) -> None:
    recipe = write_recipe(task="emocontext")
    assert pillars("tune", recipe, "refused") == 2
    assert "emocontext.relabel: needs `start`" in capsys.readouterr().err
    assert not (tmp_path / "refused").exists()
    start = write_recipe(task="goemotions")
    assert pillars("tune", start, "start", "training.epochs=1") == 0
    recipe = write_recipe(task="emocontext", start=str(tmp_path / "start/seed-0/model"))
    changes = "emocontext.neutral_below=0", "training.epochs=1", "model.token_types=false"
    assert pillars("tune", recipe, "run", *changes) == 0
    run = results(tmp_path / "run")[0]
    assert sum(run["notes"]["others"].values()) > 20
    assert set(run["notes"]["others"]) <= set(LABELS) - {"joy", "sadness", "anger"}
    assert "as is, test, best output: 4 classes, macro" in run["scores"]
    assert not EmotionClassifier.load(tmp_path / "run/seed-0/model").config.token_types


def test_the_start_lends_its_weights(
    tmp_path: Path, write_recipe: RecipeWriter, tiny_backbone: str
) -> None:
    dual = DualEncoder.from_backbone(tiny_backbone)
    dual.text_tower.encoder.get_input_embeddings().weight.data.fill_(0.5)
    dual.save(tmp_path / "dual")
    path = write_recipe(task="goemotions", start=str(tmp_path / "dual"))
    from_dual = fitting.make_classifier(load_recipe(path, TuneRecipe))
    assert (from_dual.encoder.get_input_embeddings().weight == 0.5).all()
    from_dual.save(tmp_path / "classifier")
    path = write_recipe(task="goemotions", start=str(tmp_path / "classifier"))
    again = fitting.make_classifier(load_recipe(path, TuneRecipe, ["model.max_length=9", "seed=5"]))
    assert again.tokenizer.max_length == 9
    saved = load_file(tmp_path / "classifier/model.safetensors")
    assert all((again.state_dict()[name] == tensor).all() for name, tensor in saved.items())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("task=sst2", "task: Input should be 'goemotions', 'isear' or 'emocontext'"),
        ("backbone=null", "give `backbone` (an encoder) or `start` (a checkpoint)"),
        ("start=/nowhere", "/nowhere: no checkpoint: model.safetensors is missing"),
        ("thresholds=best", "thresholds: Input should be 'one', 'per_class' or 'smoothed'"),
        ("model.pooling=max", "model.pooling: Input should be 'mean' or 'attention'"),
        ("loss=zlpr", "loss: Input should be 'bce' or 'asymmetric'"),
        ("asymmetric.gamma=2", "asymmetric.gamma: unknown key; known here: gamma_negative,"),
        ("asymmetric.margin=1", "asymmetric.margin: Input should be less than 1"),
        ("r_drop=-1", "r_drop: Input should be greater than or equal to 0"),
        ("training.average=1", "training.average: Input should be less than 1"),
        ("isear.fold=3", "isear.fold: unknown key; known here: folds, nonresponse"),
        ("emocontext.context=2", "emocontext.context: Input should be a valid boolean"),
    ],
)
def test_mistakes_stop_before_any_work(
    tmp_path: Path,
    write_recipe: RecipeWriter,
    pillars: Command,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    change: str,
    message: str,
) -> None:
    monkeypatch.setattr(DualEncoder, "from_backbone", lambda *_, **__: pytest.fail("worked"))
    assert pillars("tune", write_recipe(task="goemotions"), "run", change) == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("task", "file", "row"),
    [
        ("goemotions", "goemotions/dev.jsonl", {"text": "x", "labels": ["bliss"]}),
        ("isear", "isear/all.jsonl", {"text": "x", "label": "bliss", "nonresponse": False}),
        ("emocontext", "emocontext/test.jsonl", {"turns": ["x", "y", "z"], "label": "bliss"}),
    ],
)
def test_unknown_labels_are_told(
    data: Path,
    write_recipe: RecipeWriter,
    pillars: Command,
    capsys: pytest.CaptureFixture[str],
    task: str,
    file: str,
    row: dict[str, Any],
) -> None:
    with (data / file).open("a") as lines:
        lines.write(json.dumps(row) + "\n")
    recipe = write_recipe(task=task, emocontext={"relabel": False})
    assert pillars("tune", recipe, "run") == 2
    error = capsys.readouterr().err
    assert file in error
    assert "unknown label 'bliss'" in error


def test_a_start_of_another_pooling_is_told(
    tmp_path: Path,
    write_recipe: RecipeWriter,
    pillars: Command,
    tiny_backbone: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    start = DualEncoder.from_backbone(tiny_backbone)
    EmotionClassifier.from_dual_encoder(start, LABELS).save(tmp_path / "mean")
    EmotionClassifier.from_dual_encoder(start, LABELS[:3]).save(tmp_path / "three")
    recipe = write_recipe(task="goemotions")
    assert pillars("tune", recipe, "run", f"start={tmp_path / 'mean'}") == 2
    assert "model.pooling" in capsys.readouterr().err
    assert pillars("tune", recipe, "run", f"start={tmp_path / 'three'}") == 2
    assert "other outputs than the 28" in capsys.readouterr().err


@pytest.mark.parametrize("task", ["goemotions", "isear", "emocontext"])
def test_the_shipped_recipes_are_valid(task: str) -> None:
    recipe = load_recipe(CHECKOUT / f"config/training/pillars_{task}.yaml", TuneRecipe)
    assert recipe.task == task
    assert recipe.thresholds == "one"
    assert recipe.isear.folds == 5
    assert recipe.emocontext.neutral_below == 0.3
