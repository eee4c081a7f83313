"""Around every request: an id, timings, headers, a log line, metrics; and the last resort."""

from __future__ import annotations

import itertools
import logging
import re
import secrets
import time
import traceback
from collections.abc import Iterator
from dataclasses import dataclass, field

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from server import metrics
from server.drain import Drain
from server.problems import Problem

logger = logging.getLogger(__name__)

_PROCESS = secrets.token_hex(4)
_NUMBERS = itertools.count(1)
_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")

SECURITY_HEADERS = {
    "content-security-policy": "default-src 'self'; frame-ancestors 'none'; base-uri 'none'; "
    "form-action 'none'",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
}


@dataclass
class Trace:
    """What is known of one request.

    Attributes:
        request_id: The client's X-Request-Id, or a new one.
        client: Name of the API key's owner.
        stages: Seconds of each stage.
        status: Of the response; 499 if the client left before it.
    """

    request_id: str
    client: str = "-"
    stages: dict[str, float] = field(default_factory=dict)
    status: int = 499
    started: float = field(default_factory=time.perf_counter)

    def elapsed(self) -> float:
        """Returns the seconds since the request's header came."""
        return time.perf_counter() - self.started

    def add(self, **stages: float) -> None:
        """Adds seconds to stages."""
        for name, seconds in stages.items():
            self.stages[name] = self.stages.get(name, 0.0) + seconds
            metrics.labelled(metrics.STAGES, name).observe(seconds)

    def server_timing(self) -> str:
        """Returns the header Server-Timing, in milliseconds."""
        stages = {**self.stages, "total": self.elapsed()}
        return ", ".join(f"{name};dur={1000 * s:.2f}" for name, s in stages.items())


class Observe:
    """ASGI middleware; the outermost one of ours.

    Args:
        app: The application.
        bundle: Name and version of the model, for a header.
        drain: Whether the server is shutting down.
        access_log: Whether to log each request.
    """

    def __init__(self, app: ASGIApp, bundle: str, drain: Drain, access_log: bool) -> None:
        self._app = app
        self._drain = drain
        self._access_log = access_log
        headers = {**SECURITY_HEADERS, "x-model-version": bundle}
        self._headers = [(name.encode(), value.encode()) for name, value in headers.items()]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handles a request, as ASGI has it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        given = Headers(scope=scope).get("x-request-id", "")
        trace = Trace(given if _REQUEST_ID.fullmatch(given) else f"{_PROCESS}-{next(_NUMBERS)}")
        scope.setdefault("state", {})["trace"] = trace

        async def observed_send(message: Message) -> None:
            if message["type"] == "http.response.start":
                trace.status = message["status"]
                message["headers"] = [*message["headers"], *self._more_headers(message, trace)]
            await send(message)

        try:
            await self._app(scope, receive, observed_send)
        except Exception as error:
            await self._fail(error, trace, scope, receive, observed_send)
        finally:
            self._record(scope, trace)

    def _more_headers(self, message: Message, trace: Trace) -> Iterator[tuple[bytes, bytes]]:
        yield from self._headers
        yield b"x-request-id", trace.request_id.encode()
        yield b"server-timing", trace.server_timing().encode()
        given = dict(message["headers"])
        if self._drain.draining and b"connection" not in given:
            yield b"connection", b"close"
        if b"cache-control" not in given and not given.get(b"content-type", b"").startswith(
            b"text/"
        ):
            yield b"cache-control", b"no-store"

    async def _fail(
        self, error: Exception, trace: Trace, scope: Scope, receive: Receive, send: Send
    ) -> None:
        # Where it happened, but not the exception's text, which may hold a message.
        places = [f"{f.filename}:{f.lineno}" for f in traceback.extract_tb(error.__traceback__)]
        logger.error(
            "request failed",
            extra={
                "request_id": trace.request_id,
                "error": type(error).__name__,
                "places": places[-8:],
            },
        )
        if trace.status != 499:  # the answer has begun; uvicorn closes the connection
            raise RuntimeError("failed after the response started") from None
        detail = "Try again; if it stays, give the operator the X-Request-Id of this answer."
        await Problem("internal", detail).response()(scope, receive, send)

    def _record(self, scope: Scope, trace: Trace) -> None:
        seconds = trace.elapsed()
        # The route's pattern: paths hold conversation ids, and anybody can make up more of them.
        route = getattr(scope.get("route"), "path", "unmatched")
        metrics.labelled(metrics.REQUESTS, route, _method(scope), str(trace.status)).inc()
        metrics.labelled(metrics.LATENCY, route).observe(seconds)
        if self._access_log:
            logger.info(
                "request",
                extra={
                    "request_id": trace.request_id,
                    "client": trace.client,
                    "method": _method(scope),
                    "route": route,
                    "status": trace.status,
                    "milliseconds": round(1000 * seconds, 2),
                },
            )


def _method(scope: Scope) -> str:
    known = ("GET", "POST", "DELETE", "OPTIONS", "HEAD", "PUT", "PATCH")
    return scope["method"] if scope["method"] in known else "other"
