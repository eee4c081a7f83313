"""A synthesis that asks a scripted server."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.training.pillars.playing import Synthesis
from tests.training.scripted_server import ScriptedServer


@pytest.fixture
def synthesis(tmp_path: Path, server: ScriptedServer, tiny_backbone: str) -> Synthesis:
    return Synthesis(tmp_path, server.url, tiny_backbone)
