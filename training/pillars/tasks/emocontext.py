"""EmoContext (SemEval-2019 task 3): happy, sad, angry or others, from three turns."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.special import expit

from emotion_component import Turn
from emotion_component.text import spell_emoji
from training.errors import UserError
from training.pillars.corpus import Corpus, Floats
from training.pillars.decisions import GRID
from training.pillars.fitting import (
    LABELS,
    fit_classifier,
    make_classifier,
    predict,
    starts_as_classifier,
)
from training.pillars.results import Figures, Result, averaged, by_class
from training.pillars.tune_recipe import EmoContextSettings, TuneRecipe
from training.readers.data_folder import find_table
from training.readers.rows import read_rows
from training.readers.turns import join_turns

OTHERS = "others"
OUTPUTS = {"happy": "joy", "sad": "sadness", "angry": "anger"}
"""Emotion of the contest to output; `others` has none of its own."""

COLUMNS = [LABELS.index(output) for output in OUTPUTS.values()]
OTHER_COLUMNS = [column for column in range(len(LABELS)) if column not in COLUMNS]
NEUTRAL = LABELS.index("neutral")
CLASSES = [*OUTPUTS, OTHERS]

Bools = npt.NDArray[np.bool_]

log = logging.getLogger(__name__)


def tune_emocontext(recipe: TuneRecipe, data: Path | None, output: Path) -> list[Result]:
    """Tunes to EmoContext and scores on its dev and test splits.

    Args:
        recipe: What to do.
        data: The data folder.
        output: The run's folder: `model`.

    Returns:
        One result.

    Raises:
        UserError: If a file is missing or ill-formed, or relabelling has no classifier to ask.
    """
    settings = recipe.emocontext
    if settings.relabel and not starts_as_classifier(recipe):
        raise UserError(
            "emocontext.relabel: needs `start`, a checkpoint of `pillars train` or `pillars tune`, "
            "to label 'others' by; or set it to false"
        )
    train, dev, test = (_read(name, data, settings) for name in ("train", "dev", "test"))
    classifier = make_classifier(recipe)
    scores: dict[str, Figures] = {}
    if starts_as_classifier(recipe):
        as_is = _scores(predict(classifier, dev), predict(classifier, test), dev, test)
        scores |= {f"as is, {name}": figures for name, figures in as_is.items()}
    if settings.relabel:
        train = relabel_others(train, predict(classifier, train), settings.neutral_below)

    def dev_score(logits: Floats, targets: Floats) -> float:
        threshold = best_threshold(logits, targets)
        return _micro(targets, decide(logits, threshold))["f1"]

    best = fit_classifier(classifier, train, dev, recipe, output, dev_score)
    dev_logits, test_logits = (predict(classifier, part) for part in (dev, test))
    scores |= _scores(dev_logits, test_logits, dev, test)
    threshold = best_threshold(dev_logits, dev.targets)
    classes = by_class(gold(test.targets), decide(test_logits, threshold), CLASSES)
    classifier.save(output / "model", {"recipe": recipe.model_dump(exclude={"backbone", "data"})})
    others = train.targets[:, OTHER_COLUMNS].sum(0)
    notes = {
        "dev": best,
        "threshold": threshold,
        "others": {LABELS[c]: int(n) for c, n in zip(OTHER_COLUMNS, others, strict=True) if n},
    }
    return [Result(f"seed {recipe.seed}", scores, classes, notes=notes)]


def _read(split: str, data: Path | None, settings: EmoContextSettings) -> Corpus:
    dialogues, targets = read_emocontext(split, data, settings.spell_emoji)
    contexts = [join_turns(before) if settings.context else None for *before, _ in dialogues]
    return Corpus([last.text for *_, last in dialogues], contexts, targets)


def read_emocontext(
    split: str, data: Path | None, with_emoji_spelt: bool = False
) -> tuple[list[list[Turn]], Floats]:
    """Reads a split.

    Args:
        split: "train", "dev" or "test".
        data: The data folder.
        with_emoji_spelt: Whether emoji are replaced by their names.

    Returns:
        n dialogues of three turns, the last of which is judged, and (n, labels), 0 or 1: the
        outputs of happy, sad and angry, neutral for others.

    Raises:
        UserError: If the file is missing or has an unknown label.
    """
    path = find_table(f"emocontext/{split}.jsonl", data)
    rows = read_rows(path)
    targets = np.zeros((len(rows), len(LABELS)))
    for number, row in enumerate(rows):
        if row["label"] not in CLASSES:
            known = ", ".join(CLASSES)
            raise UserError(f"{path}: unknown label {row['label']!r}; known: {known}")
        targets[number, LABELS.index(OUTPUTS.get(row["label"], "neutral"))] = 1
    return [_turns(row, with_emoji_spelt) for row in rows], targets


def _turns(row: dict[str, Any], emoji: bool) -> list[Turn]:
    texts = [spell_emoji(text) if emoji else text for text in row["turns"]]
    return [Turn(role, text) for role, text in zip(("user", "bot", "user"), texts, strict=True)]


def relabel_others(corpus: Corpus, logits: Floats, neutral_below: float) -> Corpus:
    """Gives 'others' the output, apart from the three emotions, that a model finds best.

    The paper keeps the outputs of an untuned model so (arXiv 2504.16856, section 5.2). The three
    emotions are not candidates: the annotators have ruled them out.

    Args:
        corpus: Its 'others' are labelled neutral.
        logits: Of the model, (texts, labels).
        neutral_below: Where the best probability is below it, the label stays neutral.
    """
    probabilities = expit(logits)
    best = np.array(OTHER_COLUMNS)[probabilities[:, OTHER_COLUMNS].argmax(1)]
    best[probabilities[np.arange(len(best)), best] < neutral_below] = NEUTRAL
    targets = corpus.targets.copy()
    others = targets[:, NEUTRAL] == 1
    targets[others] = np.eye(len(LABELS))[best[others]]
    return Corpus(corpus.texts, corpus.contexts, targets)


def gold(targets: Floats) -> Bools:
    """Returns (texts, 4): happy, sad, angry, others."""
    emotions = targets[:, COLUMNS] == 1
    return np.column_stack([emotions, ~emotions.any(1)])


def decide(logits: Floats, threshold: float | None) -> Bools:
    """Returns predictions, (texts, 4).

    Args:
        logits: (texts, labels).
        threshold: The best of the three emotions is predicted from this probability on; if None,
            where it is the best of all outputs.
    """
    best = logits[:, COLUMNS].argmax(1)
    highest = logits[:, COLUMNS].max(1)
    if threshold is None:
        emotional = highest > logits[:, OTHER_COLUMNS].max(1)
    else:
        emotional = expit(highest) >= threshold
    return np.eye(len(CLASSES), dtype=bool)[np.where(emotional, best, len(COLUMNS))]


def best_threshold(logits: Floats, targets: Floats) -> float:
    """Returns the threshold of the best micro-F1 of the three emotions."""
    return float(max(GRID, key=lambda t: _micro(targets, decide(logits, t))["f1"]))


def _micro(targets: Floats, predicted: Bools) -> Figures:
    """The contest's score: micro-averages over the three emotions."""
    emotions = len(COLUMNS)
    return averaged(gold(targets)[:, :emotions], predicted[:, :emotions], "micro")


def _scores(
    dev_logits: Floats, test_logits: Floats, dev: Corpus, test: Corpus
) -> dict[str, Figures]:
    threshold = best_threshold(dev_logits, dev.targets)
    scores: dict[str, Figures] = {}
    for part, logits, corpus in (("test", test_logits, test), ("dev", dev_logits, dev)):
        for way, limit in (("threshold from dev", threshold), ("best output", None)):
            predicted, true = decide(logits, limit), gold(corpus.targets)
            name = f"{part}, {way}"
            scores[f"{name}: 3 emotions, micro"] = _micro(corpus.targets, predicted)
            scores[f"{name}: 3 emotions, macro"] = averaged(true[:, :3], predicted[:, :3])
            scores[f"{name}: 4 classes, macro"] = averaged(true, predicted)
    return scores
