"""Trains a classifier of utterances, with or without context (arXiv 2504.16856, section 4).

python -m training pillars train --recipe config/training/pillars_context.yaml --data DATA

Stop it at any time; the same command goes on from the last epoch, and runs what is done no more.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from scipy.special import expit

from training.pillars.context_scores import score_contexts
from training.pillars.corpus import Floats
from training.pillars.decisions import macro_f1, one_threshold
from training.pillars.fitting import check_start, fit_classifier, make_classifier, predict
from training.pillars.parts import read_parts, to_corpus
from training.pillars.results import Result
from training.pillars.runs import add_arguments, run_seeds
from training.pillars.train_recipe import TrainRecipe

if TYPE_CHECKING:
    from training.cli import Subparsers


def add_parser(subparsers: Subparsers) -> None:
    """Adds the command's parser."""
    parser = subparsers.add_parser(
        "train", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add_arguments(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Runs the command, once for each seed."""
    run_seeds(arguments, TrainRecipe, train)
    return 0


def train(recipe: TrainRecipe, data: Path | None, output: Path) -> list[Result]:
    """Trains by one recipe and one seed.

    Args:
        recipe: What to do.
        data: Folder of the data files.
        output: The run's folder: `model`.

    Returns:
        One result, of the held-out parts: each kind of corpus with its context and without.

    Raises:
        UserError: If the start or the data cannot be used.
    """
    check_start(recipe)
    parts = read_parts(recipe, data)
    training = to_corpus(parts.train, recipe, recipe.targets)
    dev = to_corpus(parts.dev, recipe)
    classifier = make_classifier(recipe)

    def dev_score(logits: Floats, targets: Floats) -> float:
        return macro_f1(expit(logits), targets, one_threshold(expit(logits), targets))

    best = fit_classifier(
        classifier, training, dev, recipe, output, dev_score, recipe.context_dropout
    )
    classifier.save(output / "model", {"recipe": recipe.model_dump(exclude={"backbone", "data"})})
    thresholds = one_threshold(expit(predict(classifier, dev)), dev.targets)
    found = score_contexts(classifier, parts.held_out, thresholds, recipe)
    notes = {"dev": best, "threshold": float(thresholds[0])}
    run = f"seed {recipe.seed}"
    return [Result(run, found.scores, found.classes, found.measures, notes)]
