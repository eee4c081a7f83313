"""Servers to ask, started once or with settings of a test."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from emotion_component import EmotionModel
from tests.server.running import RayServer, RedisServer, Server


@pytest.fixture
def start_server(tmp_path: Path) -> Iterator[Callable[..., Server]]:
    """Starts servers with settings; no drain unless asked for."""
    servers: list[Server] = []

    def start(*flags: str, trust: Path | None = None, **settings: dict[str, Any]) -> Server:
        settings["listen"] = {"drain_seconds": 0, **settings.get("listen", {})}
        folder = tmp_path / str(len(servers))
        folder.mkdir()
        servers.append(Server(folder, settings, *flags, trust=trust))
        return servers[-1]

    yield start
    for server in servers:
        server.stop()


@pytest.fixture(scope="session")
def plain_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with the default settings, shared."""
    shared = Server(tmp_path_factory.mktemp("server"), {"listen": {"drain_seconds": 0}})
    yield shared
    shared.stop()


@pytest.fixture(scope="session")
def ray_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The same under Ray Serve."""
    shared = RayServer(tmp_path_factory.mktemp("ray"), {"scale": {"cpus": 0.5}})
    yield shared
    shared.stop()


@pytest.fixture(scope="session", params=["plain", "ray"])
def server(request: pytest.FixtureRequest) -> Server:
    """Both in turn: the API is one."""
    shared: Server = request.getfixturevalue(f"{request.param}_server")
    return shared


@pytest.fixture(scope="session")
def model() -> EmotionModel:
    return EmotionModel.load()


@pytest.fixture
def redis_server(tmp_path: Path) -> Iterator[RedisServer]:
    redis = RedisServer(tmp_path)
    yield redis
    redis.kill()
