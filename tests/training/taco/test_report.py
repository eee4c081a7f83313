"""`taco sweep` trains variants, `taco report` sets them side by side."""

from __future__ import annotations

import json
import statistics
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.training.taco.conftest import Command
from training.cli import main
from training.taco.run import differences, folder_name
from training.taco.sweep import ABLATIONS, variants

RECIPE = {
    "dataset": "GoEmotions",
    "model": {"head": "labels", "descriptions": True},
    "losses": {"alpha": 0.45, "beta": 0.5, "clusters": "labels"},
    "training": {"epochs": 5.0},
    "seed": 0,
}

MakeRun = Callable[..., Path]


def changed(changes: Mapping[str, Any], seed: int) -> dict[str, Any]:
    recipe = json.loads(json.dumps({**RECIPE, "seed": seed}))
    for key, value in changes.items():
        part, last = key.split(".")
        recipe[part][last] = value
    return recipe


@pytest.fixture
def make_run(tmp_path: Path) -> MakeRun:
    """Writes the results of a run that never was."""
    dice = np.random.default_rng(0)

    def make(f1: float, seed: int = 0, folder: str | None = None, **changes: Any) -> Path:
        named = {key.replace("__", "."): value for key, value in changes.items()}
        path = tmp_path / "runs" / (folder or f"{folder_name(named)}-{seed}")
        path.mkdir(parents=True)
        measures = {"accuracy": f1 + 0.1, "weighted-F1": f1 + 0.05, "macro-F1": f1}
        results = {
            "recipe": changed(named, seed),
            "changes": named,
            "dev": measures,
            "test": measures,
            "test F1 of each label": {"joy": f1, "grief": f1 - 0.1},
            "test entropy of the top scores": {"2": 0.5 - f1 / 2, "3": 0.7 - f1 / 2},
        }
        (path / "results.json").write_text(json.dumps(results))
        np.savez_compressed(
            path / "test.npz",
            scores=dice.normal(size=(20, 2)),
            vectors=dice.normal(size=(20, 4)),
            targets=np.arange(20) % 2,
            labels=["joy", "grief"],
        )
        return path

    return make


def report(tmp_path: Path) -> str:
    output = tmp_path / "report"
    assert main(["taco", "report", "--runs", str(tmp_path / "runs"), "--output", str(output)]) == 0
    return (output / "report.md").read_text()


def row(text: str, start: str) -> list[str]:
    (line,) = [line for line in text.splitlines() if line.startswith(f"| {start}")]
    return [cell.strip() for cell in line.strip("|").split("|")]


def test_variants_stand_beside_the_papers(make_run: MakeRun, tmp_path: Path) -> None:
    for seed, f1 in enumerate((0.50, 0.52, 0.54)):
        make_run(f1, seed, model__head="linear")
        make_run(f1 + 0.05, seed)
    make_run(0.56, losses__clusters="none")
    text = report(tmp_path)
    deviation = statistics.stdev((50, 52, 54))
    assert row(text, "TACO, 3 seeds")[1:] == [
        f"{mean:.2f} ±{deviation:.2f}" for mean in (67, 62, 57)
    ]
    assert row(text, "Plain head, cross-entropy, 3 seeds")[3] == "52.00 ±2.00"
    assert row(text, "without clustering, 1 seed")[1:] == ["66.00", "61.00", "56.00"]
    assert row(text, "RoBERTa-base, plain head")[1:] == ["64.79", "64.34", "54.91"]
    lines = [line for line in text.splitlines() if line.startswith("| ")]
    places = [
        next(i for i, line in enumerate(lines) if line.startswith(start))
        for start in ("| Plain head", "| TACO,", "| without clustering, 1", "| LCL")
    ]
    assert places == sorted(places)
    gain = "Macro-F1 of TACO over the plain head: +5.00, more than the larger deviation (2.00)"
    assert f"{gain}; the paper's: +3.32." in text
    assert row(text, "grief")[1:] == ["42.00 ±2.00", "47.00 ±2.00"]


def test_plots_are_drawn(make_run: MakeRun, tmp_path: Path) -> None:
    make_run(0.5, model__head="linear")
    make_run(0.55)
    for weight in (0.0, 1.0):
        make_run(0.5 + weight / 100, losses__alpha=weight)
    text = report(tmp_path)
    for name in ("k", "sensitivity", "map_plain", "map_taco"):
        assert f"(goemotions_{name}.png)" in text
        assert (tmp_path / f"report/goemotions_{name}.png").stat().st_size > 5000
    assert "| TACO | 0.225 | 0.425 |" in text  # entropies


def test_sensitivity_counts_runs_that_differ_in_one_weight(
    make_run: MakeRun, tmp_path: Path
) -> None:
    make_run(0.55)
    make_run(0.57, losses__alpha=0.8)
    make_run(0.40, losses__alpha=0.2, losses__beta=0.1)
    text = report(tmp_path)
    rows = [line for line in text.splitlines() if line.startswith(("| alpha |", "| beta |"))]
    assert rows == ["| alpha | 0.45 | 55.00 |", "| alpha | 0.8 | 57.00 |"]
    assert row(text, "losses.alpha=0.2, losses.beta=0.1, 1 seed")[3] == "40.00"


def test_changes_of_all_runs_make_no_variant(make_run: MakeRun, tmp_path: Path) -> None:
    make_run(0.5, training__epochs=3.0, model__head="linear")
    make_run(0.55, training__epochs=3.0)
    text = report(tmp_path)
    assert row(text, "TACO, 1 seed")[3] == "55.00"
    assert "over the seeds, training.epochs=3.0." in text


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({}, "differ in nothing, not even their seed"),
        ({"losses__temperature": 0.1}, "differ in losses.temperature"),
    ],
)
def test_runs_that_do_not_belong_together(
    make_run: MakeRun,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    changes: dict[str, Any],
    message: str,
) -> None:
    make_run(0.5)
    path = make_run(0.6, folder="again", **changes) / "results.json"
    results = json.loads(path.read_text())
    path.write_text(json.dumps({**results, "changes": {}}))  # as if the recipe's file had changed
    words = ["--runs", str(tmp_path / "runs"), "--output", str(tmp_path / "report")]
    assert main(["taco", "report", *words]) == 2
    assert message in capsys.readouterr().err


def test_a_folder_without_runs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["taco", "report", "--runs", str(tmp_path), "--output", str(tmp_path / "r")]) == 2
    assert "holds no finished run" in capsys.readouterr().err


def test_a_study_is_trained_once_and_reported(
    taco: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    sweep = ("sweep", "--study", "sensitivity", "--weights", "0.0", "0.4", "--seeds", "1")
    changes = ("training.epochs=0.2",)
    assert taco(*sweep, changes=changes) == 0
    done = {path.parent.parent.name for path in (tmp_path / "runs").rglob("results.json")}
    assert done == {"epochs-0.2", "alpha-0.0_epochs-0.2", "beta-0.0_epochs-0.2"}
    monkeypatch.setattr("training.taco.train.fit", lambda *_, **__: pytest.fail("trained again"))
    assert taco(*sweep, changes=changes) == 0
    text = report(tmp_path)
    assert row(text, "without CCL, 1 seed")
    assert row(text, "without LDL, 1 seed")


def test_the_ablations_are_those_of_the_paper() -> None:
    assert variants("ablations", ()) == [[], *([change] for change in ABLATIONS)]
    assert len(ABLATIONS) == 5


def test_differences_are_paths() -> None:
    after = changed({"losses.alpha": 0.1, "model.head": "linear"}, seed=2)
    assert differences(RECIPE, after) == {"losses.alpha": 0.1, "model.head": "linear", "seed": 2}
    assert folder_name({"losses.alpha": 0.1, "model.head": "a/b"}) == "alpha-0.1_head-a-b"
    assert folder_name({}) == "full"
