"""What the routes work with, made once a process."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Annotated, TypeVar

from fastapi import Depends, Request

from emotion_component import EmotionModel
from emotion_component.encoder import Encoded
from server import metrics
from server.batching import Batcher, Message, QueueFull
from server.conversations import Store
from server.drain import Drain
from server.observe import Trace
from server.problems import Problem
from server.security import Gate
from server.settings import Settings
from server.shed import overloaded

Result = TypeVar("Result")


@dataclass(frozen=True)
class Services:
    """What the routes work with.

    Attributes:
        settings: All settings.
        model: The model.
        batcher: The way to the model.
        label_pool: One thread that encodes labels, so that no batch waits for them.
        store: Where conversations are kept.
        gate: Checks API keys.
        drain: Whether the server is shutting down.
        exposition: Tells the metrics.
    """

    settings: Settings
    model: EmotionModel
    batcher: Batcher
    label_pool: ThreadPoolExecutor
    store: Store
    gate: Gate
    drain: Drain
    exposition: Callable[[], Awaitable[bytes]]

    async def encode_labels(self, labels: Sequence[str] | None) -> None:
        """Makes the vectors of labels ready; raises `InputError` for unusable ones."""
        if labels is not None:
            loop = asyncio.get_running_loop()
            await loop.run_in_executor(self.label_pool, self.model.label_vectors, labels)

    async def ask(
        self,
        request: Request,
        messages: Sequence[Message],
        read: Callable[[Encoded], Result],
        *,
        watch: bool = True,
    ) -> Result:
        """Runs messages through the model, in a batch with those of other requests.

        Args:
            request: Whose messages; if its client leaves, they are dropped.
            messages: At least one.
            read: Makes the result of the encoder pass, in a worker thread.
            watch: Whether to watch for the client's leave; needs the body to be read whole.

        Raises:
            Problem: If too much work waits, or the deadline passes.
        """
        try:
            job = self.batcher.submit(messages, read)
        except QueueFull as full:
            raise overloaded(full) from None
        deadline = self.settings.inference.deadline_seconds
        trace: Trace = request.state.trace
        # A stream may last; the deadline is of each of its portions.
        spent = trace.elapsed() if watch else 0.0

        def give_up(reason: str, kind: str, detail: str) -> None:
            if not job.answer.done():
                metrics.DROPPED.labels(reason).inc()
                job.answer.set_exception(Problem(kind, detail))

        timer = asyncio.get_running_loop().call_later(
            deadline - spent,
            give_up,
            "deadline",
            "deadline-exceeded",
            f"No answer within {deadline:g} s; ask again later, send less, or add replicas.",
        )
        watcher = asyncio.create_task(_left(request)) if watch else None
        if watcher is not None:
            watcher.add_done_callback(
                lambda _: give_up("client_left", "bad-request", "The client has left.")
            )
        try:
            result = await job.answer
        finally:
            timer.cancel()
            if watcher is not None:
                watcher.cancel()
        trace.add(queue=job.queue_seconds, inference=job.inference_seconds)
        return result


async def _left(request: Request) -> None:
    """Returns when the client has closed the connection."""
    while (await request.receive())["type"] != "http.disconnect":
        pass


async def _services(request: Request) -> Services:
    services: Services = request.state.services
    return services


Use = Annotated[Services, Depends(_services)]
