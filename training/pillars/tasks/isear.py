"""ISEAR: one of seven emotions, five folds, the 28 outputs kept."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.model_selection import StratifiedGroupKFold

from training.errors import UserError
from training.pillars.corpus import Corpus, Floats
from training.pillars.fitting import (
    LABELS,
    fit_classifier,
    make_classifier,
    predict,
    starts_as_classifier,
)
from training.pillars.groups import Rows, connected_groups
from training.pillars.results import Result, averaged, by_class, read_results, write_results
from training.pillars.runs import check_folder
from training.pillars.tune_recipe import TuneRecipe
from training.readers.data_folder import find_table
from training.readers.rows import read_rows

OUTPUTS = {
    **{"anger": "anger", "disgust": "disgust", "fear": "fear", "joy": "joy"},
    **{"sadness": "sadness", "shame": "embarrassment", "guilt": "remorse"},
}
"""Class of ISEAR to output (arXiv 2504.16856, section 5.2)."""

COLUMNS = [LABELS.index(output) for output in OUTPUTS.values()]

log = logging.getLogger(__name__)


def tune_isear(recipe: TuneRecipe, data: Path | None, output: Path) -> list[Result]:
    """Tunes to ISEAR once for each fold and scores on the fold.

    Args:
        recipe: What to do.
        data: The data folder.
        output: The run's folder.

    Returns:
        One result a fold.

    Raises:
        UserError: If the file is missing, or a row is ill-formed.
    """
    path = find_table("isear/all.jsonl", data)
    rows = [row for row in read_rows(path) if recipe.isear.nonresponse or not row["nonresponse"]]
    corpus = read_corpus(rows, path)
    groups = leak_groups(rows)
    classes = corpus.targets.argmax(1)
    results = []
    for fold, (rest, test) in enumerate(split_folds(classes, groups, recipe.isear.folds), 1):
        folder = output / f"fold-{fold}"
        check_folder(folder, recipe)
        done = read_results(folder)
        if not done:
            train, dev = next(split_folds(classes[rest], groups[rest], 10))
            parts = [corpus.take(part) for part in (rest[train], rest[dev], test)]
            done = [_tune_fold(recipe, fold, parts, folder)]
            write_results(folder, f"{recipe.name}: fold {fold}", done)
        results += done
    return results


def _tune_fold(recipe: TuneRecipe, fold: int, parts: Sequence[Corpus], folder: Path) -> Result:
    train, dev, test = parts
    classifier = make_classifier(recipe)
    scores = {}
    if starts_as_classifier(recipe):
        scores["as is"] = averaged(*_classes(predict(classifier, test), test.targets))

    def dev_score(logits: Floats, targets: Floats) -> float:
        return averaged(*_classes(logits, targets))["f1"]

    best = fit_classifier(classifier, train, dev, recipe, folder, dev_score)
    outcome = _classes(predict(classifier, test), test.targets)
    scores["7 classes, macro"] = averaged(*outcome)
    log.info("fold %d: macro-F1 %.4f", fold, scores["7 classes, macro"]["f1"])
    run = f"seed {recipe.seed}, fold {fold}"
    return Result(run, scores, by_class(*outcome, list(OUTPUTS)), notes={"dev": best})


def _classes(logits: Floats, targets: Floats) -> tuple[Floats, Floats]:
    """Targets and predictions, (texts, 7): the best output of the seven."""
    predicted = np.eye(len(COLUMNS))[logits[:, COLUMNS].argmax(1)]
    return targets[:, COLUMNS], predicted


def read_corpus(rows: Sequence[dict[str, Any]], path: Path) -> Corpus:
    """Returns the texts with one of the 28 outputs each.

    Raises:
        UserError: If a row has another label.
    """
    targets = np.zeros((len(rows), len(LABELS)))
    for number, row in enumerate(rows):
        if row["label"] not in OUTPUTS:
            known = ", ".join(OUTPUTS)
            raise UserError(f"{path}: unknown label {row['label']!r}; known: {known}")
        targets[number, LABELS.index(OUTPUTS[row["label"]])] = 1
    return Corpus([row["text"] for row in rows], [None] * len(rows), targets)


def leak_groups(rows: Sequence[dict[str, Any]]) -> Rows:
    """Numbers the groups that must not be torn apart: a person's texts, and equal texts.

    Answers that tell nothing ("no response") tie nobody together.
    """
    persons = [row["subject"] for row in rows]
    texts = [row["text"].strip().lower() for row in rows]
    alone = [(row["subject"] if row["nonresponse"] else None) for row in rows]
    return connected_groups(persons, list(zip(texts, alone, strict=True)))


def split_folds(classes: Rows, groups: Rows, folds: int) -> Iterator[tuple[Rows, Rows]]:
    """Yields rows of the rest and of the fold; classes alike in each, no group in two folds."""
    splitter = StratifiedGroupKFold(folds, shuffle=True, random_state=0)
    yield from splitter.split(classes, classes, groups)
