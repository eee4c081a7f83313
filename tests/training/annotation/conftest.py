"""Servers that play by a script, and recipes that point to them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.training.annotation.scripted import Annotation, BatchServer
from tests.training.scripted_server import KEY, ScriptedServer, serving


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
