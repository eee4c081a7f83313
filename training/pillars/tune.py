"""Tunes a classifier to GoEmotions, ISEAR or EmoContext (arXiv 2504.16856, section 5).

python -m training pillars tune --recipe config/training/pillars_goemotions.yaml --data DATA

Stop it at any time; the same command goes on from the last epoch, and runs what is done no more.
"""

from __future__ import annotations

import argparse
import logging
from pathlib import Path
from typing import TYPE_CHECKING

from training.pillars.fitting import check_start
from training.pillars.results import Result, read_results, write_results
from training.pillars.runs import add_arguments, check_folder, claim_folder, output_folder
from training.pillars.tasks.emocontext import tune_emocontext
from training.pillars.tasks.goemotions import tune_goemotions
from training.pillars.tasks.isear import tune_isear
from training.pillars.tune_recipe import TuneRecipe
from training.readers.data_folder import data_folder
from training.recipe import load_recipe

if TYPE_CHECKING:
    from training.cli import Subparsers

TASKS = {"goemotions": tune_goemotions, "isear": tune_isear, "emocontext": tune_emocontext}

log = logging.getLogger(__name__)


def add_parser(subparsers: Subparsers) -> None:
    """Adds the command's parser."""
    parser = subparsers.add_parser(
        "tune", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add_arguments(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Runs the command, once for each seed."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    output = output_folder(arguments)
    seeds: list[int] = arguments.seed or [
        load_recipe(arguments.recipe, TuneRecipe, arguments.set).seed
    ]
    results: list[Result] = []
    for seed in seeds:
        recipe = load_recipe(arguments.recipe, TuneRecipe, [*arguments.set, f"seed={seed}"])
        data = data_folder(arguments.data or recipe.data)
        results += tune(recipe, data, output / f"seed-{seed}")
    write_results(output, recipe.name, results)
    log.info("Results: %s", output / "results.md")
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
        UserError: If the start or the data cannot be used, or the folder holds another run.
    """
    check_start(recipe)
    check_folder(output, recipe)
    results = read_results(output)
    if not results:
        results = TASKS[recipe.task](recipe, data, output)
        claim_folder(output, recipe)
        write_results(output, recipe.name, results)
    return results
