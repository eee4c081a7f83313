"""For those who run the server: health and metrics."""

from __future__ import annotations

from fastapi import APIRouter, Response
from fastapi.responses import PlainTextResponse
from prometheus_client import CONTENT_TYPE_LATEST

from server import problems
from server.conversations import MemoryUnavailable
from server.problems import KINDS, Problem
from server.schemas import Health, Memory
from server.security import Client
from server.services import Services, Use

router = APIRouter(tags=["operations"])


@router.get("/health/live")
async def live() -> Health:
    """Whether the process runs; restart it if not."""
    return Health(status="live")


@router.get("/health/ready", responses=problems.responses("draining"))
async def ready(services: Use) -> Health:
    """Whether to send requests here. The model is warm before the port is open.

    Without the memory of conversations the server is still ready, since it answers without.
    """
    if services.drain.draining:
        raise Problem("draining", "Send requests to another replica.")
    if not services.batcher.alive:
        raise Problem("internal", "Restart the server.")
    return Health(status="ready", memory=await _memory(services))


async def _memory(services: Services) -> Memory:
    if services.settings.conversations.store == "off":
        return "off"
    try:
        await services.store.ping()
    except MemoryUnavailable:
        return "unavailable"
    return "ok"


@router.get(
    "/metrics",
    response_class=PlainTextResponse,
    responses=problems.responses("unauthorized", "rate-limited", "deadline-exceeded"),
)
async def prometheus(services: Use, client: Client) -> Response:
    """Metrics in Prometheus' text format."""
    return Response(await services.exposition(), headers={"Content-Type": CONTENT_TYPE_LATEST})


@router.get("/problems/{kind}", responses=problems.responses("not-found", "invalid"))
async def problem(kind: str) -> dict[str, str | int]:
    """What a problem's `type` stands for."""
    if kind not in KINDS:
        raise Problem("not-found", "See the type of a problem.")
    status, title = KINDS[kind]
    return {"type": f"/problems/{kind}", "status": status, "title": title}
