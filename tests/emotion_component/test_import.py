"""What importing and loading do not do, each seen in a process of its own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import emotion_component

README = Path(__file__).parents[2] / "README.md"


def run(code: str) -> str:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_importing_opens_no_model_and_imports_nothing_heavy() -> None:
    code = """
import sys, onnxruntime
def refuse(*_, **__): raise AssertionError("a model was opened")
onnxruntime.InferenceSession.__init__ = refuse
import emotion_component
heavy = {"torch", "transformers", "rasa", "httpx", "fastapi"} & set(sys.modules)
assert not heavy, heavy
"""
    run(code)


def test_nothing_touches_the_network() -> None:
    code = """
import socket
def refuse(*_, **__): raise AssertionError("network")
socket.socket.__init__ = refuse
socket.create_connection = socket.getaddrinfo = refuse
from emotion_component import EmotionModel
model = EmotionModel.load()
print(model.predict("thanks").label, model.rank("thanks", ["a label of mine"]).label)
"""
    assert run(code).split(maxsplit=1)[0] == "gratitude"


def test_the_public_names_are_the_documented_ones() -> None:
    assert all(hasattr(emotion_component, name) for name in emotion_component.__all__)
    readme = README.read_text(encoding="utf-8")
    assert [name for name in emotion_component.__all__ if f"`{name}`" not in readme] == []
