"""Conversations that the server keeps: what is remembered of each turn, and what it adds up to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import takewhile
from typing import Any, Literal, Protocol

RECENT = 5
"""The user's last turns that mean and trend are read from."""


@dataclass(frozen=True)
class KeptTurn:
    """A turn as it is remembered.

    Attributes:
        message_id: The client's, or the server's own where the client gave none.
        role: "user" or "bot".
        text: What was said.
        label: Its strongest emotion.
        score: The score of `label`.
        group: The group of `label`.
        valence: Unpleasant (-1) to pleasant (1).
        arousal: Calm (-1) to activated (1).
        strong: Whether the emotion is above its threshold and not neutral.
        number: 1 for the conversation's first turn; 0 if not appended yet.
    """

    message_id: str
    role: Literal["user", "bot"]
    text: str
    label: str
    score: float
    group: str
    valence: float
    arousal: float
    strong: bool
    number: int = 0

    @classmethod
    def of(
        cls,
        message_id: str,
        role: Literal["user", "bot"],
        text: str,
        result: Mapping[str, Any],
    ) -> KeptTurn:
        """Makes the memory of a turn of its result."""
        return cls(
            message_id,
            role,
            text,
            result["label"],
            result["score"],
            result["group"],
            result["valence"],
            result["arousal"],
            strong=result["label"] in result["labels"] and result["group"] != "neutral",
        )


class MemoryUnavailable(Exception):
    """The memory of conversations cannot be reached now."""


@dataclass(frozen=True)
class Appended:
    """What came of an append.

    Attributes:
        turns: The conversation up to and with the turn, oldest first.
        repeated: Whether a turn of the same message id was there; then nothing was appended.
    """

    turns: Sequence[KeptTurn]
    repeated: bool

    @property
    def turn(self) -> KeptTurn:
        """The turn itself."""
        return self.turns[-1]


class Store(Protocol):
    """Where conversations are kept. Every method may raise `MemoryUnavailable`."""

    async def turns(self, conversation: str) -> list[KeptTurn]:
        """Returns the kept turns, oldest first; empty for an unknown conversation."""

    async def append(self, conversation: str, turn: KeptTurn) -> Appended:
        """Appends a turn, atomically, unless its message id is already there."""

    async def delete(self, conversation: str) -> bool:
        """Forgets a conversation; returns whether there was one."""

    async def ping(self) -> None:
        """Raises `MemoryUnavailable` if the store does not answer."""

    async def close(self) -> None:
        """Lets go of connections."""


class NoStore:
    """Keeps nothing: conversations are switched off."""

    async def turns(self, conversation: str) -> list[KeptTurn]:
        """See `Store`."""
        raise MemoryUnavailable

    async def append(self, conversation: str, turn: KeptTurn) -> Appended:
        """See `Store`."""
        raise MemoryUnavailable

    async def delete(self, conversation: str) -> bool:
        """See `Store`."""
        raise MemoryUnavailable

    async def ping(self) -> None:
        """See `Store`."""
        raise MemoryUnavailable

    async def close(self) -> None:
        """See `Store`."""


def state(turns: Sequence[KeptTurn]) -> dict[str, Any]:
    """Returns how the user has been feeling: the fields of `schemas.ConversationState`."""
    own = [turn for turn in turns if turn.role == "user"]
    valences = [turn.valence for turn in own[-RECENT:]]
    strong = next((turn for turn in reversed(own) if turn.strong), None)
    run = list(takewhile(lambda turn: turn.group == own[-1].group, reversed(own)))
    return {
        "valence_mean": round(sum(valences) / len(valences), 4) if valences else None,
        "valence_trend": round(_slope(valences), 4) if len(valences) > 1 else None,
        "last_strong": strong
        and {
            "number": strong.number,
            "label": strong.label,
            "score": strong.score,
            "group": strong.group,
        },
        "same_group": {"group": run[0].group, "turns": len(run)} if run else None,
    }


def _slope(values: Sequence[float]) -> float:
    """Least-squares slope over equidistant values, at least two."""
    middle = (len(values) - 1) / 2
    spread = sum((i - middle) ** 2 for i in range(len(values)))
    return sum((i - middle) * value for i, value in enumerate(values)) / spread
