"""Several processes, by torchrun or by Ray Train, learn what one does with accumulation."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.ray_cluster import running_cluster
from training.cli import main

PATIENCE = 900  # seconds, on a machine with much else to do


@pytest.fixture
def steady_backbone(tiny_backbone: str, tmp_path: Path) -> Path:
    """The tiny encoder without dropout, whose masks would differ between processes."""
    folder = tmp_path / "backbone"
    shutil.copytree(tiny_backbone, folder)
    config = json.loads((folder / "config.json").read_text())
    config |= {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}
    (folder / "config.json").write_text(json.dumps(config))
    return folder


def words(recipe: Path, backbone: Path, output: Path, accumulation: int) -> list[str]:
    changes = [f"backbone={backbone}", f"training.gradient_accumulation={accumulation}"]
    changes += ["training.epochs=3"]
    paths = ["--recipe", str(recipe), "--data", str(recipe.parent / "data")]
    sets = [word for change in changes for word in ("--set", change)]
    return ["distill", "train", *paths, "--output", str(output), *sets]


def run(*command: str) -> None:
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, "-m", *command],
        env=environment,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def curve(output: Path) -> list[tuple[int, float]]:
    """Step and training loss, and after each epoch the score of the held-out part."""
    states = sorted(output.glob("checkpoint-*/trainer_state.json"), key=os.path.getmtime)
    history: list[dict[str, Any]] = json.loads(states[-1].read_text())["log_history"]
    return [(e["step"], e.get("loss", e.get("eval_map"))) for e in history]


@pytest.fixture
def expected(recipe: Path, steady_backbone: Path, tmp_path: Path) -> list[tuple[int, float]]:
    """The curve of one process that accumulates the gradients of two batches of 8 texts."""
    assert main(words(recipe, steady_backbone, tmp_path / "one", accumulation=2)) == 0
    found = curve(tmp_path / "one")
    assert len(found) == 12  # three epochs of three steps, each with an evaluation
    first, last = (sum(loss for _, loss in found[start : start + 3]) for start in (0, 8))
    assert last < first  # it learns
    return [(step, pytest.approx(value, rel=1e-3)) for step, value in found]


def test_two_processes_of_torchrun_have_the_curve_of_one(
    recipe: Path, steady_backbone: Path, tmp_path: Path, expected: list[tuple[int, float]]
) -> None:
    torchrun = ["torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    run(*torchrun, "-m", "training", *words(recipe, steady_backbone, tmp_path / "two", 1))
    assert curve(tmp_path / "two") == expected
    assert (tmp_path / "two" / "model" / "model.json").is_file()


def test_two_workers_of_ray_train_have_the_curve_of_one(
    recipe: Path,
    steady_backbone: Path,
    tmp_path: Path,
    expected: list[tuple[int, float]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    with running_cluster(nodes=2) as cluster:
        monkeypatch.setenv("RAY_ADDRESS", cluster.address)
        launch = ["training", "launch", "--workers", "2", "--"]
        run(*launch, *words(recipe, steady_backbone, tmp_path / "two", 1))
    assert curve(tmp_path / "two") == expected
    assert (tmp_path / "two" / "model" / "model.json").is_file()


def test_only_trainings_are_launched(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["launch", "--workers", "2", "--", "distill", "annotate", "--recipe", "x"]) == 2
    assert "'distill annotate' runs in one process" in capsys.readouterr().err
    assert main(["launch", "--workers", "0", "--", "distill", "train", "--recipe", "x"]) == 2
    assert "--workers: expected a positive number" in capsys.readouterr().err
