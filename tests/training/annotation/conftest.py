"""Servers that play by a script, and recipes that point to them."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import pytest

from tests.training.annotation.scripted import KEY, Annotation, BatchServer, ScriptedServer

Server = TypeVar("Server", bound=ScriptedServer)


@contextmanager
def serving(server: Server) -> Iterator[Server]:
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield server
    finally:
        server.closing.set()
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    with serving(ScriptedServer()) as server:
        yield server


@pytest.fixture
def batch_server() -> Iterator[BatchServer]:
    with serving(BatchServer()) as server:
        yield server


@pytest.fixture
def annotation(
    tmp_path: Path, server: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> Annotation:
    monkeypatch.setenv("TEST_LLM_KEY", KEY)
    return Annotation(tmp_path, server.url)


@pytest.fixture
def batch_annotation(
    tmp_path: Path, batch_server: BatchServer, monkeypatch: pytest.MonkeyPatch
) -> Annotation:
    monkeypatch.setenv("TEST_LLM_KEY", KEY)
    return Annotation(tmp_path, batch_server.url)
