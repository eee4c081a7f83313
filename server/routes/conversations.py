"""Conversations that the server keeps: send a turn, get its emotions and the running state."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter, Path, Request, Response
from pydantic_core import to_json

from server import answers, metrics, problems
from server.conversations import Appended, KeptTurn, MemoryUnavailable, state
from server.problems import Problem
from server.schemas import (
    ConversationResponse,
    MessageSchema,
    TurnRequest,
    TurnResponse,
    TurnSchema,
)
from server.security import Client
from server.services import Services, Use

Id = Annotated[
    str,
    Path(
        pattern=r"^[A-Za-z0-9._~@+-]{1,128}$",
        description="Yours; not told to other API keys.",
        examples=["user-4711"],
    ),
]

router = APIRouter(tags=["conversations"])


@router.post(
    "/v1/conversations/{conversation}/messages",
    response_model=TurnResponse,
    responses=problems.OF_MESSAGES,
)
async def add_turn(
    conversation: Id, body: TurnRequest, request: Request, services: Use, client: Client
) -> Response:
    """Adds a turn of the user or the bot; answers with its emotions and the running state.

    If the memory cannot be reached, the turn is read alone, not kept, and `memory` is false.
    """
    key = f"{client}/{conversation}"
    message_id = body.message_id or secrets.token_hex(8)
    try:
        earlier: Sequence[KeptTurn] = _before(await services.store.turns(key), message_id)
    except MemoryUnavailable:
        earlier = ()
    result = await _read(body, earlier, request, services)
    turn = KeptTurn.of(message_id, body.role, body.text, result)
    try:
        appended, memory = await services.store.append(key, turn), True
    except MemoryUnavailable:
        metrics.MEMORY_FAILURES.inc()
        appended, memory = Appended([turn], repeated=False), False
    if (appended.turn.role, appended.turn.text) != (body.role, body.text):
        message = "already stands for another turn; give each turn its own"
        raise Problem.of_fields([{"field": "message_id", "message": message}])
    content = {
        "conversation": conversation,
        "number": appended.turn.number if memory else None,
        "message_id": message_id,
        "result": result,
        "state": state(appended.turns),
        "memory": memory,
        "repeated": appended.repeated,
        "model": vars(services.model.bundle),
    }
    return Response(to_json(content), media_type="application/json")


def _before(turns: Sequence[KeptTurn], message_id: str) -> Sequence[KeptTurn]:
    """Returns the turns before the one of `message_id`: a retry is read as it was at first."""
    for i, turn in enumerate(turns):
        if turn.message_id == message_id:
            return turns[:i]
    return turns


async def _read(
    body: TurnRequest, earlier: Sequence[KeptTurn], request: Request, services: Services
) -> dict[str, Any]:
    limits = services.settings.limits
    context = [TurnSchema(role=t.role, text=t.text) for t in earlier[-limits.context_turns :]]
    answers.check_text("text", body.text, limits)
    answers.check_labels(body, limits)
    read = answers.reader(services.model, body)
    await services.encode_labels(body.labels)
    entry = MessageSchema(text=body.text, context=context)
    messages = answers.messages(services.model, [entry], body)
    return (await services.ask(request, messages, read))[0]


@router.get(
    "/v1/conversations/{conversation}",
    responses=problems.responses(
        "unauthorized", "not-found", "invalid", "rate-limited", "memory-unavailable"
    ),
)
async def get_conversation(conversation: Id, services: Use, client: Client) -> ConversationResponse:
    """The turns that are kept, and the running state."""
    try:
        turns = await services.store.turns(f"{client}/{conversation}")
    except MemoryUnavailable:
        raise _unavailable() from None
    if not turns:
        raise Problem("not-found", "No such conversation; it may have expired.")
    return ConversationResponse.model_validate(
        {
            "conversation": conversation,
            "turns": [asdict(turn) for turn in turns],
            "state": state(turns),
        }
    )


@router.delete(
    "/v1/conversations/{conversation}",
    status_code=204,
    responses=problems.responses("unauthorized", "invalid", "rate-limited", "memory-unavailable"),
)
async def forget_conversation(conversation: Id, services: Use, client: Client) -> None:
    """Forgets a conversation, if there is one."""
    try:
        await services.store.delete(f"{client}/{conversation}")
    except MemoryUnavailable:
        raise _unavailable() from None


def _unavailable() -> Problem:
    return Problem(
        "memory-unavailable",
        "Ask again later; see conversations.store in the server's settings.",
        headers={"Retry-After": "2"},
    )
