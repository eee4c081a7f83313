"""Transcripts of IEMOCAP, as its licensed release lays them out."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from training.errors import UserError

TRANSCRIPTS = "Session*/dialog/transcriptions/Ses*.txt"

_LINE = re.compile(
    r"^(?P<id>Ses\d\d[FM]_\S+_(?P<speaker>[FM])\S*)\s+"
    r"\[(?P<start>\d+\.\d+)-(?P<end>\d+\.\d+)\]:\s*(?P<text>.*?)\s*$"
)


@dataclass(frozen=True)
class Transcribed:
    """One utterance of a dialogue.

    Attributes:
        id: Such as "Ses01F_impro01_F000".
        speaker: "F" or "M".
        start: Seconds from the dialogue's start.
        text: The transcript.
    """

    id: str
    speaker: str
    start: float
    text: str


def read_iemocap(release: Path) -> list[list[Transcribed]]:
    """Reads the dialogues.

    Lines such as "Ses01F_impro01_F000 [006.2901-008.2357]: Excuse me." are utterances; others
    ("M: [LAUGHTER]") have neither id nor time and are left out.

    Args:
        release: The release's folder, with Session1 to Session5 in it.

    Returns:
        The utterances of each dialogue, in the order in which they begin.

    Raises:
        UserError: If no transcript lies there, or one has no utterance.
    """
    paths = sorted(release.glob(TRANSCRIPTS))
    if not paths:
        raise UserError(f"{release}: no {TRANSCRIPTS}; give the folder of the IEMOCAP release")
    return [_read_dialogue(path) for path in paths]


def _read_dialogue(path: Path) -> list[Transcribed]:
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    found = [match for line in lines if (match := _LINE.match(line.strip()))]
    if not found:
        raise UserError(f"{path}: no line like 'Ses01F_impro01_F000 [006.2901-008.2357]: ...'")
    utterances = [
        Transcribed(match["id"], match["speaker"], float(match["start"]), match["text"])
        for match in found
    ]
    return sorted(utterances, key=lambda utterance: utterance.start)
