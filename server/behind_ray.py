"""What differs for the application when Ray Serve's proxy stands before it."""

from __future__ import annotations

import ipaddress
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from server.problems import Problem
from server.services import Services
from server.settings import Security


class BehindRay:
    """ASGI middleware around the whole application.

    - Ray Serve does not hand what the application made at its start to the requests, as uvicorn
      does.
    - Ray Serve opens the port, so that the settings cannot tell who reaches it. Without a key,
      each request must come from this machine.
    - The proxy adds the X-Request-Id to the answer; ours would be the second.

    Args:
        app: The application.
        security: Who may ask.
    """

    def __init__(self, app: ASGIApp, security: Security) -> None:
        self._app = app
        self._open = bool(security.api_keys) or security.allow_anonymous
        self._state: dict[str, Any] = {}

    @property
    def services(self) -> Services:
        """What the application made at its start."""
        services: Services = self._state["services"]
        return services

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handles the start, the end, or a request, as ASGI has it."""
        if scope["type"] == "lifespan":
            self._state = scope["state"]
            await self._app(scope, receive, send)
            return
        if not self._open and not _of_this_machine(scope):
            await _closed().response()(scope, receive, send)
            return

        async def send_without_id(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = [h for h in message["headers"] if h[0] != b"x-request-id"]
                message = {**message, "headers": headers}
            await send(message)

        await self._app({**scope, "state": dict(self._state)}, receive, send_without_id)


def _of_this_machine(scope: Scope) -> bool:
    host = (scope.get("client") or ("",))[0]
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _closed() -> Problem:
    return Problem(
        "unauthorized",
        "Without an API key, the server answers its own machine alone; the operator can set "
        "security.api_keys (python -m server --new-key NAME) or security.allow_anonymous.",
        headers={"WWW-Authenticate": "Bearer"},
    )
