"""Requests of all clients, merged.

A batch leaves whenever the model is free; nothing waits on a timer. First come, first served, but
a large request gives a share of its messages in turn, so that it holds up no small one.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

import numpy as np

from emotion_component import EmotionModel, Turn
from emotion_component.encoder import Encoded
from server import metrics

Result = TypeVar("Result")

CHARACTERS_PER_TOKEN = 4
"""Of English chat, about; batches need no exact count."""

SPECIAL_TOKENS = 3

SHARE = 16
"""Messages of a request that are taken in one turn."""

PATIENCE = 0.5
"""Share of the deadline that the estimated wait may take: what is let in should be answered."""

RATE_MEMORY = 0.7
"""Weight of earlier batches in the estimate of messages a second."""


@dataclass(frozen=True)
class Message:
    """A message with the earlier turns that the model shall read, oldest first."""

    text: str
    context: Sequence[Turn] = ()


class QueueFull(Exception):
    """Too many messages wait.

    Attributes:
        retry_after: Seconds after which there should be room.
    """

    def __init__(self, retry_after: int) -> None:
        super().__init__(f"queue full; retry after {retry_after} s")
        self.retry_after = retry_after


@dataclass(eq=False, repr=False)
class Job(Generic[Result]):
    """One request's messages on their way through the model.

    Attributes:
        messages: What to encode.
        read: Makes the result of the encoder pass, in the worker thread.
        answer: The result; cancel it and the messages that still wait are dropped.
        queue_seconds: From the arrival to the start of the first batch.
        inference_seconds: From there to the result.
    """

    messages: Sequence[Message]
    read: Callable[[Encoded], Result]
    answer: asyncio.Future[Result]
    arrived: float = field(default_factory=time.perf_counter)
    started: float = 0.0
    queue_seconds: float = 0.0
    inference_seconds: float = 0.0
    taken: int = 0
    parts: dict[int, Encoded] = field(default_factory=dict)

    def whole(self) -> bool:
        """Whether every message is encoded."""
        return sum(map(len, self.parts.values())) == len(self.messages)


@dataclass(frozen=True)
class Portion:
    """Consecutive messages of one job, in one batch."""

    job: Job[Any]
    start: int
    stop: int


class Batcher:
    """Feeds the model with batches. Use it within one event loop.

    Args:
        model: The model; its `encode` runs in worker threads.
        batch_tokens: Padded tokens of a batch, about.
        queue_messages: Messages that may wait.
        runs: Batches computed at the same time.
        deadline_seconds: Messages that would wait longer than half of this are refused.
    """

    def __init__(
        self,
        model: EmotionModel,
        *,
        batch_tokens: int,
        queue_messages: int,
        runs: int,
        deadline_seconds: float,
    ) -> None:
        self._model = model
        self._window = model.manifest.window.max_tokens
        self._batch_tokens = batch_tokens
        self._queue_messages = queue_messages
        self._deadline = deadline_seconds
        self._runs = runs
        self._pool = ThreadPoolExecutor(runs, thread_name_prefix="inference")
        self._waiting: deque[Job[Any]] = deque()
        self._messages = 0
        self._rate = 0.0
        self._work = asyncio.Event()
        self._loops: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Starts to serve."""
        self._loops = [asyncio.create_task(self._serve()) for _ in range(self._runs)]

    async def stop(self) -> None:
        """Stops after the batches that run."""
        for loop in self._loops:
            loop.cancel()
        await asyncio.gather(*self._loops, return_exceptions=True)
        await asyncio.to_thread(self._pool.shutdown)

    @property
    def alive(self) -> bool:
        """Whether batches are being served."""
        return bool(self._loops) and not any(loop.done() for loop in self._loops)

    @property
    def _wait(self) -> float:
        """Seconds that a new message would wait, as far as can be told."""
        return self._messages / self._rate if self._rate else 0.0

    @property
    def overloaded(self) -> bool:
        """Whether another message would have to wait too long."""
        full = self._messages >= self._queue_messages
        return full or self._wait > PATIENCE * self._deadline

    def refusal(self) -> QueueFull:
        """Returns the error for who must ask again later."""
        return QueueFull(max(1, math.ceil(self._wait)))

    def submit(self, messages: Sequence[Message], read: Callable[[Encoded], Result]) -> Job[Result]:
        """Puts messages in the queue.

        Args:
            messages: At least one.
            read: Makes the result of the encoder pass; runs in a worker thread.

        Returns:
            The job; await its `answer`.

        Raises:
            QueueFull: If the messages would have to wait too long, or there is no room.
        """
        if self.overloaded or self._messages + len(messages) > self._queue_messages:
            raise self.refusal()
        job = Job(messages, read, asyncio.get_running_loop().create_future())
        job.answer.add_done_callback(lambda _: self._forget(job))
        self._waiting.append(job)
        self._count(len(messages))
        self._work.set()
        return job

    def _count(self, change: int) -> None:
        self._messages += change
        metrics.QUEUE.set(self._messages)

    def _forget(self, job: Job[Any]) -> None:
        """Drops what still waits of a job: its client left, its time is up, or a part failed."""
        left = len(job.messages) - job.taken
        if left:
            self._count(-left)
            job.taken = len(job.messages)
            self._waiting.remove(job)

    async def _serve(self) -> None:
        loop = asyncio.get_running_loop()
        start = time.perf_counter()
        while True:
            batch = self._take()
            if not batch:
                self._work.clear()
                await self._work.wait()
                start = time.perf_counter()
                continue
            outcomes = await loop.run_in_executor(self._pool, self._run, batch)
            now = time.perf_counter()
            self._learn_rate(batch, now - start)
            start = now  # what lies between two batches counts as well
            for job, outcome in outcomes:
                _settle(job, outcome)

    def _tokens(self, message: Message) -> int:
        characters = len(message.text) + sum(len(turn.text) for turn in message.context)
        return min(self._window, characters // CHARACTERS_PER_TOKEN + SPECIAL_TOKENS)

    def _take(self) -> list[Portion]:
        """Takes the next batch off the queue, a share of each job in turn."""
        starts: dict[Job[Any], int] = {}
        size = longest = 0
        while self._waiting:
            job = self._waiting[0]
            if job.answer.done():
                self._forget(job)
                continue
            longest = max(longest, self._tokens(job.messages[job.taken]))
            if size and longest * (size + 1) > self._batch_tokens:
                break
            starts.setdefault(job, job.taken)
            job.taken += 1
            size += 1
            if job.taken == len(job.messages):
                self._waiting.popleft()
            elif job.taken % SHARE == 0:
                self._waiting.rotate(-1)
        self._count(-size)
        return [Portion(job, start, job.taken) for job, start in starts.items()]

    def _learn_rate(self, batch: Sequence[Portion], seconds: float) -> None:
        rate = self._runs * sum(p.stop - p.start for p in batch) / max(seconds, 1e-6)
        self._rate = RATE_MEMORY * self._rate + (1 - RATE_MEMORY) * rate if self._rate else rate

    # In a worker thread -------------------------------------------------------------------------

    def _run(self, batch: Sequence[Portion]) -> list[tuple[Job[Any], object]]:
        """Encodes a batch; returns the jobs that are whole now with their results or errors."""
        start = time.perf_counter()
        for portion in batch:
            portion.job.started = portion.job.started or start
        try:
            self._encode(batch)
        except Exception as error:
            if len(batch) == 1:
                return [(batch[0].job, error)]
            return [outcome for portion in batch for outcome in self._run([portion])]
        metrics.BATCH.observe(sum(p.stop - p.start for p in batch))
        return [(p.job, _read(p.job)) for p in batch if p.job.whole()]

    def _encode(self, batch: Sequence[Portion]) -> None:
        messages = [m for p in batch for m in p.job.messages[p.start : p.stop]]
        encoded = _encode_by_length(self._model, messages, [self._tokens(m) for m in messages])
        row = 0
        for portion in batch:
            end = row + portion.stop - portion.start
            portion.job.parts[portion.start] = _rows(encoded, slice(row, end))
            row = end


def _encode_by_length(
    model: EmotionModel, messages: Sequence[Message], tokens: Sequence[int]
) -> Encoded:
    """Encodes short and long messages apart: at most half of what the model reads is padding."""
    groups: dict[int, list[int]] = {}
    for row, count in enumerate(tokens):
        groups.setdefault(count.bit_length(), []).append(row)
    parts = [
        model.encode(
            [messages[row].text for row in rows],
            [messages[row].context for row in rows],
            context_turns=max(len(messages[row].context) for row in rows),
        )
        for rows in groups.values()
    ]
    back = np.argsort([row for rows in groups.values() for row in rows])
    return _rows(_join(parts), back)


def _rows(encoded: Encoded, rows: slice | np.ndarray[tuple[int], np.dtype[np.intp]]) -> Encoded:
    return Encoded(
        encoded.logits[rows],
        encoded.embeddings[rows],
        encoded.truncated[rows],
        encoded.blank[rows],
    )


def _join(parts: Sequence[Encoded]) -> Encoded:
    if len(parts) == 1:
        return parts[0]
    return Encoded(
        np.concatenate([part.logits for part in parts]),
        np.concatenate([part.embeddings for part in parts]),
        np.concatenate([part.truncated for part in parts]),
        np.concatenate([part.blank for part in parts]),
    )


def _read(job: Job[Any]) -> object:
    """Returns the job's result, or the exception that reading it raised."""
    try:
        result = job.read(_join([part for _, part in sorted(job.parts.items())]))
    except Exception as error:
        return error
    finally:
        job.queue_seconds = job.started - job.arrived
        job.inference_seconds = time.perf_counter() - job.started
    return result


def _settle(job: Job[Any], outcome: object) -> None:
    if job.answer.done():
        return
    if isinstance(outcome, Exception):
        job.answer.set_exception(outcome)
    else:
        job.answer.set_result(outcome)
