"""The body of a request, read whole before anything else: bounded in size and time."""

from __future__ import annotations

import asyncio

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from server.problems import Problem
from server.settings import Limits

STREAM_PATH = "/v1/emotions/stream"
"""Its body is read by the route, line by line."""

_CLOSE = {"Connection": "close"}  # the rest of the body is still on its way


class BodyLimit:
    """ASGI middleware that answers 413 to large bodies and 408 to slow ones.

    Args:
        app: The application.
        limits: Sizes and times.
    """

    def __init__(self, app: ASGIApp, limits: Limits) -> None:
        self._app = app
        self._limits = limits

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handles a request, as ASGI has it."""
        if scope["type"] != "http" or scope["path"] == STREAM_PATH:
            await self._app(scope, receive, send)
            return
        try:
            async with asyncio.timeout(self._limits.body_seconds):
                body = await self._read(Headers(scope=scope), receive)
        except TimeoutError:
            problem = Problem(
                "request-timeout",
                f"Send the whole body within {self._limits.body_seconds:g} s.",
                headers=_CLOSE,
            )
            await problem.response()(scope, receive, send)
        except Problem as problem:
            await problem.response()(scope, receive, send)
        else:
            await self._app(scope, _replay(body, receive), send)

    async def _read(self, headers: Headers, receive: Receive) -> bytes:
        length = headers.get("content-length", "0")
        if length.isdigit() and int(length) > self._limits.body_bytes:
            raise self._too_large()
        body = bytearray()
        while True:
            message = await receive()
            body += message.get("body", b"")
            if len(body) > self._limits.body_bytes:
                raise self._too_large()
            if not message.get("more_body"):  # the end, or the client has left
                return bytes(body)

    def _too_large(self) -> Problem:
        return Problem(
            "too-large",
            f"Send at most {self._limits.body_bytes} bytes a request, or JSON Lines to "
            f"{STREAM_PATH}.",
            headers=_CLOSE,
        )


def _replay(body: bytes, receive: Receive) -> Receive:
    """Returns a `receive` that gives the whole body first."""
    messages: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def replay() -> Message:
        return messages.pop() if messages else await receive()

    return replay
