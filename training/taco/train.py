"""Trains a single-label classifier by TACO's three views: `python -m training taco train`.

Writes into the run's folder: `model/` (the checkpoint of the best epoch by macro-F1 on dev),
results.json and results.md (scores on dev and test), test.npz (scores, vectors and labels of the
test texts, for `taco report`). The command again goes on where it was stopped.
"""

from __future__ import annotations

import argparse
import logging
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from transformers import EvalPrediction, set_seed

from training.distill.dataset import LabelledTexts
from training.evaluation.report import table
from training.fit import fit, training_arguments
from training.models.single_label_classifier import SingleLabelClassifier
from training.readers.data_folder import data_folder
from training.readers.example import Example
from training.recipe import load_recipe
from training.taco import run as runs
from training.taco.data import Collator, TacoData, read_data
from training.taco.model import ContrastiveWarmup, TripleViewModel
from training.taco.recipe import TacoRecipe
from training.taco.scores import MEASURES, TOP, Floats, Ints, label_f1, measure, top_entropy

if TYPE_CHECKING:
    from training.cli import Subparsers

log = logging.getLogger(__name__)


def add_parser(subparsers: Subparsers) -> None:
    """Adds `train` to the command line."""
    parser = subparsers.add_parser("train", description=__doc__)
    parser.add_argument("--recipe", required=True, type=Path)
    parser.add_argument("--data", type=Path, help="folder of the data files")
    parser.add_argument(
        "--output", type=Path, help="the run's folder (default: runs/<recipe>/<changes>/seed-<N>)"
    )
    parser.add_argument("--seed", type=int, help="instead of the recipe's")
    parser.add_argument(
        "--set", action="append", default=[], metavar="KEY=VALUE", help="change a recipe key"
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Runs the command."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    run_one(arguments.recipe, arguments.set, arguments.seed, arguments.data, arguments.output)
    return 0


def run_one(
    path: Path, changes: list[str], seed: int | None, data: Path | None, output: Path | None
) -> None:
    """Trains what a recipe's file says, with some keys changed; nothing if that is done already.

    Args:
        path: The recipe.
        changes: Keys to set, each "a.b=value".
        seed: Instead of the recipe's.
        data: Folder of the data files, if the recipe names none.
        output: The run's folder; None for runs/<recipe>/<changes>/seed-<N>.
    """
    seeding = [] if seed is None else [f"seed={seed}"]
    recipe = load_recipe(path, TacoRecipe, [*changes, *seeding])
    content = runs.describe(recipe)
    changed = runs.differences(runs.describe(load_recipe(path, TacoRecipe)), content)
    changed.pop("seed", None)
    default = Path("runs") / path.stem / runs.folder_name(changed) / f"seed-{recipe.seed}"
    output = output or default
    texts = read_data(recipe, data_folder(data or recipe.data))
    if runs.open_run(output, content, changed):
        log.info("%s: done already", output)
        return
    train(recipe, texts, output, {"recipe": content, "changes": changed})


def train(recipe: TacoRecipe, data: TacoData, output: Path, notes: dict[str, Any]) -> None:
    """Trains a classifier, saves it and scores it.

    Args:
        recipe: What to do.
        data: The texts.
        output: The run's folder. If it holds checkpoints of an interrupted run, the run goes on
            from the last one.
        notes: Kept in the results and in the checkpoint.
    """
    set_seed(recipe.seed)
    settings = recipe.model
    classifier = SingleLabelClassifier.from_backbone(
        recipe.backbone,
        data.descriptions,
        head=settings.head,
        with_descriptions=settings.descriptions,
        dimension=settings.dimension,
        pooling=settings.pooling,
        max_length=settings.max_length,
    )
    if settings.lora:
        from training.taco.lora import add_adapters, merge_adapters  # peft is slow to import

        classifier.encoder = add_adapters(classifier.encoder, settings.lora)
    labels = classifier.config.labels
    train_set, dev_set = (
        LabelledTexts(part, labels, classifier.tokenizer) for part in (data.train, data.dev)
    )
    log.info("%d texts to train on, %d labels", len(train_set), len(labels))
    model = TripleViewModel(classifier, recipe.losses, recipe.seed)
    trainer = fit(
        model,
        classifier.encoder,
        train_set,
        dev_set,
        Collator(classifier.tokenizer),
        recipe.training,
        training_arguments(recipe.training, output, recipe.seed, "macro-F1"),
        _dev_scores,
        callbacks=[ContrastiveWarmup(model, recipe.losses.warmup)],
    )
    if settings.lora:
        classifier.encoder = merge_adapters(classifier.encoder)
    if trainer.is_world_process_zero():
        classifier.save(output / "model", notes)
        _write_results(classifier, data, output, notes)
        for checkpoint in output.glob("checkpoint-*"):  # what is done is not resumed
            shutil.rmtree(checkpoint)


def _dev_scores(prediction: EvalPrediction) -> dict[str, float]:
    return measure(np.asarray(prediction.predictions), np.asarray(prediction.label_ids))


def _write_results(
    classifier: SingleLabelClassifier, data: TacoData, output: Path, notes: dict[str, Any]
) -> None:
    labels = classifier.config.labels
    (dev, _, dev_targets), (test, vectors, targets) = (
        _predict(classifier, part) for part in (data.dev, data.test)
    )
    np.savez_compressed(
        output / runs.VECTORS, scores=test, vectors=vectors, targets=targets, labels=labels
    )
    results = {
        **notes,
        "backbone": {
            key: classifier.config.backbone.get(key)
            for key in ("model_type", "hidden_size", "num_hidden_layers")
        },
        "texts": {name: len(getattr(data, name)) for name in ("train", "dev", "test")},
        "dev": measure(dev, dev_targets),
        "test": measure(test, targets),
        "test F1 of each label": label_f1(test, targets, labels),
        "test entropy of the top scores": {
            str(k): top_entropy(test, k) for k in TOP if k <= len(labels)
        },
    }
    runs.write_json(output / runs.RESULTS, results)
    rows = [
        [name, *(f"{100 * results[name][m]:.2f}" for m in MEASURES)] for name in ("dev", "test")
    ]
    text = f"# {notes['recipe']['dataset']}, in percent\n\n{table(['split', *MEASURES], rows)}"
    (output / "results.md").write_text(text, encoding="utf-8")
    log.info("%s", text)


def _predict(
    classifier: SingleLabelClassifier, examples: list[Example]
) -> tuple[Floats, Floats, Ints]:
    """Returns scores (texts, labels), vectors (texts, dimension) and targets (texts,)."""
    texts, contexts = [e.text for e in examples], [e.context for e in examples]
    scores, vectors = classifier.predict(texts, contexts)
    rows = {label: row for row, label in enumerate(classifier.config.labels)}
    targets = np.array([rows[example.labels[0]] for example in examples])
    return scores.numpy(), vectors.numpy(), targets
