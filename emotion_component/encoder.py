"""Tokens to scores: the encoder, run over messages of like length together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Optional

import numpy as np
import numpy.typing as npt

from emotion_component.dialogue import InputError, TurnLike, check_text, parse_context
from emotion_component.session import FloatArray, Session
from emotion_component.tokens import MessageTokenizer, TokenizedMessage, pad

BATCH_TOKENS = 2048
"""Padded tokens of one run; larger runs are no faster a message and hold more memory."""

RUN_TOKENS = 4
"""Tokens that cost as much as one more run: padding beyond that is worth another run."""


@dataclass(frozen=True)
class Encoded:
    """What one encoder pass says of n messages; every kind of result is read from it.

    Attributes:
        logits: Class logits, (n, labels).
        embeddings: Unit vectors of the emotion space, (n, dimensions).
        truncated: Whether each message or its context was cut, (n,).
        blank: Whether each message has no words, (n,).
    """

    logits: FloatArray
    embeddings: FloatArray
    truncated: npt.NDArray[np.bool_]
    blank: npt.NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.logits)


def run_sizes(lengths: Sequence[int]) -> list[int]:
    """Divides messages into runs, in each of which the shorter ones are padded to the longest.

    On a CPU a run costs as much as its padded tokens, whether of one message or of many. A run
    goes on until its padding would cost more than another run.

    Args:
        lengths: Tokens of each message, longest first.

    Returns:
        Number of messages of each run.
    """
    sizes: list[int] = []
    longest = padding = 0
    for length in lengths:
        padding += longest - length
        if not sizes or padding > RUN_TOKENS or longest * (sizes[-1] + 1) > BATCH_TOKENS:
            sizes.append(0)
            longest, padding = length, 0
        sizes[-1] += 1
    return sizes


class MessageEncoder:
    """Runs a bundle's encoder. Thread-safe.

    Args:
        tokenizer: The bundle's tokenizer.
        session: The bundle's encoder.
    """

    def __init__(self, tokenizer: MessageTokenizer, session: Session) -> None:
        self._tokenizer = tokenizer
        self._session = session

    def encode(
        self,
        texts: Sequence[str],
        contexts: Optional[Sequence[Sequence[TurnLike]]],
        context_turns: Optional[int],
    ) -> Encoded:
        """Encodes n messages; see `EmotionModel.encode`."""
        messages = self._tokenize(texts, contexts, context_turns)
        logits, embeddings = self._run(messages)
        return Encoded(
            logits,
            embeddings,
            np.array([m.truncated for m in messages], dtype=bool),
            np.array([m.blank for m in messages], dtype=bool),
        )

    def _run(self, messages: Sequence[TokenizedMessage]) -> tuple[FloatArray, FloatArray]:
        """Runs the encoder from the longest message down, so that little is padding."""
        order = sorted(range(len(messages)), key=lambda row: -len(messages[row]))
        sizes = run_sizes([len(messages[row]) for row in order])
        outputs: list[dict[str, FloatArray]] = []
        start = 0
        for size in sizes:
            outputs.append(
                self._session.run(pad([messages[row] for row in order[start : start + size]]))
            )
            start += size
        back = np.argsort(order)
        logits = np.concatenate([o["logits"] for o in outputs])[back]
        return logits, np.concatenate([o["embedding"] for o in outputs])[back]

    def _tokenize(
        self,
        texts: Sequence[str],
        contexts: Optional[Sequence[Sequence[TurnLike]]],
        context_turns: Optional[int],
    ) -> list[TokenizedMessage]:
        if isinstance(texts, str):
            raise InputError("texts: expected a list of strings, got one string")
        if len(texts) == 0:
            raise InputError("texts: expected at least one")
        if contexts is None:
            contexts = [()] * len(texts)
        if len(contexts) != len(texts):
            raise InputError(f"contexts: expected {len(texts)}, one a text, got {len(contexts)}")
        if context_turns is not None and (
            isinstance(context_turns, bool)
            or not isinstance(context_turns, int)
            or context_turns < 0
        ):
            raise InputError(f"context_turns: expected 0 or more, got {context_turns!r}")
        return [
            self._tokenizer.encode(
                check_text(text, f"texts[{i}]"),
                parse_context(context, f"contexts[{i}]"),
                context_turns,
            )
            for i, (text, context) in enumerate(zip(texts, contexts))
        ]
