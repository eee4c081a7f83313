"""Emotions of any number of messages, as JSON Lines both ways, in order."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from pydantic import ValidationError
from starlette.requests import ClientDisconnect
from starlette.types import Receive, Scope, Send

from emotion_component import InputError
from server import answers, problems
from server.body_limit import STREAM_PATH
from server.problems import Problem
from server.schemas import MessageSchema, Options
from server.security import Client
from server.services import Services, Use

NDJSON = "application/x-ndjson"
PORTION = 64
"""Lines that go to the model together."""

RETRY_SECONDS = 0.05
"""A stream waits for room in the queue, which slows its sender down."""

router = APIRouter(tags=["emotions"])


class _Stream(Response):
    """Sends lines as they come; Starlette's own would read the request's body away."""

    media_type = NDJSON

    def __init__(self, lines: AsyncIterator[bytes]) -> None:
        self._lines = lines
        super().__init__()
        del self.headers["content-length"]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        start = {"type": "http.response.start", "status": 200, "headers": self.raw_headers}
        await send(start)
        async for line in self._lines:
            await send({"type": "http.response.body", "body": line, "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})


@router.post(
    STREAM_PATH,
    response_class=_Stream,
    status_code=200,
    openapi_extra={
        "requestBody": {
            "required": True,
            "description": 'One message a line: `{"text": ..., "context": [...]}`.',
            "content": {NDJSON: {"schema": {"$ref": "#/components/schemas/MessageSchema"}}},
        }
    },
    responses={
        200: {
            "description": "One result a line, in order; a line that cannot be answered gets "
            '`{"error": ...}`, a problem.',
            "content": {NDJSON: {"schema": {"$ref": "#/components/schemas/Emotions"}}},
        },
        **problems.responses("unauthorized", "invalid", "rate-limited"),
    },
)
async def stream(
    options: Annotated[Options, Query()], request: Request, services: Use, client: Client
) -> Response:
    """Emotions of any number of messages: JSON Lines in, JSON Lines out.

    Read the answer while sending; the server takes in no more than it has answered.
    """
    answers.check_labels(options, services.settings.limits)
    await services.encode_labels(options.labels)
    return _Stream(_answer(request, services, options))


async def _answer(request: Request, services: Services, options: Options) -> AsyncIterator[bytes]:
    number = 0
    try:
        async for lines in _portions(request, services):
            outputs = await _outputs(request, services, options, lines, number)
            yield b"".join(map(_line, outputs))
            number += len(lines)
    except Problem as problem:
        yield _line({"error": problem.content()})
    except ClientDisconnect:
        return


def _line(output: Mapping[str, Any]) -> bytes:
    return json.dumps(output).encode() + b"\n"


async def _outputs(
    request: Request, services: Services, options: Options, lines: Sequence[bytes], number: int
) -> list[dict[str, Any]]:
    """Returns a result or an error for each line."""
    outputs: list[dict[str, Any]] = [{}] * len(lines)
    entries: dict[int, MessageSchema] = {}
    for i, line in enumerate(lines):
        try:
            entries[i] = _parse(line, services, options)
        except (Problem, InputError) as error:
            problem = error if isinstance(error, Problem) else problems.of_input(error)
            outputs[i] = {"error": {**problem.content(), "line": number + i + 1}}
    if entries:
        results = await _patient_ask(request, services, options, list(entries.values()))
        for i, result in zip(entries, results, strict=True):
            outputs[i] = result
    return outputs


def _parse(line: bytes, services: Services, options: Options) -> MessageSchema:
    try:
        message = MessageSchema.model_validate_json(line)
    except ValidationError as error:
        raise problems.of_object(error) from None
    answers.check_inputs([message], services.settings.limits)
    return message


async def _patient_ask(
    request: Request, services: Services, options: Options, entries: Sequence[MessageSchema]
) -> list[dict[str, Any]]:
    messages = answers.messages(services.model, entries, options)
    read = answers.reader(services.model, options)
    clock = asyncio.get_running_loop().time
    give_up = clock() + services.settings.inference.deadline_seconds
    while True:
        try:
            # The route reads the body still; watching for the client's leave would eat from it.
            return await services.ask(request, messages, read, watch=False)
        except Problem as problem:
            if problem.kind != "overloaded" or clock() > give_up:
                raise
        await asyncio.sleep(RETRY_SECONDS)


async def _portions(request: Request, services: Services) -> AsyncIterator[list[bytes]]:
    """Yields the lines that are there, without waiting for a full portion."""
    limits = services.settings.limits
    rest = b""
    chunks = request.stream()
    while True:
        try:
            async with asyncio.timeout(limits.body_seconds):
                chunk = await chunks.__anext__()
        except StopAsyncIteration:
            break
        except TimeoutError:
            raise Problem("request-timeout", "Send the next line sooner.") from None
        *lines, rest = (rest + chunk).split(b"\n")
        if len(rest) > limits.body_bytes:
            raise Problem("too-large", f"Send at most {limits.body_bytes} bytes a line.")
        for start in range(0, len(lines), PORTION):
            yield lines[start : start + PORTION]
    if rest:
        yield [rest]
