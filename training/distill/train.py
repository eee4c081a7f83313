"""Trains the dual encoder on texts and their descriptors: `python -m training distill train`."""

from __future__ import annotations

import argparse
import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any

from transformers import set_seed

from training.distill.dataset import Collator, LabelledTexts, vocabulary
from training.distill.dimension_words import with_dimension_words
from training.distill.model import DistillationModel
from training.distill.ranking import average_precision, mean_average_precision
from training.distill.recipe import DistillRecipe
from training.fit import fit, training_arguments
from training.losses.sigmoid_contrastive import SigmoidContrastiveLoss
from training.losses.softmax_contrastive import SoftmaxContrastiveLoss
from training.models.dual_encoder import DualEncoder
from training.readers.data_folder import data_folder, find_file
from training.readers.held_out import split_held_out
from training.readers.sources import read_source
from training.recipe import load_recipe

if TYPE_CHECKING:
    from training.cli import Subparsers

LOSSES = {"sigmoid": SigmoidContrastiveLoss, "softmax": SoftmaxContrastiveLoss}

log = logging.getLogger(__name__)


def add_parser(subparsers: Subparsers) -> None:
    """Adds `train` to the command line."""
    parser = subparsers.add_parser("train", description=__doc__)
    parser.add_argument("--recipe", required=True, type=Path)
    parser.add_argument("--data", type=Path, help="folder of the data files")
    parser.add_argument("--output", type=Path, help="the run's folder (default: runs/<recipe>)")
    parser.add_argument("--seed", type=int, help="instead of the recipe's")
    parser.add_argument(
        "--set", action="append", default=[], metavar="KEY=VALUE", help="change a recipe key"
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Runs the command."""
    changes = list(arguments.set)
    if arguments.seed is not None:
        changes.append(f"seed={arguments.seed}")
    recipe = load_recipe(arguments.recipe, DistillRecipe, changes)
    output = arguments.output or Path("runs") / arguments.recipe.stem / f"seed-{recipe.seed}"
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    train(recipe, data_folder(arguments.data or recipe.data), output)
    return 0


def train(recipe: DistillRecipe, data: Path | None, output: Path) -> DualEncoder:
    """Trains a dual encoder and saves it.

    Args:
        recipe: What to do.
        data: Folder of the data files, if there is one.
        output: Where checkpoints, logs and, under `model`, the result go. If it holds
            checkpoints of an interrupted run, the run goes on from the last one.

    Returns:
        The trained model.

    Raises:
        UserError: If a file, a column or a label is missing; before any training.
    """
    table = recipe.labels.dimension_words
    table_path = find_file(table, None) if table else None
    examples = [example for source in recipe.sources for example in read_source(source, data)]
    leave_out = recipe.labels.leave_out
    labels = vocabulary(examples, recipe.labels.min_count, leave_out)
    set_seed(recipe.seed)
    settings = recipe.model.model_dump()
    model = DualEncoder.from_backbone(recipe.backbone, **settings)
    if table_path:
        examples = with_dimension_words(examples, model, table_path, recipe.labels.dimension_share)
        labels = vocabulary(examples, recipe.labels.min_count, leave_out)
    features = model.label_features(labels)
    model.align(features)
    parts = split_held_out(examples, recipe.held_out)
    train_set, held_out = (LabelledTexts(part, labels, model.tokenizer) for part in parts)
    log.info(
        "%d texts to train on, %d held out, %d labels", len(train_set), len(held_out), len(labels)
    )
    biases = recipe.logit_adjustment * train_set.log_priors(len(labels))
    trainer = fit(
        DistillationModel(model, features, LOSSES[recipe.loss](), biases),
        model.text_tower.encoder,
        train_set,
        held_out,
        Collator(model.tokenizer, len(labels)),
        recipe.training,
        training_arguments(recipe.training, output, recipe.seed, "map"),
        mean_average_precision,
        average_precision,
    )
    notes: dict[str, Any] = {
        "recipe": recipe.model_dump(exclude={"backbone", "data"}),
        "texts": len(train_set),
        "labels": labels,
        "held_out": _best(trainer.state.log_history, "eval_map"),
    }
    if trainer.is_world_process_zero():
        model.save(output / "model", notes)
    log.info("Saved %s; held-out MAP %.4f", output / "model", notes["held_out"]["eval_map"])
    return model


def _best(history: list[dict[str, float]], metric: str) -> dict[str, float]:
    return max((entry for entry in history if metric in entry), key=lambda entry: entry[metric])
