"""Our own dialogues: the tenth of them that the recipes of this project hold out."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from emotion_component import EmotionModel
from training.card.bootstrap import Estimate, Rows, estimate
from training.card.predictions import predict_scores
from training.evaluation.context import pairs_in_order, top_label_share
from training.evaluation.dialogue_parts import READERS, read_part
from training.readers.dialogues import DIALOGUES, Case

LabelScores = dict[str, float]
Measure = Callable[[Sequence[Case], Sequence[LabelScores]], float]

MEASURES: dict[tuple[str, str], tuple[Measure, Callable[[int], int]]] = {
    ("chats", "strongest label is gold"): (top_label_share, lambda cases: cases),
    ("contrast", "strongest label is gold"): (top_label_share, lambda cases: cases),
    ("contrast", "pairs in order"): (pairs_in_order, lambda cases: cases * (cases - 1)),
}
"""Kind and name of each measure; how it is computed, and over how many outcomes."""


def measure_dialogues(
    model: EmotionModel, folder: Path = DIALOGUES
) -> dict[str, dict[str, Estimate]]:
    """Measures a bundle on held-out user turns; see `training.evaluation.context`.

    Args:
        model: The bundle.
        folder: Where the dialogues lie.

    Returns:
        With (as many earlier turns as the bundle reads by itself) and without context: the share of
        strongest labels that are among the gold ones in chats and in contrast groups, and of pairs
        of equal words in order. Intervals are over conversations and groups.
    """
    held_out = {kind: read_part(kind, "held_out", folder) for kind in READERS}
    measures: dict[str, dict[str, Estimate]] = {}
    for way, turns in (("with context", None), ("without context", 0)):
        scores = {kind: _scores(model, cases, turns) for kind, cases in held_out.items()}
        measures[way] = {
            f"{kind}: {name}": _estimate(held_out[kind], scores[kind], measure, outcomes)
            for (kind, name), (measure, outcomes) in MEASURES.items()
        }
    return measures


def _scores(model: EmotionModel, cases: Sequence[Case], turns: int | None) -> list[LabelScores]:
    contexts = [case.context for case in cases]
    scores = predict_scores(model, [case.text for case in cases], contexts, turns)
    return [dict(zip(model.labels, row, strict=True)) for row in scores.tolist()]


def _estimate(
    cases: Sequence[Case],
    scores: Sequence[LabelScores],
    measure: Measure,
    outcomes: Callable[[int], int],
) -> Estimate:
    """A conversation's or group's cases are no independent draws: they are resampled together."""
    units: defaultdict[int, list[int]] = defaultdict(list)
    for number, case in enumerate(cases):
        units[case.row].append(number)
    weights = np.array([outcomes(len(unit)) for unit in units.values()])
    shares = np.array(
        [measure([cases[n] for n in unit], [scores[n] for n in unit]) for unit in units.values()]
    )

    def statistic(rows: Rows) -> dict[str, float]:
        return {"share": float(np.average(shares[rows], weights=weights[rows]))}

    return estimate(statistic, len(units))["share"]
