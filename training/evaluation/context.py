"""`python -m training context`: what earlier turns do for a bundle, on our own dialogues.

Everyday chats tell whether context disturbs plain talk; contrast groups (the same words after
different histories) tell whether it decides where it must.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from emotion_component import EmotionModel, Turn
from training.readers.rows import read_rows

if TYPE_CHECKING:
    from training.cli import Subparsers

DIALOGUES = Path(__file__).resolve().parents[1] / "data" / "dialogues"


@dataclass(frozen=True)
class Case:
    """One user turn.

    Attributes:
        text: The message.
        context: The turns before it, oldest first.
        emotions: Its emotions, label to expressiveness in (0, 1].
        group: Cases of one group have the same words; None outside contrast groups.
        row: Number of the conversation, or of the contrast group, in its file.
    """

    text: str
    context: tuple[Turn, ...]
    emotions: dict[str, float]
    group: int | None = None
    row: int = 0


def read_chats(path: Path) -> list[Case]:
    """Reads every labelled user turn of everyday conversations."""
    cases = []
    for number, row in enumerate(read_rows(path)):
        turns = [Turn(turn["role"], turn["text"]) for turn in row["turns"]]
        for position, turn in enumerate(row["turns"]):
            if turn.get("emotions"):
                context = tuple(turns[:position])
                cases.append(Case(turn["text"], context, turn["emotions"], row=number))
    return cases


def read_contrast(path: Path) -> list[Case]:
    """Reads the cases of contrast groups."""
    return [
        Case(
            row["utterance"],
            tuple(Turn(*turn) for turn in case["turns"]),
            case["emotions"],
            number,
            number,
        )
        for number, row in enumerate(read_rows(path))
        for case in row["cases"]
    ]


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


def measure(model: EmotionModel, turns: int, folder: Path = DIALOGUES) -> dict[str, Any]:
    """Measures a bundle that reads so many earlier turns.

    Args:
        model: The bundle.
        turns: Earlier turns read, 0 for none.
        folder: Where chats.jsonl and contrast.jsonl lie.

    Returns:
        Shares in [0, 1].
    """
    report: dict[str, Any] = {"turns": turns}
    for name, cases in (
        ("chats", read_chats(folder / "chats.jsonl")),
        ("contrast", read_contrast(folder / "contrast.jsonl")),
    ):
        results = model.predict_batch(
            [case.text for case in cases], [case.context for case in cases], context_turns=turns
        )
        scores = [dict(result.scores) for result in results]
        report[f"{name}_top_label"] = round(top_label_share(cases, scores), 4)
        if name == "contrast":
            report["contrast_pairs"] = round(pairs_in_order(cases, scores), 4)
    return report


def add_parser(subparsers: Subparsers) -> None:
    """Adds `context` to the command line."""
    parser = subparsers.add_parser("context", description=__doc__)
    parser.add_argument("--bundle", help="instead of the shipped one")
    parser.add_argument("--turns", type=int, nargs="+", default=[0, 1, 2, 3, 4, 6])
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Prints one JSON object for each number of turns."""
    model = EmotionModel.load(arguments.bundle)
    for turns in arguments.turns:
        sys.stdout.write(json.dumps(measure(model, turns)) + "\n")
        sys.stdout.flush()
    return 0
