"""Requests of all clients, merged.

A batch leaves whenever the model is free; nothing waits on a timer. First come, first served, but
a large request gives a share of its messages in turn, so that it holds up no small one.
"""

from __future__ import annotations

import asyncio
import math
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
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
"""Weight of earlier batches in the estimate of tokens a second."""


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
        tokens: Of each message, about.
        read: Makes the result of the encoder pass, in the worker thread.
        answer: The result; cancel it and the messages that still wait are dropped.
        queue_seconds: From the arrival to the start of the first batch.
        inference_seconds: From there to the result.
    """

    messages: Sequence[Message]
    tokens: Sequence[int]
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

    Threads take the batches off the queue themselves, so that the model never waits for the event
    loop.

    Args:
        model: The model.
        batch_tokens: Tokens of a batch, about.
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
        self._threads = [
            threading.Thread(target=self._serve, name=f"inference-{i}", daemon=True)
            for i in range(runs)
        ]
        self._changed = threading.Condition()  # guards what follows, and the parts of jobs
        self._waiting: deque[Job[Any]] = deque()
        self._messages = 0  # that wait
        self._tokens = 0  # that wait or are being encoded
        self._rate = 0.0  # tokens a second
        self._stopping = False

    def start(self) -> None:
        """Starts to serve."""
        self._loop = asyncio.get_running_loop()
        for thread in self._threads:
            thread.start()

    async def stop(self) -> None:
        """Stops after the batches that run."""
        with self._changed:
            self._stopping = True
            self._changed.notify_all()
        for thread in self._threads:
            await asyncio.to_thread(thread.join)

    @property
    def alive(self) -> bool:
        """Whether batches are being served."""
        return all(thread.is_alive() for thread in self._threads)

    def _wait(self, more: int = 0) -> float:
        """Seconds until all tokens, and some more, are encoded, as far as can be told."""
        return (self._tokens + more) / self._rate if self._rate else 0.0

    @property
    def overloaded(self) -> bool:
        """Whether another message would have to wait too long."""
        return self._messages >= self._queue_messages or self._wait() > PATIENCE * self._deadline

    def refusal(self) -> QueueFull:
        """Returns the error for who must ask again later."""
        return QueueFull(max(1, math.ceil(self._wait())))

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
        tokens = [self._count_tokens(message) for message in messages]
        # Without others before it, even a request that seems too long for the deadline is tried.
        hopeless = self._tokens > 0 and self._wait(sum(tokens)) > self._deadline
        full = self._messages + len(messages) > self._queue_messages
        if self.overloaded or hopeless or full:
            raise self.refusal()
        job = Job(messages, tokens, read, self._loop.create_future())
        job.answer.add_done_callback(lambda _: self._forget(job))
        with self._changed:
            self._waiting.append(job)
            self._count(len(messages), sum(tokens))
            self._changed.notify()
        return job

    def _count_tokens(self, message: Message) -> int:
        characters = len(message.text) + sum(len(turn.text) for turn in message.context)
        return min(self._window, characters // CHARACTERS_PER_TOKEN + SPECIAL_TOKENS)

    def _count(self, messages: int, tokens: int) -> None:
        self._messages += messages
        self._tokens += tokens
        metrics.QUEUE.set(self._messages)

    def _forget(self, job: Job[Any]) -> None:
        """Drops what still waits of a job: its client left, its time is up, or a part failed."""
        with self._changed:
            left = len(job.messages) - job.taken
            if left:
                self._count(-left, -sum(job.tokens[job.taken :]))
                job.taken = len(job.messages)
                self._waiting.remove(job)

    # In the worker threads ----------------------------------------------------------------------

    def _serve(self) -> None:
        while batch := self._take():
            start = time.perf_counter()
            outcomes = self._run(batch)
            self._learn_rate(batch, time.perf_counter() - start)
            self._loop.call_soon_threadsafe(_settle, outcomes)

    def _take(self) -> list[Portion]:
        """Returns the next batch, as soon as there is something to encode; none at the end."""
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._stopping)
            return [] if self._stopping else self._next()

    def _next(self) -> list[Portion]:
        """Takes messages off the queue, a share of each job in turn."""
        starts: dict[Job[Any], int] = {}
        size = tokens = 0
        while self._waiting:
            job = self._waiting[0]
            if job.answer.done():
                self._forget(job)
                continue
            tokens += job.tokens[job.taken]
            if size and tokens > self._batch_tokens:
                break
            starts.setdefault(job, job.taken)
            job.taken += 1
            size += 1
            if job.taken == len(job.messages):
                self._waiting.popleft()
            elif job.taken % SHARE == 0:
                self._waiting.rotate(-1)
        self._count(-size, 0)
        return [Portion(job, start, job.taken) for job, start in starts.items()]

    def _learn_rate(self, batch: Sequence[Portion], seconds: float) -> None:
        tokens = sum(sum(p.job.tokens[p.start : p.stop]) for p in batch)
        rate = len(self._threads) * tokens / max(seconds, 1e-6)
        with self._changed:
            self._count(0, -tokens)
            weight = RATE_MEMORY if self._rate else 0.0
            self._rate = weight * self._rate + (1 - weight) * rate

    def _run(self, batch: Sequence[Portion]) -> list[tuple[Job[Any], object]]:
        """Encodes a batch; returns the jobs that are whole now with their results or errors."""
        start = time.perf_counter()
        for portion in batch:
            portion.job.started = portion.job.started or start
        try:
            whole = self._encode(batch)
        except Exception as error:
            if len(batch) == 1:
                return [(batch[0].job, error)]
            return [outcome for portion in batch for outcome in self._run([portion])]
        metrics.BATCH.observe(sum(p.stop - p.start for p in batch))
        return [(job, _read(job)) for job in whole]

    def _encode(self, batch: Sequence[Portion]) -> list[Job[Any]]:
        """Encodes a batch; returns the jobs that are whole now."""
        messages = [m for p in batch for m in p.job.messages[p.start : p.stop]]
        encoded = self._model.encode(
            [message.text for message in messages],
            [message.context for message in messages],
            context_turns=max(len(message.context) for message in messages),
        )
        whole = []
        row = 0
        for portion in batch:
            end = row + portion.stop - portion.start
            with self._changed:  # of two threads, the last one finds the job whole
                portion.job.parts[portion.start] = _rows(encoded, slice(row, end))
                if portion.job.whole():
                    whole.append(portion.job)
            row = end
        return whole


def _rows(encoded: Encoded, rows: slice) -> Encoded:
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


def _settle(outcomes: Sequence[tuple[Job[Any], object]]) -> None:
    for job, outcome in outcomes:
        if job.answer.done():
            continue
        if isinstance(outcome, Exception):
            job.answer.set_exception(outcome)
        else:
            job.answer.set_result(outcome)
