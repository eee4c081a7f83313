"""Folders of runs: one for each seed, each made by one recipe."""

from __future__ import annotations

import argparse
from pathlib import Path

from training.errors import UserError
from training.pillars.classifier_recipe import ClassifierRecipe

RECIPE = "recipe.json"


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


def output_folder(arguments: argparse.Namespace) -> Path:
    """Returns the folder of the runs."""
    folder: Path = arguments.output or Path("runs") / arguments.recipe.stem
    return folder


def check_folder(folder: Path, recipe: ClassifierRecipe) -> None:
    """Looks whether a recipe's run may go on in a folder.

    Raises:
        UserError: If it holds a run of another recipe.
    """
    path = folder / RECIPE
    if path.is_file() and path.read_text(encoding="utf-8") != _content(recipe):
        raise UserError(
            f"--output: {folder} holds a run of another recipe (see its {RECIPE}); "
            "name another folder or remove this one"
        )


def claim_folder(folder: Path, recipe: ClassifierRecipe) -> None:
    """Marks a folder as that of a recipe's run, so that no other recipe goes on in it.

    Raises:
        UserError: If it holds a run of another recipe.
    """
    check_folder(folder, recipe)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / RECIPE).write_text(_content(recipe), encoding="utf-8")


def _content(recipe: ClassifierRecipe) -> str:
    return recipe.model_dump_json(exclude={"data"}, indent=2) + "\n"
