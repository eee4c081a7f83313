"""SIGTERM: not ready any more, but still answering, until clients have moved elsewhere."""

from __future__ import annotations

import asyncio
import signal
import threading
from types import FrameType


class Drain:
    """Stands between SIGTERM and uvicorn's shutdown.

    For `seconds`, /health/ready says 503 and every answer carries "Connection: close", so that
    load balancers look elsewhere and no client sends a request into a connection that is being
    closed. Then uvicorn stops to accept, lets the requests that run finish, and ends.

    Args:
        seconds: How long to go on.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self.draining = False

    def install(self) -> None:
        """Takes over SIGTERM from uvicorn, in its main thread and running loop."""
        if threading.current_thread() is not threading.main_thread():
            return
        shutdown = signal.getsignal(signal.SIGTERM)
        loop = asyncio.get_running_loop()

        def begin(number: int, frame: FrameType | None) -> None:
            if self.draining or not callable(shutdown):
                return
            self.draining = True
            loop.call_soon_threadsafe(loop.call_later, self._seconds, shutdown, number, None)

        signal.signal(signal.SIGTERM, begin)
