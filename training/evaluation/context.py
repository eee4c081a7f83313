"""`python -m training context`: what earlier turns do for a bundle, on our own dialogues.

Everyday chats tell whether context disturbs plain talk; contrast groups (the same words after
different histories) tell whether it decides where it must. The number of turns that a bundle reads
by itself is chosen on the dev part.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import numpy as np

from emotion_component import EmotionModel
from training.evaluation.dialogue_parts import READERS, Part, read_part
from training.readers.dialogues import DIALOGUES, Case

if TYPE_CHECKING:
    from training.cli import Subparsers


def top_label_share(cases: Sequence[Case], scores: Sequence[dict[str, float]]) -> float:
    """Returns the share of cases whose highest-scored label is among the gold ones."""
    tops = [max(row, key=lambda label: row[label]) for row in scores]
    return float(np.mean([top in c.emotions for top, c in zip(tops, cases, strict=True)]))


def pairs_in_order(cases: Sequence[Case], scores: Sequence[dict[str, float]]) -> float:
    """Returns the share of pairs of one group in which each case's own emotion fits it better.

    A case's strongest emotion must score higher in that case than in the other; both directions
    count. Chance, and any model without context, gives one half (ties count half).
    """
    groups: dict[int | None, list[int]] = {}
    for row, case in enumerate(cases):
        groups.setdefault(case.group, []).append(row)
    outcomes = []
    for rows in groups.values():
        for first, second in combinations(rows, 2):
            for own, other in ((first, second), (second, first)):
                emotions = cases[own].emotions
                label = max(emotions, key=lambda name: emotions[name])
                difference = scores[own][label] - scores[other][label]
                outcomes.append(0.5 + 0.5 * float(np.sign(difference)))
    return float(np.mean(outcomes))


def measure(
    model: EmotionModel, turns: int, part: Part = "dev", folder: Path = DIALOGUES
) -> dict[str, Any]:
    """Measures a bundle that reads so many earlier turns.

    Args:
        model: The bundle.
        turns: Earlier turns read, 0 for none.
        part: Of the dialogues.
        folder: Where chats.jsonl and contrast.jsonl lie.

    Returns:
        Shares in [0, 1].
    """
    report: dict[str, Any] = {"part": part, "turns": turns}
    for kind in READERS:
        cases = read_part(kind, part, folder)
        results = model.predict_batch(
            [case.text for case in cases], [case.context for case in cases], context_turns=turns
        )
        scores = [dict(result.scores) for result in results]
        report[f"{kind}_top_label"] = round(top_label_share(cases, scores), 4)
        if kind == "contrast":
            report["contrast_pairs"] = round(pairs_in_order(cases, scores), 4)
    return report


def add_parser(subparsers: Subparsers) -> None:
    """Adds `context` to the command line."""
    parser = subparsers.add_parser("context", description=__doc__)
    parser.add_argument("--bundle", help="instead of the shipped one")
    parser.add_argument("--part", choices=get_args(Part), default="dev")
    parser.add_argument("--turns", type=int, nargs="+", default=[0, 1, 2, 3, 4, 6])
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Prints one JSON object for each number of turns."""
    model = EmotionModel.load(arguments.bundle)
    for turns in arguments.turns:
        sys.stdout.write(json.dumps(measure(model, turns, arguments.part)) + "\n")
        sys.stdout.flush()
    return 0
