"""Open connections, bounded: slow and idle ones cannot keep others out.

uvicorn times only how long a connection may rest after an answer. Here, one that takes too long
to send a request's header, or to read an answer, is closed; and where there are as many as there
may be, the one that has been idle longest gives way to the new one.
"""

from __future__ import annotations

import asyncio
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

GRACE_SECONDS = 1.0
"""For the first request of a connection that is accepted just before the end."""


class Bounds:
    """What the connections of one worker share.

    Args:
        max_connections: Open connections at most.
        header_seconds: For a whole request header to arrive, and for a full buffer of an answer
            to be read.
        keep_alive_seconds: Between an answer and the next request.
    """

    def __init__(
        self, *, max_connections: int, header_seconds: float, keep_alive_seconds: float
    ) -> None:
        self.max_connections = max_connections
        self.header_seconds = header_seconds
        self.keep_alive_seconds = keep_alive_seconds
        self.idle: dict[BoundedProtocol, asyncio.TimerHandle] = {}  # longest idle first


class BoundedProtocol(HttpToolsProtocol):
    """uvicorn's HTTP/1.1 protocol with `Bounds`.

    Args:
        bounds: Shared by all connections of the worker.
        **options: Those of uvicorn.
    """

    def __init__(self, *, bounds: Bounds, **options: Any) -> None:  # noqa: ANN401 - uvicorn's
        super().__init__(**options)
        self._bounds = bounds
        self._stalled: asyncio.TimerHandle | None = None

    def _rest(self, seconds: float) -> None:
        self._wake()
        self._bounds.idle[self] = self.loop.call_later(seconds, self.transport.abort)

    def _wake(self) -> None:
        timer = self._bounds.idle.pop(self, None)
        if timer is not None:
            timer.cancel()

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Makes room where there is none, or refuses."""
        full = len(self.connections) >= self._bounds.max_connections
        super().connection_made(transport)
        if full and self._bounds.idle:
            next(iter(self._bounds.idle)).transport.abort()
        elif full:
            transport.abort()
        self._rest(self._bounds.header_seconds)

    def connection_lost(self, exc: Exception | None) -> None:
        """Stops the clocks."""
        self._wake()
        self._read_on()
        super().connection_lost(exc)

    def on_message_begin(self) -> None:
        """Starts the header's clock; a busy connection (pipelining) has none."""
        super().on_message_begin()
        if self in self._bounds.idle:
            self._rest(self._bounds.header_seconds)

    def on_headers_complete(self) -> None:
        """Stops the header's clock."""
        self._wake()
        super().on_headers_complete()

    def on_response_complete(self) -> None:
        """Starts the clock of resting."""
        super().on_response_complete()
        if self.cycle.response_complete and not self.transport.is_closing():
            self._rest(self._bounds.keep_alive_seconds)

    def shutdown(self) -> None:
        """Closes at the server's end, but not on a client whose first request is on its way."""
        if self.cycle is None:
            self._rest(min(GRACE_SECONDS, self._bounds.header_seconds))
        else:
            super().shutdown()

    def pause_writing(self) -> None:
        """Starts the clock of a client that does not read its answer."""
        super().pause_writing()
        self._read_on()
        self._stalled = self.loop.call_later(self._bounds.header_seconds, self.transport.abort)

    def resume_writing(self) -> None:
        """Stops it."""
        self._read_on()
        super().resume_writing()

    def _read_on(self) -> None:
        if self._stalled is not None:
            self._stalled.cancel()
            self._stalled = None
