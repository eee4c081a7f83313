"""Conversations in Redis, shared by workers and replicas."""

from __future__ import annotations

import json
import time
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from typing import Any, TypeVar

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import RedisError

from server.conversations import Appended, KeptTurn, MemoryUnavailable

T = TypeVar("T")

REST_SECONDS = 1.0
"""How long an unreachable Redis is left alone: each attempt may cost the whole time-out."""

# One hash a conversation: "last" counts its turns, "id:<message id>" gives a turn's number, and
# "turn:<number>" the turn. One key, so that it expires as a whole and fits Redis Cluster.
_APPEND = """
local known = redis.call('HGET', KEYS[1], 'id:' .. ARGV[1])
local number = known
if not known then
    number = redis.call('HINCRBY', KEYS[1], 'last', 1)
    redis.call('HSET', KEYS[1], 'id:' .. ARGV[1], number, 'turn:' .. number, ARGV[2])
    local old = 'turn:' .. (number - tonumber(ARGV[3]))
    local dropped = redis.call('HGET', KEYS[1], old)
    if dropped then
        redis.call('HDEL', KEYS[1], old, 'id:' .. cjson.decode(dropped)['message_id'])
    end
end
redis.call('EXPIRE', KEYS[1], ARGV[4])
local turns = {}
for i = math.max(1, number - tonumber(ARGV[3]) + 1), tonumber(number) do
    local turn = redis.call('HGET', KEYS[1], 'turn:' .. i)
    if turn then
        table.insert(turns, i)
        table.insert(turns, turn)
    end
end
return {known and 1 or 0, turns}
"""


class RedisStore:
    """Keeps conversations in Redis.

    Args:
        url: Such as redis://localhost:6379/0.
        turns: Last turns kept of a conversation.
        expiry_seconds: A conversation without a turn for so long is forgotten.
        timeout: Seconds to connect within, and again for each answer.
    """

    def __init__(self, url: str, *, turns: int, expiry_seconds: int, timeout: float) -> None:
        self._turns = turns
        self._expiry = expiry_seconds
        # No retries: the turn is answered without memory at once, and the next one tries again.
        self._redis = Redis.from_url(
            url,
            decode_responses=True,
            socket_timeout=timeout,
            socket_connect_timeout=timeout,
            retry=Retry(NoBackoff(), 0),
        )
        self._append = self._redis.register_script(_APPEND)
        self._resting_until = 0.0

    async def _ask(self, question: Callable[[], Awaitable[T]]) -> T:
        if time.monotonic() < self._resting_until:
            raise MemoryUnavailable
        try:
            return await question()
        except (RedisError, OSError, TimeoutError):
            self._resting_until = time.monotonic() + REST_SECONDS
            raise MemoryUnavailable from None

    async def turns(self, conversation: str) -> list[KeptTurn]:
        """See `Store`."""
        fields: dict[Any, Any] = await self._ask(lambda: self._redis.hgetall(_key(conversation)))
        numbered = {
            int(name.removeprefix("turn:")): text
            for name, text in fields.items()
            if name.startswith("turn:")
        }
        return [_turn(number, numbered[number]) for number in sorted(numbered)]

    async def append(self, conversation: str, turn: KeptTurn) -> Appended:
        """See `Store`."""
        content = json.dumps({k: v for k, v in asdict(turn).items() if k != "number"})
        answer: list[Any] = await self._ask(
            lambda: self._append(
                keys=[_key(conversation)],
                args=[turn.message_id, content, self._turns, self._expiry],
            )
        )
        repeated, flat = answer
        turns = [_turn(int(n), text) for n, text in zip(flat[::2], flat[1::2], strict=True)]
        return Appended(turns, repeated=bool(repeated))

    async def delete(self, conversation: str) -> bool:
        """See `Store`."""
        return bool(await self._ask(lambda: self._redis.delete(_key(conversation))))

    async def ping(self) -> None:
        """See `Store`."""
        await self._ask(self._redis.ping)

    async def close(self) -> None:
        """See `Store`."""
        await self._redis.aclose()


def _key(conversation: str) -> str:
    return f"emotion:conversation:{conversation}"


def _turn(number: int, text: str) -> KeptTurn:
    return KeptTurn(**json.loads(text), number=number)
