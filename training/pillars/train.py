"""Trains a classifier of utterances, with or without context (arXiv 2504.16856, section 4).

python -m training pillars train --recipe config/training/pillars_context.yaml --data DATA

Stop it at any time; the same command goes on from the last epoch, and runs what is done no more.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from scipy.special import expit

from training.evaluation.context import Case, pairs_in_order, top_label_share
from training.pillars.corpus import Floats
from training.pillars.decisions import macro_f1, one_threshold
from training.pillars.fitting import LABELS, check_start, fit_classifier, make_classifier, predict
from training.pillars.parts import read_parts, to_corpus
from training.pillars.results import Figures, Result, averaged, by_class
from training.pillars.runs import add_arguments, run_seeds
from training.pillars.sources import Utterance
from training.pillars.train_recipe import TrainRecipe

if TYPE_CHECKING:
    from training.cli import Subparsers

Bools = npt.NDArray[np.bool_]


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
    utterances = [utterance for part in parts.held_out.values() for utterance in part]
    held_out = to_corpus(utterances, recipe)
    scores: dict[str, Figures] = {}
    measures: dict[str, float] = {}
    kinds = np.repeat(list(parts.held_out), [len(part) for part in parts.held_out.values()])
    for way in ("with context", "without context") if recipe.context else ("without context",):
        corpus = held_out if way == "with context" else held_out.without_context()
        probabilities = expit(predict(classifier, corpus))
        if not scores:
            classes = by_class(corpus.targets, probabilities >= thresholds, LABELS)
        for kind, part in parts.held_out.items():
            if way == "with context" and not any(utterance.context for utterance in part):
                continue
            rows = kinds == kind
            name = f"{kind}, {way}"
            scores[name] = _macro(corpus.targets[rows], probabilities[rows] >= thresholds)
            measures |= _measures(name, part, probabilities[rows])
    notes = {"dev": best, "threshold": float(thresholds[0])}
    return [Result(f"seed {recipe.seed}", scores, classes, measures, notes)]


def _macro(targets: Floats, predicted: Bools) -> Figures:
    """Macro-averages over the emotions that occur: not all do in a small part."""
    occurring = targets.any(0)
    return averaged(targets[:, occurring], predicted[:, occurring])


def _measures(
    name: str, utterances: Sequence[Utterance], probabilities: Floats
) -> dict[str, float]:
    cases = [Case(u.text, (), u.emotions, group=u.group) for u in utterances]
    rows = [dict(zip(LABELS, row, strict=True)) for row in probabilities.tolist()]
    measures = {f"{name}: best label among the gold ones": top_label_share(cases, rows)}
    if cases[0].group is not None:
        measures[f"{name}: pairs of the same words in order"] = pairs_in_order(cases, rows)
    return measures
