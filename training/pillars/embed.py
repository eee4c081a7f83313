r"""Writes embeddings of transcribed utterances, for multi-modal work (arXiv 2504.16856, section 6).

python -m training embed --checkpoint runs/pillars_context/seed-0/model --iemocap RELEASE \
    --context-turns 4 --output iemocap.npz

The .npz file holds one float32 array for each utterance, under its id: the mean state of its tokens
(as wide as the encoder) and, with --probabilities, its 28 probabilities after that. RELEASE is the
licensed IEMOCAP release (Session*/dialog/transcriptions/*.txt); nothing else of it is read.
"""

from __future__ import annotations

import argparse
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import torch

from emotion_component import Turn
from training.errors import UserError
from training.models.emotion_classifier import EmotionClassifier
from training.readers.iemocap import Transcribed, read_iemocap
from training.readers.turns import join_turns

if TYPE_CHECKING:
    from training.cli import Subparsers

log = logging.getLogger(__name__)


def add_parser(subparsers: Subparsers) -> None:
    """Adds the command's parser."""
    parser = subparsers.add_parser(
        "embed", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--checkpoint", required=True, type=Path, help="of `pillars train` or `pillars tune`"
    )
    parser.add_argument("--iemocap", required=True, type=Path, help="folder of the release")
    parser.add_argument(
        "--context-turns", type=int, default=0, help="earlier turns read (default: none)"
    )
    parser.add_argument("--probabilities", action="store_true", help="append the 28 probabilities")
    parser.add_argument("--output", required=True, type=Path, help="the .npz file")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Runs the command."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    turns: int = arguments.context_turns
    if turns < 0:
        raise UserError(f"--context-turns: {turns}: give 0 or more")
    if arguments.output.suffix != ".npz":
        raise UserError(f"--output: {arguments.output}: give a name that ends in .npz")
    dialogues = read_iemocap(arguments.iemocap)
    classifier = EmotionClassifier.load(arguments.checkpoint)
    arrays = embed(classifier, dialogues, turns, arguments.probabilities)
    arguments.output.parent.mkdir(parents=True, exist_ok=True)
    np.savez(arguments.output, **arrays)  # type: ignore[arg-type]  # its flag allow_pickle
    log.info("%d utterances of %d dialogues: %s", len(arrays), len(dialogues), arguments.output)
    return 0


def embed(
    classifier: EmotionClassifier,
    dialogues: Sequence[Sequence[Transcribed]],
    context_turns: int,
    probabilities: bool,
) -> dict[str, npt.NDArray[np.float32]]:
    """Returns a vector for each utterance, by its id.

    Args:
        classifier: Trained.
        dialogues: Utterances in order.
        context_turns: How many utterances before each are read.
        probabilities: Whether the emotions' probabilities follow the embedding.
    """
    utterances = [utterance for dialogue in dialogues for utterance in dialogue]
    contexts = [
        context_of(dialogue, position, context_turns)
        for dialogue in dialogues
        for position in range(len(dialogue))
    ]
    logits, vectors = classifier.embed([utterance.text for utterance in utterances], contexts)
    if probabilities:
        vectors = torch.cat([vectors, logits.sigmoid()], dim=1)
    return {u.id: row for u, row in zip(utterances, vectors.numpy(), strict=True)}


def context_of(dialogue: Sequence[Transcribed], position: int, turns: int) -> str | None:
    """Returns the turns before an utterance; its speaker is the user, the other one the bot."""
    speaker = dialogue[position].speaker
    before = dialogue[max(0, position - turns) : position]
    return join_turns([Turn("user" if u.speaker == speaker else "bot", u.text) for u in before])
