"""The batcher with the real model: order, fairness, failures, bounds."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine, Sequence
from typing import Any, TypeVar

import numpy as np
import pytest

from emotion_component import EmotionModel, Turn
from emotion_component.encoder import Encoded
from server.batching import Batcher, Message, QueueFull

T = TypeVar("T")
SPREAD = 1e-4
"""Sums are rounded in another order in another batch."""


class Recorder:
    """The model, and what it is asked for.

    Attributes:
        calls: The texts of each encoder pass.
        busy: Set while a pass is under way.
        gate: Clear it to let a pass take longer.
    """

    def __init__(self, model: EmotionModel) -> None:
        self._model = model
        self.manifest = model.manifest
        self.calls: list[list[str]] = []
        self.busy, self.gate = threading.Event(), threading.Event()
        self.gate.set()

    def encode(self, texts: Sequence[str], *rest: object, **options: object) -> Encoded:
        self.calls.append(list(texts))
        self.busy.set()
        self.gate.wait()
        if "poison" in texts:
            raise RuntimeError("cannot be encoded")
        return self._model.encode(texts, *rest, **options)  # type: ignore[arg-type]


@pytest.fixture
def recorder(model: EmotionModel) -> Recorder:
    return Recorder(model)


def make(recorder: Recorder, **options: object) -> Batcher:
    defaults = {"batch_tokens": 2048, "queue_messages": 1000, "runs": 1, "deadline_seconds": 60}
    return Batcher(recorder, **{**defaults, **options})  # type: ignore[arg-type]


def run(batcher: Batcher, use: Coroutine[Any, Any, T]) -> T:
    async def whole() -> T:
        batcher.start()
        try:
            return await use
        finally:
            await batcher.stop()

    return asyncio.run(whole())


def test_each_request_gets_its_own_answers_in_order(model: EmotionModel) -> None:
    """Requests of all sizes, lengths and contexts at once, against each message alone."""
    words = [
        "I",
        "love",
        "hate",
        "fear",
        "this",
        "that",
        "you",
        "dog",
        "cat",
        "sun",
        "never",
        "always",
    ]
    rng = np.random.default_rng(0)
    messages = [
        Message(
            " ".join(rng.choice(words, rng.integers(0, 40))),
            [Turn("bot", " ".join(rng.choice(words, 5)))] * int(rng.integers(0, 3)),
        )
        for _ in range(150)
    ]
    sizes = [1, 2, 3, 40, 1, 60, 5, 30, 8]
    assert sum(sizes) == len(messages)

    async def use() -> list[Encoded]:
        starts = np.cumsum([0, *sizes])
        jobs = [
            batcher.submit(messages[a:b], lambda encoded: encoded)
            for a, b in zip(starts, starts[1:])
        ]
        return await asyncio.gather(*(job.answer for job in jobs))

    for runs in (1, 2):
        batcher = make(model, runs=runs, batch_tokens=512)  # type: ignore[arg-type]
        parts = run(batcher, use())
        assert [len(part) for part in parts] == sizes
        found = np.concatenate([part.embeddings for part in parts])
        for message, vector in zip(messages, found):
            alone = model.encode([message.text], [message.context]).embeddings[0]
            assert vector @ alone > 1 - SPREAD


def test_waiting_requests_leave_together(recorder: Recorder) -> None:
    async def use() -> None:
        recorder.gate.clear()
        jobs = [batcher.submit([Message("first")], len)]
        recorder.busy.wait()
        jobs += [batcher.submit([Message(f"number {i}")], len) for i in range(20)]
        recorder.gate.set()
        assert await asyncio.gather(*(job.answer for job in jobs)) == [1] * 21
        assert all(job.queue_seconds >= 0 < job.inference_seconds for job in jobs)

    batcher = make(recorder)
    run(batcher, use())
    assert [len(call) for call in recorder.calls] == [1, 20]


def test_a_large_request_holds_up_no_small_one(recorder: Recorder) -> None:
    async def use() -> None:
        large = batcher.submit([Message(f"large {i}") for i in range(50)], len)
        small = batcher.submit([Message("small")], len)
        await small.answer
        assert not large.answer.done()
        assert await large.answer == 50

    batcher = make(recorder, batch_tokens=40)
    run(batcher, use())
    assert "small" in [text for call in recorder.calls[:3] for text in call]


def test_a_batch_keeps_to_its_tokens(recorder: Recorder) -> None:
    async def use() -> None:
        texts = ["x " * 300, "short", "x " * 300, "short"]
        await asyncio.gather(*(batcher.submit([Message(t)], len).answer for t in texts))

    batcher = make(recorder, batch_tokens=1)
    run(batcher, use())
    assert [len(call) for call in recorder.calls] == [1] * 4  # even one beyond the budget runs


def test_what_fails_fails_alone(recorder: Recorder) -> None:
    async def use() -> None:
        good = [batcher.submit([Message("good")], len) for _ in range(3)]
        bad = batcher.submit([Message("poison")], len)
        unread = batcher.submit([Message("good")], lambda _: 1 / 0)
        assert await asyncio.gather(*(job.answer for job in good)) == [1] * 3
        with pytest.raises(RuntimeError, match="cannot be encoded"):
            await bad.answer
        with pytest.raises(ZeroDivisionError):
            await unread.answer
        assert await batcher.submit([Message("good")], len).answer == 1
        assert batcher.alive

    batcher = make(recorder)
    run(batcher, use())


def test_cancelled_messages_are_dropped(recorder: Recorder) -> None:
    async def use() -> None:
        recorder.gate.clear()
        first = batcher.submit([Message("first")], len)
        left = batcher.submit([Message("left")] * 5, len)
        last = batcher.submit([Message("last")], len)
        left.answer.cancel()
        recorder.gate.set()
        await asyncio.gather(first.answer, last.answer)

    batcher = make(recorder, batch_tokens=1)
    run(batcher, use())
    assert [call for call in recorder.calls if "left" in call] == []


def test_the_queue_is_bounded(recorder: Recorder) -> None:
    async def use() -> None:
        recorder.gate.clear()
        running = batcher.submit([Message("x")], len)
        recorder.busy.wait()
        waiting = [batcher.submit([Message("x")], len) for _ in range(10)]
        with pytest.raises(QueueFull) as caught:
            batcher.submit([Message("x")], len)
        assert caught.value.retry_after >= 1
        recorder.gate.set()
        await asyncio.gather(running.answer, *(job.answer for job in waiting))
        assert await batcher.submit([Message("x")] * 10, len).answer == 10

    batcher = make(recorder, queue_messages=10)
    run(batcher, use())


def test_a_wait_beyond_the_deadline_is_refused_at_once(recorder: Recorder) -> None:
    async def use() -> None:
        await batcher.submit([Message("to learn the rate")], len).answer
        recorder.gate.clear()
        waiting = batcher.submit([Message("x")], len)
        with pytest.raises(QueueFull):
            batcher.submit([Message("x")], len)
        recorder.gate.set()
        await waiting.answer

    batcher = make(recorder, deadline_seconds=1e-6)
    run(batcher, use())


def test_what_could_not_end_in_time_behind_others_is_refused(recorder: Recorder) -> None:
    async def use() -> None:
        recorder.gate.clear()
        first = batcher.submit([Message("first")], len)
        batcher._rate = 100.0  # tokens a second
        assert not batcher.overloaded
        with pytest.raises(QueueFull):
            batcher.submit([Message("x " * 40)] * 50, len)  # 1,150 tokens, 11.5 s
        second = batcher.submit([Message("x " * 40)] * 20, len)
        recorder.gate.set()
        assert await asyncio.gather(first.answer, second.answer) == [1, 20]

    batcher = make(recorder, deadline_seconds=10)
    run(batcher, use())
