"""Errors, all of one JSON shape (RFC 9457), each with what to do."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field, ValidationError
from pydantic_core import ErrorDetails
from starlette.exceptions import HTTPException
from starlette.responses import Response

from emotion_component import InputError
from server.fields import field_path

MEDIA_TYPE = "application/problem+json"

# slug: status, title
KINDS = {
    "bad-request": (400, "The request cannot be read"),
    "unauthorized": (401, "No valid API key"),
    "not-found": (404, "There is no such thing here"),
    "method-not-allowed": (405, "This address does not take this method"),
    "request-timeout": (408, "The request's body came too slowly"),
    "too-large": (413, "The request is too large"),
    "unsupported-media-type": (415, "The request's Content-Type is not understood here"),
    "invalid": (422, "A field of the request cannot be used"),
    "rate-limited": (429, "Too many requests with this API key"),
    "overloaded": (429, "Too much work is waiting"),
    "internal": (500, "The server failed"),
    "memory-unavailable": (503, "The memory of conversations cannot be reached"),
    "draining": (503, "The server is shutting down"),
    "deadline-exceeded": (504, "The request was not answered in time"),
}


class FieldError(BaseModel):
    """What is wrong with one field."""

    field: str = Field(examples=["inputs[0].text"])
    message: str = Field(examples=["Field required"])


class ProblemDetails(BaseModel):
    """An error, as in RFC 9457."""

    type: str = Field(examples=["/problems/invalid"])
    title: str = Field(examples=["A field of the request cannot be used"])
    status: int = Field(examples=[422])
    detail: str = Field(description="What to do.", examples=["inputs[0].text: Field required"])
    errors: list[FieldError] = []


class Problem(Exception):
    """An error to answer with.

    Args:
        kind: One of `KINDS`.
        detail: What happened and what to do; never holds a message's text.
        errors: What is wrong with each field.
        headers: Further headers of the answer.
        extra: Further members of the JSON object.
    """

    def __init__(
        self,
        kind: str,
        detail: str,
        *,
        errors: Sequence[Mapping[str, str]] = (),
        headers: Mapping[str, str] | None = None,
        extra: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(detail)
        self.kind = kind
        self.status, self.title = KINDS[kind]
        self.detail = detail
        self.errors = errors
        self.headers = dict(headers or {})
        self.extra = dict(extra or {})

    @classmethod
    def of_fields(cls, errors: Sequence[Mapping[str, str]]) -> Problem:
        """Returns the problem of unusable fields; the detail tells of the first."""
        first = errors[0]
        detail = f"{first['field']}: {first['message']}" if first["field"] else first["message"]
        return cls("invalid", detail, errors=errors)

    def content(self) -> dict[str, Any]:
        """Returns the JSON object."""
        return {
            "type": f"/problems/{self.kind}",
            "title": self.title,
            "status": self.status,
            "detail": self.detail,
            "errors": list(self.errors),
            **self.extra,
        }

    def response(self) -> Response:
        """Returns the HTTP response."""
        return Response(json.dumps(self.content()), self.status, self.headers, MEDIA_TYPE)


def _field_error(error: ErrorDetails | Mapping[str, Any], skip: int) -> dict[str, str]:
    # Only the place and the message: pydantic's "input" would hand the user's text around.
    message = str(error["msg"]).removeprefix("Value error, ")
    return {"field": field_path(tuple(error["loc"])[skip:]), "message": message}


def of_validation(error: RequestValidationError) -> Problem:
    """Returns the problem of a request that does not fit its schema."""
    details: Sequence[Any] = error.errors()
    if details[0]["type"] == "json_invalid":
        return of_no_json()
    if tuple(details[0]["loc"]) == ("body",):
        return of_no_object()
    # The first word of a place is where it stands: body, query, path or header.
    return Problem.of_fields([_field_error(detail, 1) for detail in details])


def of_no_json() -> Problem:
    """Returns the problem of a body that cannot be parsed."""
    return Problem("bad-request", "The body is not valid JSON; send a JSON object in UTF-8.")


def of_no_object() -> Problem:
    """Returns the problem of a body that is no JSON object, or is not called one."""
    return Problem("invalid", "Send a JSON object, with Content-Type: application/json.")


def of_object(error: ValidationError) -> Problem:
    """Returns the problem of a JSON object that does not fit its schema."""
    return Problem.of_fields([_field_error(detail, 0) for detail in error.errors()])


def of_input(error: InputError) -> Problem:
    """Returns the problem of a value that the model refuses; its text is "field: message"."""
    field, _, message = str(error).partition(": ")
    return Problem.of_fields([{"field": field, "message": message}])


_OF_STATUS = {
    400: ("bad-request", "Send a JSON object in UTF-8."),
    404: ("not-found", "Check the address; /openapi.json lists them all."),
    405: ("method-not-allowed", "Check the method; /openapi.json lists them all."),
    415: ("unsupported-media-type", "Send Content-Type: application/json."),
}


def of_http(error: HTTPException) -> Problem:
    """Returns the problem of an error that the framework found."""
    kind, detail = _OF_STATUS.get(error.status_code, ("internal", "Try again."))
    return Problem(kind, detail, headers=error.headers)


def install(app: FastAPI) -> None:
    """Makes every error of the application a problem."""

    @app.exception_handler(Problem)
    async def problem(request: Request, error: Problem) -> Response:
        return error.response()

    @app.exception_handler(RequestValidationError)
    async def validation(request: Request, error: RequestValidationError) -> Response:
        return of_validation(error).response()

    @app.exception_handler(InputError)
    async def ill_typed(request: Request, error: InputError) -> Response:
        return of_input(error).response()

    @app.exception_handler(HTTPException)
    async def http(request: Request, error: HTTPException) -> Response:
        return of_http(error).response()


def responses(*kinds: str) -> dict[int | str, dict[str, Any]]:
    """Returns the OpenAPI description of problems that a route answers with."""
    described: dict[int | str, dict[str, Any]] = {}
    for kind in kinds:
        status, title = KINDS[kind]
        earlier = described.get(status, {}).get("description")
        described[status] = {
            "description": f"{earlier}; {title}" if earlier else title,
            "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/ProblemDetails"}}},
        }
    return described


OF_MESSAGES = responses(
    "bad-request",
    "unauthorized",
    "request-timeout",
    "too-large",
    "invalid",
    "rate-limited",
    "overloaded",
    "deadline-exceeded",
)
"""Problems of every route that takes messages in a body."""
