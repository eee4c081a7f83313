"""Conversations in the memory of one process: bounded, with expiry."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from server.conversations import Appended, KeptTurn


@dataclass
class _Conversation:
    turns: list[KeptTurn] = field(default_factory=list)
    last: int = 0
    touched: float = 0.0


class MemoryStore:
    """Keeps conversations in a dictionary; the event loop's single thread makes it atomic.

    Args:
        turns: Last turns kept of a conversation.
        conversations: Conversations kept; the least recently used go first.
        expiry_seconds: A conversation without a turn for so long is forgotten.
        clock: Seconds, monotonic.
    """

    def __init__(
        self,
        *,
        turns: int,
        conversations: int,
        expiry_seconds: int,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._turns = turns
        self._capacity = conversations
        self._expiry = expiry_seconds
        self._clock = clock
        self._kept: OrderedDict[str, _Conversation] = OrderedDict()

    def _forget_old(self) -> None:
        limit = self._clock() - self._expiry
        while self._kept and next(iter(self._kept.values())).touched < limit:
            self._kept.popitem(last=False)

    async def turns(self, conversation: str) -> list[KeptTurn]:
        """See `Store`."""
        self._forget_old()
        kept = self._kept.get(conversation)
        return list(kept.turns) if kept else []

    async def append(self, conversation: str, turn: KeptTurn) -> Appended:
        """See `Store`."""
        self._forget_old()
        kept = self._kept.setdefault(conversation, _Conversation())
        kept.touched = self._clock()
        self._kept.move_to_end(conversation)
        for i, earlier in enumerate(kept.turns):
            if earlier.message_id == turn.message_id:
                return Appended(kept.turns[: i + 1], repeated=True)
        kept.last += 1
        kept.turns = [*kept.turns, replace(turn, number=kept.last)][-self._turns :]
        if len(self._kept) > self._capacity:
            self._kept.popitem(last=False)
        return Appended(kept.turns, repeated=False)

    async def delete(self, conversation: str) -> bool:
        """See `Store`."""
        self._forget_old()
        return self._kept.pop(conversation, None) is not None

    async def ping(self) -> None:
        """See `Store`."""

    async def close(self) -> None:
        """See `Store`."""
