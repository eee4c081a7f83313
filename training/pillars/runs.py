"""Folders of runs: one for each seed, each made by one recipe."""

from __future__ import annotations

import argparse
import logging
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from pydantic import ValidationError

from training.errors import UserError
from training.pillars.classifier_recipe import ClassifierRecipe
from training.pillars.files import write_text
from training.pillars.results import Result, read_results, write_results
from training.readers.data_folder import data_folder
from training.recipe import Recipe, load_recipe

RECIPE = "recipe.json"

RecipeT = TypeVar("RecipeT", bound=ClassifierRecipe)

log = logging.getLogger(__name__)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Adds the flags of a training command."""
    parser.add_argument("--recipe", required=True, type=Path)
    parser.add_argument("--data", type=Path, help="folder of the data files")
    parser.add_argument(
        "--output", type=Path, help="folder of the runs, seed-N in it (default: runs/<recipe>)"
    )
    parser.add_argument("--seed", type=int, nargs="+", help="instead of the recipe's; one run each")
    parser.add_argument(
        "--set", action="append", default=[], metavar="KEY=VALUE", help="change a recipe key"
    )


def run_seeds(
    arguments: argparse.Namespace,
    kind: type[RecipeT],
    run: Callable[[RecipeT, Path | None, Path], list[Result]],
) -> None:
    """Runs a recipe once for each seed, and writes the results of all seeds that are done.

    Args:
        arguments: See `add_arguments`.
        kind: Of the recipe.
        run: From recipe, data folder and the run's folder to results; what is done is not run
            again.

    Raises:
        RecipeError: If the recipe is wrong.
        UserError: If the data cannot be used, or a folder holds another recipe's run.
    """
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    recipe = load_recipe(arguments.recipe, kind, arguments.set)
    data = data_folder(arguments.data or recipe.data)
    output: Path = arguments.output or Path("runs") / arguments.recipe.stem
    for seed in arguments.seed or [recipe.seed]:
        seeded = recipe.model_copy(update={"seed": seed})
        folder = output / f"seed-{seed}"
        check_folder(folder, seeded)
        results = read_results(folder)
        if not results:
            results = run(seeded, data, folder)
            claim_folder(folder, seeded)
            write_results(folder, recipe.name, results)
    write_results(output, recipe.name, _results_of_all_seeds(output, recipe))
    log.info("Results: %s", output / "results.md")


def _results_of_all_seeds(output: Path, recipe: Recipe) -> list[Result]:
    names = (folder.name.removeprefix("seed-") for folder in output.glob("seed-*"))
    everything: list[Result] = []
    for seed in sorted(int(name) for name in names if name.isdecimal()):
        folder = output / f"seed-{seed}"
        seeded = recipe.model_copy(update={"seed": seed})
        if (folder / RECIPE).is_file() and _holds(folder, seeded):
            everything += read_results(folder)
    return everything


def check_folder(folder: Path, recipe: Recipe) -> None:
    """Looks whether a recipe's run may go on in a folder.

    Raises:
        UserError: If it holds a run of another recipe.
    """
    if (folder / RECIPE).is_file() and not _holds(folder, recipe):
        raise UserError(
            f"--output: {folder} holds a run of another recipe (see its {RECIPE}); "
            "name another folder or remove this one"
        )


def _holds(folder: Path, recipe: Recipe) -> bool:
    content = (folder / RECIPE).read_text(encoding="utf-8")
    try:
        earlier = type(recipe).model_validate_json(content)  # keys that are new since have defaults
    except ValidationError:
        return False
    return earlier == recipe.model_copy(update={"data": None})


def claim_folder(folder: Path, recipe: Recipe) -> None:
    """Marks a folder as that of a recipe's run, so that no other recipe goes on in it.

    Raises:
        UserError: If it holds a run of another recipe.
    """
    check_folder(folder, recipe)
    content = recipe.model_dump_json(exclude={"data"}, indent=2)
    write_text(folder / RECIPE, content + "\n")
