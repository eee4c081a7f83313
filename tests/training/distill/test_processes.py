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
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "RAY_ADDRESS": "local"}
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


TORCHRUN = ["torch.distributed.run", "--standalone", "--nproc-per-node", "2", "-m", "training"]
RAY_TRAIN = ["training", "launch", "--workers", "2", "--"]


@pytest.mark.parametrize("launcher", [TORCHRUN, RAY_TRAIN], ids=["torchrun", "ray"])
def test_two_processes_have_the_loss_curve_of_one(
    recipe: Path, steady_backbone: Path, tmp_path: Path, launcher: list[str]
) -> None:
    """Batches of 8 texts: twice accumulated by one process, or one each by two."""
    one, two = tmp_path / "one", tmp_path / "two"
    assert main(words(recipe, steady_backbone, one, accumulation=2)) == 0
    expected = curve(one)
    assert len(expected) == 12  # three epochs of three steps, each with an evaluation
    assert expected[-2][1] < 0.95 * expected[0][1]

    run(*launcher, *words(recipe, steady_backbone, two, accumulation=1))
    assert curve(two) == [(step, pytest.approx(loss, rel=1e-3)) for step, loss in expected]
    assert (two / "model" / "model.json").is_file()


def test_only_trainings_are_launched(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["launch", "--workers", "2", "--", "distill", "annotate", "--recipe", "x"]) == 2
    assert "'distill annotate' runs in one process" in capsys.readouterr().err
    assert main(["launch", "--workers", "0", "--", "distill", "train", "--recipe", "x"]) == 2
    assert "--workers: expected a positive number" in capsys.readouterr().err
