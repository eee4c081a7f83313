"""Requests and tokens a minute."""

from __future__ import annotations

import asyncio

from aiolimiter import AsyncLimiter


def _leaky_bucket(per_minute: int) -> AsyncLimiter:
    """A bucket that lets through at most ``per_minute`` in any 60 seconds.

    A leaky bucket lets its size pass at once and then leaks: with a size and a leak of a minute's
    worth each, the first minute would see twice the limit, and the endpoint would answer 429. So
    the bucket holds a fiftieth, and the rest leaks through over the minute.
    """
    size = max(1, per_minute // 50)
    leak_per_second = (per_minute - size + 1) / 60
    return AsyncLimiter(size, size / leak_per_second)


class RateLimit:
    """Holds calls back until the endpoint's limits allow them.

    Args:
        requests_per_minute: Requests in any 60 seconds; None for no limit.
        tokens_per_minute: Tokens in any 60 seconds; None for no limit.
    """

    def __init__(self, requests_per_minute: int | None, tokens_per_minute: int | None) -> None:
        self._requests = _leaky_bucket(requests_per_minute) if requests_per_minute else None
        self._tokens = _leaky_bucket(tokens_per_minute) if tokens_per_minute else None
        self._turn = asyncio.Lock()
        self._held_until = 0.0

    async def acquire(self, tokens: int) -> None:
        """Waits until one request of so many tokens may be sent; first come, first served."""
        async with self._turn:
            if self._requests:
                await self._requests.acquire()
            while self._tokens and tokens > 0:  # a call may take more than the bucket holds
                portion = min(tokens, int(self._tokens.max_rate))
                await self._tokens.acquire(portion)
                tokens -= portion
            loop = asyncio.get_running_loop()
            while (wait := self._held_until - loop.time()) > 0:
                await asyncio.sleep(wait)

    def hold(self, seconds: float) -> None:
        """Lets nothing through for a while: what a Retry-After asks of one call, it asks of all."""
        self._held_until = max(
            self._held_until, asyncio.get_running_loop().time() + max(seconds, 0.0)
        )
