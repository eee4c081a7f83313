"""Our own dialogues: everyday chats, and contrast groups (the same words after other histories)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from emotion_component import Turn
from training.readers.data_folder import CHECKOUT
from training.readers.rows import read_rows

DIALOGUES = CHECKOUT / "training/data/dialogues"


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
