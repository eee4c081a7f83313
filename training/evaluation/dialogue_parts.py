"""Our own dialogues, dealt as the recipes of this project deal them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from training.pillars.parts import deal_utterances
from training.pillars.sources import CorpusSource, read_corpus
from training.readers.dialogues import DIALOGUES, Case, read_chats, read_contrast

READERS = {"chats": read_chats, "contrast": read_contrast}

Part = Literal["train", "dev", "held_out"]


@dataclass(frozen=True)
class Shares:
    """Shares of the units that the recipes do not train on."""

    dev: float = 0.1
    held_out: float = 0.1


def read_part(kind: str, part: Part, folder: Path = DIALOGUES) -> list[Case]:
    """Reads a part, dealt as `training.pillars.parts` does.

    Args:
        kind: "chats" or "contrast".
        part: What the recipes train on, choose by or report on.
        folder: Where the dialogues lie.

    Returns:
        The part's user turns, in their order.

    Raises:
        UserError: If a file is missing, of another form, or too small to be dealt.
    """
    path = folder / f"{kind}.jsonl"
    utterances = read_corpus(CorpusSource.model_validate({"kind": kind, "file": str(path)}), None)
    cases = READERS[kind](path)
    rows = deal_utterances(utterances, kind, Shares())[get_args(Part).index(part)]
    return [cases[row] for row in rows]
