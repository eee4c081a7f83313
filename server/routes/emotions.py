"""Emotions of messages that the client sends whole, with their context."""

from __future__ import annotations

from fastapi import APIRouter, Request, Response
from pydantic_core import to_json

from server import answers, problems
from server.json_route import JsonRoute
from server.schemas import EmotionsRequest, EmotionsResponse
from server.security import Client
from server.services import Use

router = APIRouter(tags=["emotions"], route_class=JsonRoute)


@router.post(
    "/v1/emotions",
    response_model=EmotionsResponse,
    responses=problems.OF_MESSAGES,
)
async def emotions(
    body: EmotionsRequest, request: Request, services: Use, client: Client
) -> Response:
    """Emotions of one or many messages, each with the turns before it."""
    limits = services.settings.limits
    answers.check_inputs(body.inputs, limits)
    answers.check_labels(body, limits)
    read = answers.reader(services.model, body)
    await services.encode_labels(body.labels)
    messages = answers.messages(services.model, body.inputs, body)
    results = await services.ask(request, messages, read)
    # Validated by construction; FastAPI's second pass over 28 scores a message costs more than
    # the first.
    content = {"results": results, "model": vars(services.model.bundle)}
    return Response(to_json(content), media_type="application/json")
