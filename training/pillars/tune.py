"""Tunes a classifier to GoEmotions, ISEAR or EmoContext (arXiv 2504.16856, section 5).

python -m training pillars tune --recipe config/training/pillars_goemotions.yaml --data DATA

Stop it at any time; the same command goes on from the last epoch, and runs what is done no more.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from training.pillars.fitting import check_start
from training.pillars.results import Result
from training.pillars.runs import add_arguments, run_seeds
from training.pillars.tasks.emocontext import tune_emocontext
from training.pillars.tasks.goemotions import tune_goemotions
from training.pillars.tasks.isear import tune_isear
from training.pillars.tune_recipe import TuneRecipe

if TYPE_CHECKING:
    from training.cli import Subparsers

TASKS = {"goemotions": tune_goemotions, "isear": tune_isear, "emocontext": tune_emocontext}


def add_parser(subparsers: Subparsers) -> None:
    """Adds the command's parser."""
    parser = subparsers.add_parser(
        "tune", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add_arguments(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Runs the command, once for each seed."""
    run_seeds(arguments, TuneRecipe, tune)
    return 0


def tune(recipe: TuneRecipe, data: Path | None, output: Path) -> list[Result]:
    """Tunes by one recipe and one seed.

    Args:
        recipe: What to do.
        data: Folder of the data files.
        output: The run's folder.

    Returns:
        The results: one, or one a fold.

    Raises:
        UserError: If the start or the data cannot be used.
    """
    check_start(recipe)
    return TASKS[recipe.task](recipe, data, output)
