"""A route that takes JSON, on a short way.

FastAPI describes it like any other. But where FastAPI would solve the endpoint's dependencies anew
for each request, which takes as long as everything else that Python does for one, the client is
admitted and the body validated directly.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import Any, Protocol, get_type_hints

from fastapi import Request, Response
from fastapi.routing import APIRoute
from pydantic import BaseModel, ValidationError

from server import problems
from server.security import admit


class Endpoint(Protocol):
    """What such a route calls."""

    def __call__(
        self,
        *,
        body: Any,  # noqa: ANN401 - a model, named in the endpoint's annotation
        request: Request,
        services: Any,  # noqa: ANN401
        client: str,
    ) -> Awaitable[Response]:
        """Answers a request."""
        ...


class JsonRoute(APIRoute):
    """A route whose endpoint is an `Endpoint`."""

    def get_route_handler(self) -> Callable[[Request], Any]:
        """Returns what answers a request, as FastAPI has it."""
        endpoint: Endpoint = self.endpoint
        model: type[BaseModel] = get_type_hints(self.endpoint)["body"]

        async def handle(request: Request) -> Response:
            client = admit(request)
            body = parse(model, request.headers.get("content-type"), await request.body())
            services = request.state.services
            return await endpoint(body=body, request=request, services=services, client=client)

        return handle


def parse(model: type[BaseModel], content_type: str | None, body: bytes) -> BaseModel:
    """Validates the body of a request.

    Args:
        model: Its schema.
        content_type: The header; anything but JSON is refused, since a web page may send it to
            another origin unasked.
        body: The whole body.

    Raises:
        Problem: If it is no JSON object, or does not fit the schema.
    """
    media_type = (content_type or "").partition(";")[0].strip().lower()
    if media_type != "application/json" and not _is_json_suffix(media_type):
        raise problems.of_no_object()
    try:
        # Not pydantic's own parser, which takes no lone surrogates.
        content = json.loads(body)
    except (ValueError, RecursionError):
        raise problems.of_no_json() from None
    if not isinstance(content, dict):
        raise problems.of_no_object()
    try:
        return model.model_validate(content)
    except ValidationError as error:
        raise problems.of_object(error) from None


def _is_json_suffix(media_type: str) -> bool:
    return media_type.startswith("application/") and media_type.endswith("+json")
