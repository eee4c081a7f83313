"""The application: middleware, routes, and what they need, made at start."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic.json_schema import models_json_schema
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import FileResponse
from starlette.staticfiles import StaticFiles

import emotion_component
from emotion_component import EmotionModel
from server import metrics, problems, telemetry
from server.batching import Batcher
from server.body_limit import BodyLimit
from server.conversations import NoStore, Store
from server.drain import Drain
from server.memory_store import MemoryStore
from server.observe import Observe
from server.redis_store import RedisStore
from server.routes import catalogue, conversations, emotions, operations, predict, stream
from server.schemas import Emotions
from server.security import Gate
from server.services import Services
from server.settings import Conversations, Settings
from server.shed import Shed

WEB = Path(__file__).with_name("web")
WARM_UP = (1, 8, 32)
"""Batch sizes run before the first request."""


async def _exposition() -> bytes:
    return metrics.exposition()


def create_app(
    settings: Settings, exposition: Callable[[], Awaitable[bytes]] = _exposition
) -> FastAPI:
    """Makes the application.

    Args:
        settings: All settings.
        exposition: Tells the metrics, if not those of this machine's workers alone.

    Raises:
        BundleError: If the bundle cannot be used.
        SettingsError: If a setting needs what is not installed.
    """
    model = EmotionModel.load(settings.inference.bundle, threads=settings.threads)
    drain = Drain(settings.listen.drain_seconds)
    at_end: list[Callable[[], None]] = []

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[dict[str, Any]]:
        services = _services(settings, model, drain, exposition)
        _warm_up(model)
        services.batcher.start()
        drain.install()
        yield {"services": services}
        await services.batcher.stop()
        services.label_pool.shutdown()
        await services.store.close()
        for close in at_end:
            await asyncio.to_thread(close)

    app = FastAPI(
        title="Emotion Component",
        version=emotion_component.__version__,
        description="Fine-grained emotions of chat messages, with the turns before them.",
        lifespan=lifespan,
        docs_url=None,  # its pages load scripts of a CDN
        redoc_url=None,
    )
    problems.install(app)
    _add_middleware(app, settings, model, drain)
    if settings.telemetry.otlp_endpoint is not None:
        at_end.append(telemetry.install(app, settings.telemetry.otlp_endpoint))
    # FastAPI's include_router would look for each request's route twice.
    for module in (emotions, stream, conversations, catalogue, predict, operations):
        app.router.routes.extend(module.router.routes)
    _add_page(app)
    app.openapi = lambda: _openapi(app)  # type: ignore[method-assign]
    return app


def _services(
    settings: Settings,
    model: EmotionModel,
    drain: Drain,
    exposition: Callable[[], Awaitable[bytes]],
) -> Services:
    inference = settings.inference
    return Services(
        settings=settings,
        model=model,
        batcher=Batcher(
            model,
            batch_tokens=inference.batch_tokens,
            queue_messages=inference.queue_messages,
            runs=inference.runs,
            deadline_seconds=inference.deadline_seconds,
        ),
        label_pool=ThreadPoolExecutor(1, thread_name_prefix="labels"),
        store=_store(settings.conversations),
        gate=Gate(settings.security.api_keys),
        drain=drain,
        exposition=exposition,
    )


def _store(settings: Conversations) -> Store:
    if settings.store == "redis":
        return RedisStore(
            settings.redis_url.get_secret_value(),
            turns=settings.turns,
            expiry_seconds=settings.expiry_seconds,
            timeout=settings.redis_seconds,
        )
    if settings.store == "memory":
        return MemoryStore(
            turns=settings.turns,
            conversations=settings.conversations,
            expiry_seconds=settings.expiry_seconds,
        )
    return NoStore()


def _warm_up(model: EmotionModel) -> None:
    for size in WARM_UP:
        model.classify(model.encode(["The first run of a size is the slowest."] * size))


def _add_middleware(app: FastAPI, settings: Settings, model: EmotionModel, drain: Drain) -> None:
    """Adds middleware; the last one added is the outermost."""
    app.add_middleware(BodyLimit, limits=settings.limits)
    app.add_middleware(Shed)
    if settings.security.cors_origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=settings.security.cors_origins,
            allow_methods=["GET", "POST", "DELETE"],
            allow_headers=["Authorization", "Content-Type", "X-API-Key", "X-Request-Id"],
            expose_headers=["Retry-After", "Server-Timing", "X-Model-Version", "X-Request-Id"],
        )
    app.add_middleware(
        Observe,
        bundle=f"{model.bundle.name}/{model.bundle.version}",
        drain=drain,
        access_log=settings.telemetry.access_log,
    )


def _add_page(app: FastAPI) -> None:
    @app.get("/", include_in_schema=False)
    async def page() -> FileResponse:
        return FileResponse(WEB / "index.html")

    app.mount("/web", StaticFiles(directory=WEB))


def _openapi(app: FastAPI) -> dict[str, Any]:
    if app.openapi_schema is None:
        schema = get_openapi(
            title=app.title, version=app.version, description=app.description, routes=app.routes
        )
        # Named by descriptions that FastAPI takes as they are.
        _, named = models_json_schema(
            [(problems.ProblemDetails, "serialization"), (Emotions, "serialization")],
            ref_template="#/components/schemas/{model}",
        )
        schema["components"]["schemas"].update(named["$defs"])
        app.openapi_schema = schema
    return app.openapi_schema
