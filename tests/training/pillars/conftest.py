"""A synthesis that asks a scripted server, and what its steps read."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.training.pillars.mill import NARRATIVE
from tests.training.pillars.playing import Synthesis
from tests.training.scripted_server import ScriptedServer
from training.pillars.step import Material
from training.pillars.taxonomy import load_taxonomy

CONFIG = Path(__file__).parents[3] / "config"


@pytest.fixture
def synthesis(tmp_path: Path, server: ScriptedServer, tiny_backbone: str) -> Synthesis:
    return Synthesis(tmp_path, server.url, tiny_backbone)


@pytest.fixture(scope="session")
def material() -> Material:
    taxonomy = load_taxonomy(
        CONFIG / "labels" / "goemotions.yaml", CONFIG / "training" / "label_mapping.yaml"
    )
    return Material({"mill": NARRATIVE}, taxonomy)
