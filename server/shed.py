"""Overload, refused before a byte of the body is parsed: saying no must cost next to nothing."""

from __future__ import annotations

from starlette.types import ASGIApp, Receive, Scope, Send

from server import metrics
from server.batching import Batcher, QueueFull
from server.body_limit import STREAM_PATH
from server.problems import Problem


def overloaded(full: QueueFull) -> Problem:
    """Returns the problem of a full queue."""
    metrics.REFUSED.labels("overloaded").inc()
    return Problem(
        "overloaded",
        f"Ask again in {full.retry_after} s, or add replicas.",
        headers={"Retry-After": str(full.retry_after)},
    )


class Shed:
    """ASGI middleware that answers 429 while too much work waits.

    Args:
        app: The application.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handles a request, as ASGI has it."""
        # A stream waits for room by itself, which slows its sender down.
        if scope["type"] == "http" and scope["method"] == "POST" and scope["path"] != STREAM_PATH:
            batcher: Batcher = scope["state"]["services"].batcher
            if batcher.overloaded:
                await overloaded(batcher.refusal()).response()(scope, receive, send)
                return
        await self._app(scope, receive, send)
