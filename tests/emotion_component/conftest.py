from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from emotion_component import EmotionModel
from emotion_component.bundle import DEFAULT_BUNDLE


@pytest.fixture(scope="session")
def model() -> EmotionModel:
    return EmotionModel.load(threads=1)


@pytest.fixture
def bundle_copy(tmp_path: Path) -> Path:
    """The shipped bundle, made of links: replace its files, never write into them."""
    folder = tmp_path / "bundle"
    shutil.copytree(DEFAULT_BUNDLE, folder, copy_function=os.link)
    return folder
