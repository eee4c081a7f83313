"""Makes the bundle that ships: `python -m training joint`.

Its stages, each in its folder below --output: `space` (distill train), `teachers` (pillars tune),
`joint` (both heads together), `finish` (the same once more, with what comes last), `mixed` (part of
the way back to the start), `bundle` (export). A recipe may leave stages out. Stop it at any time;
the same command goes on from the last epoch, trains nothing twice, and refuses a folder of another
recipe.
"""

from __future__ import annotations

import argparse
import logging
from pathlib import Path
from typing import TYPE_CHECKING

from training.distill.recipe import DistillRecipe
from training.distill.train import train as train_space
from training.export.build import build
from training.export.recipe import ExportRecipe
from training.joint.interpolation import mix
from training.joint.recipe import JointRecipe, MixSettings
from training.joint.train import train as train_joint
from training.models.checkpoint import CONFIG
from training.pillars.runs import claim_folder
from training.pillars.tune import tune
from training.pillars.tune_recipe import TuneRecipe
from training.readers.data_folder import data_folder, find_file
from training.recipe import load_recipe

if TYPE_CHECKING:
    from training.cli import Subparsers

log = logging.getLogger(__name__)


def add_parser(subparsers: Subparsers) -> None:
    """Adds `joint` to the command line."""
    parser = subparsers.add_parser(
        "joint", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--recipe", required=True, type=Path)
    parser.add_argument("--data", type=Path, help="folder of the data files")
    parser.add_argument("--output", type=Path, help="folder of the stages (default: runs/<recipe>)")
    parser.add_argument(
        "--set", action="append", default=[], metavar="KEY=VALUE", help="change a recipe key"
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Runs the command."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    recipe = load_recipe(arguments.recipe, JointRecipe, arguments.set)
    data = data_folder(arguments.data or recipe.data)
    output: Path = arguments.output or Path("runs") / arguments.recipe.stem
    # All recipes are read before any work, so that a mistake in one costs no time.
    space_recipe = _space_recipe(recipe)
    start = output / "space" / "model" if recipe.start is None else Path(recipe.start)
    tune_recipes = _tune_recipes(recipe, start)
    export_recipe = load_recipe(find_file(recipe.bundle, None), ExportRecipe)
    _claim_stages(recipe, space_recipe, output)
    if space_recipe and not _done(output / "space"):
        train_space(space_recipe, data, output / "space")
    teachers = _teachers(recipe, tune_recipes, data, output / "teachers")
    trained = start
    for name, stage in (("joint", recipe.joint), ("finish", recipe.finish)):
        if stage and not _done(output / name):
            train_joint(recipe, stage, data, trained, teachers, output / name)
        trained = output / name / "model" if stage else trained
    mixed = mix(recipe.mix, trained, start, output / "mixed")
    build(export_recipe, mixed, output / "bundle", data)
    log.info("Bundle: %s (float32 beside it)", output / "bundle" / "int8")
    return 0


def _claim_stages(recipe: JointRecipe, space: DistillRecipe | None, output: Path) -> None:
    """What comes after a stage may change without training it again."""
    if space:
        claim_folder(output / "space", space)
    unmixed = recipe.model_copy(update={"mix": MixSettings()})
    if recipe.joint:
        claim_folder(output / "joint", unmixed.model_copy(update={"finish": None}))
    if recipe.finish:
        claim_folder(output / "finish", unmixed)


def _teachers(
    recipe: JointRecipe, tune_recipes: list[TuneRecipe], data: Path | None, output: Path
) -> list[Path]:
    """Returns the teachers' checkpoints; those that are to be trained are."""
    if recipe.teachers is None:
        return []
    folders = [output / f"seed-{teacher.seed}" for teacher in tune_recipes]
    for folder, teacher in zip(folders, tune_recipes, strict=True):
        claim_folder(folder, teacher)
        if not _done(folder):
            tune(teacher, data, folder)
    return [Path(name) for name in recipe.teachers.checkpoints] + [f / "model" for f in folders]


def _space_recipe(recipe: JointRecipe) -> DistillRecipe | None:
    stage = recipe.space
    if stage is None:
        return None
    changes = [*stage.set, f"backbone={recipe.backbone}", f"seed={stage.seed}"]
    return load_recipe(find_file(stage.recipe, None), DistillRecipe, changes)


def _tune_recipes(recipe: JointRecipe, start: Path) -> list[TuneRecipe]:
    stage = recipe.teachers
    if stage is None or stage.recipe is None:
        return []
    path = find_file(stage.recipe, None)
    return [
        load_recipe(path, TuneRecipe, [f"start={start}", f"seed={seed}"]) for seed in stage.seeds
    ]


def _done(folder: Path) -> bool:
    return (folder / "model" / CONFIG).is_file()
