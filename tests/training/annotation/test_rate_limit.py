"""The limits, in a loop whose clock jumps ahead instead of waiting."""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Coroutine
from typing import Any, TypeVar

import pytest

from tests.training.annotation.scripted import Annotation
from tests.training.scripted_server import Handler, ScriptedServer
from training.cli import main
from training.llm.rate_limit import RateLimit

T = TypeVar("T")


class JumpingSelector(selectors.DefaultSelector):
    """Lets the time pass that it is asked to wait, and a nanosecond in any case.

    On a clock that stands still, a limiter that lacks 1e-16 of a token would wait for ever.
    """

    now = 0.0

    def select(self, timeout: float | None = None) -> Any:
        self.now += max(timeout or 0.0, 1e-9)
        return super().select(0)


class JumpingLoop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        self._clock = JumpingSelector()
        super().__init__(self._clock)

    def time(self) -> float:
        return self._clock.now


def run(main: Coroutine[Any, Any, T]) -> T:
    with asyncio.Runner(loop_factory=JumpingLoop) as runner:
        return runner.run(main)


async def times_of(limit: RateLimit, calls: int, tokens: int = 0) -> list[float]:
    """When each call was let through; all ask at once."""
    times: list[float] = []

    async def call() -> None:
        await limit.acquire(tokens)
        times.append(asyncio.get_running_loop().time())

    await asyncio.gather(*(call() for _ in range(calls)))
    return times


def most_in_a_minute(times: list[float]) -> int:
    # A call at the very end of a minute belongs to the next one; floats need a little room there.
    return max(sum(start <= time < start + 60 - 1e-3 for time in times) for start in times)


@pytest.mark.parametrize("per_minute", [1, 2, 7, 60, 500])
def test_requests_of_any_minute_stay_within_the_limit_and_use_it(per_minute: int) -> None:
    times = run(times_of(RateLimit(per_minute, None), 3 * per_minute))
    assert len(times) == 3 * per_minute
    assert most_in_a_minute(times) == per_minute
    assert times[-1] <= 3 * 60 * 1.02


@pytest.mark.parametrize("tokens", [1, 30, 100, 250, 2500])
def test_tokens_of_any_minute_stay_within_the_limit(tokens: int) -> None:
    """Also if one call takes more than the bucket holds, or than a minute does."""
    times = run(times_of(RateLimit(None, 1000), 40, tokens))
    assert len(times) == 40
    assert most_in_a_minute(times) <= max(1000 // tokens, 1)
    assert times[-1] <= 40 * tokens * 60 / 1000 * 1.02


def test_the_stricter_limit_decides() -> None:
    times = run(times_of(RateLimit(600, 100), 30, tokens=10))
    assert most_in_a_minute(times) == 10


def test_no_limit_waits_for_nothing() -> None:
    assert max(run(times_of(RateLimit(None, None), 1000, tokens=10**6))) < 1e-3


def test_a_wait_that_one_call_is_told_holds_all() -> None:
    async def held() -> list[float]:
        limit = RateLimit(None, None)
        limit.hold(20)
        limit.hold(5)  # a shorter one does not shorten it
        return await times_of(limit, 3)

    assert run(held()) == pytest.approx([20, 20, 20])


def test_every_request_goes_through_the_limit_and_retry_after_holds_it(
    annotation: Annotation, server: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    acquired: list[int] = []
    held: list[float] = []

    async def acquire(limit: RateLimit, tokens: int) -> None:
        acquired.append(tokens)

    monkeypatch.setattr(RateLimit, "acquire", acquire)
    monkeypatch.setattr(RateLimit, "hold", lambda limit, seconds: held.append(seconds))

    def script(handler: Handler, text: str, nth: int) -> None:
        if text in ("text 1", "text 2") and nth == 1:
            handler.fail(429, retry_after="0.125")
        elif text == "text 3" and nth < 3:
            handler.fail(500)
        else:
            handler.answer("joy")

    server.script = script
    assert main(annotation.command()) == 0
    assert len(acquired) == server.asked.total() == 10 + 4
    # Two messages at 4; 18 and 14 bytes make 5 and 4 tokens; the greatest answer.
    assert set(acquired) == {4 + 5 + 4 + 4 + 20}
    assert held == [0.125, 0.125]
