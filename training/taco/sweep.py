"""Trains the variants that TACO's tables and figures compare: `python -m training taco sweep`.

`--study ablations` trains the plain head, TACO and its four ablations (Table 3), `--study
sensitivity` TACO by alpha and by beta, the other one as in the recipe (figure 4). What is done is
not trained again, and what was stopped goes on, so that the command may be stopped at any time.
"""

from __future__ import annotations

import argparse
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from training.taco.train import run_one

if TYPE_CHECKING:
    from training.cli import Subparsers

ABLATIONS = (
    "model.head=linear",
    "losses.beta=0",
    "losses.alpha=0",
    "losses.clusters=none",
    "model.descriptions=false",
)
WEIGHTS = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0)

log = logging.getLogger(__name__)


def add_parser(subparsers: Subparsers) -> None:
    """Adds `sweep` to the command line."""
    parser = subparsers.add_parser("sweep", description=__doc__)
    parser.add_argument("--recipe", required=True, type=Path)
    parser.add_argument("--data", type=Path, help="folder of the data files")
    parser.add_argument("--study", required=True, choices=("ablations", "sensitivity"))
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument(
        "--weights", type=float, nargs="+", default=WEIGHTS, help="values of alpha and of beta"
    )
    parser.add_argument(
        "--set", action="append", default=[], metavar="KEY=VALUE", help="change a recipe key"
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Runs the command."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    for seed in arguments.seeds:
        for changes in variants(arguments.study, arguments.weights):
            log.info("Seed %d, %s", seed, ", ".join(changes) or "TACO")
            run_one(arguments.recipe, [*arguments.set, *changes], seed, arguments.data, None)
    return 0


def variants(study: str, weights: Sequence[float]) -> list[list[str]]:
    """Returns the changes to the recipe that make each variant of a study; none for TACO."""
    if study == "ablations":
        return [[], *([change] for change in ABLATIONS)]
    return [[f"losses.{name}={weight}"] for name in ("alpha", "beta") for weight in weights]
