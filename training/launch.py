"""Runs a training command in several processes, on one machine or many, by Ray Train.

python -m training launch --workers 4 --gpu -- distill train --recipe config/training/distill.yaml

Joins the Ray cluster of RAY_ADDRESS or of this machine, or else starts one on this machine. Data
and output must lie where every machine sees them. On one machine, `torchrun` does the same.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from training.errors import UserError

if TYPE_CHECKING:
    from training.cli import Subparsers

TRAINING = [("distill", "train"), ("pillars", "train"), ("taco", "train")]


def add_parser(subparsers: Subparsers) -> None:
    """Adds the command's parser."""
    parser = subparsers.add_parser(
        "launch", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--workers", required=True, type=int, help="processes")
    parser.add_argument("--gpu", action="store_true", help="a GPU for each")
    parser.add_argument("words", nargs="+", metavar="command", help="the command, after --")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Runs the command.

    Returns:
        0; a process that fails ends all.

    Raises:
        UserError: If Ray is missing, or the command cannot be run in several processes.
    """
    words: list[str] = arguments.words
    if tuple(words[:2]) not in TRAINING:
        known = ", ".join(" ".join(command) for command in TRAINING)
        raise UserError(
            f"launch: {' '.join(words[:2])!r} runs in one process; these in more: {known}"
        )
    if arguments.workers < 1:
        raise UserError(f"--workers: expected a positive number, got {arguments.workers}")
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # Ray would tell its makers
    try:
        from ray.train import ScalingConfig
        from ray.train.torch import TorchTrainer
    except ImportError:
        raise UserError("launch: needs Ray; pip install -e '.[scale]'") from None
    TorchTrainer(
        _work,
        train_loop_config={"words": words, "folder": str(Path.cwd())},
        scaling_config=ScalingConfig(num_workers=arguments.workers, use_gpu=arguments.gpu),
    ).fit()
    return 0


def _work(config: dict[str, Any]) -> None:
    """Runs the command in one of the processes, which Ray Train has joined by torch.distributed."""
    from training.cli import main

    os.chdir(config["folder"])  # where the recipe's relative paths begin
    status = main(config["words"])
    if status:
        raise RuntimeError(f"exit status {status}; the reason is in the process's log")
