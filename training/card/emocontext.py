"""EmoContext (SemEval-2019 task 3), without training on it: happy, sad, angry in three turns."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from scipy.special import logit

from emotion_component import EmotionModel, Turn
from training.card.bootstrap import Rows, estimate
from training.card.predictions import Floats, predict_scores
from training.evaluation.class_scores import precision_recall_f1
from training.pillars.tasks.emocontext import (
    OUTPUTS,
    Bools,
    best_threshold,
    decide,
    gold,
    read_emocontext,
)

CONTEXTS = {"with context": 2, "without context": 0}


def measure_emocontext(model: EmotionModel, data: Path | None) -> dict[str, dict[str, Any]]:
    """Scores the classifier's joy, sadness and anger.

    Args:
        model: A bundle with GoEmotions' labels.
        data: The data folder.

    Returns:
        With and without the two turns before: `threshold`, chosen on dev for the best micro-F1, and
        `micro`: precision, recall and F1 over the three emotions on test, with intervals.

    Raises:
        UserError: If a file is missing or ill-formed.
    """
    dev, dev_targets = read_emocontext("dev", data)
    test, test_targets = read_emocontext("test", data)
    measures = {}
    for way, turns in CONTEXTS.items():
        threshold = best_threshold(_logits(model, dev, turns), dev_targets)
        predicted = decide(_logits(model, test, turns), threshold)
        statistic = partial(_micro, predicted, gold(test_targets))
        measures[way] = {"threshold": threshold, "micro": estimate(statistic, len(test))}
    return measures


def _logits(model: EmotionModel, dialogues: Sequence[Sequence[Turn]], turns: int) -> Floats:
    texts = [last.text for *_, last in dialogues]
    scores = predict_scores(model, texts, [before for *before, _ in dialogues], turns)
    logits: Floats = logit(scores)
    return logits


def _micro(predicted: Bools, true: Bools, rows: Rows) -> dict[str, float]:
    emotions = len(OUTPUTS)
    pooled = [array[rows, :emotions].reshape(-1, 1) for array in (predicted, true)]
    figures = precision_recall_f1(pooled[0], pooled[1].astype(np.float64))[:, 0]
    return dict(zip(("precision", "recall", "F1"), figures.tolist(), strict=True))
