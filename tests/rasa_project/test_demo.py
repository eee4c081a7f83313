"""`make demo`'s program, without a terminal and with one."""

from __future__ import annotations

import os
import pty
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import yaml

MARK = "DEMO_TEST"


@pytest.fixture
def demo(bot: Any) -> Path:
    models = bot.folder / "models"
    shutil.copy(models / "bot.tar.gz", models / "demo.tar.gz")
    return bot.folder / "demo.py"


def left_behind(mark: str) -> list[str]:
    """Returns the processes that a run started and that still live."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if f"{MARK}={mark}".encode() in (process / "environ").read_bytes():
                found.append((process / "cmdline").read_text())
        except (FileNotFoundError, ProcessLookupError, PermissionError):
            continue
    return [command for command in found if command]


def read_until(leader: int, text: str, process: subprocess.Popen[bytes]) -> str:
    """Reads a terminal until `text` shows."""
    seen, deadline = "", time.monotonic() + 300
    while text not in seen:
        assert time.monotonic() < deadline, seen
        try:
            chunk = os.read(leader, 4096)
        except OSError:  # the other side of the terminal is closed
            chunk = b""
        assert chunk, f"ended with {process.wait()} before {text!r}:\n{seen}"
        seen += chunk.decode(errors="replace")
    return seen


def test_without_a_terminal_it_plays_the_script_and_ends(demo: Path) -> None:
    mark = uuid4().hex
    done = subprocess.run(
        [sys.executable, str(demo)],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        env={**os.environ, MARK: mark},
        timeout=400,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    script = yaml.safe_load((demo.parent / "demo_script.yml").read_text(encoding="utf-8"))
    lines = done.stdout.splitlines()
    for scene in script["conversations"]:
        for text in scene["messages"]:
            message = lines.index(f"  you > {text}")
            shown = lines[message + 1 : message + 6]
            assert "valence" in shown[0], shown
            assert any(line.startswith("  bot > ") for line in shown), shown
            lines = lines[message + 1 :]
    assert "Your turn" not in done.stdout
    assert not left_behind(mark)


def test_on_a_terminal_one_chats_and_sees_the_emotion(demo: Path) -> None:
    mark = uuid4().hex
    leader, follower = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, str(demo)],
        stdin=follower,
        stdout=follower,
        stderr=follower,
        env={**os.environ, MARK: mark},
        start_new_session=True,
    )
    os.close(follower)
    try:
        read_until(leader, "Your turn", process)
        os.write(leader, b"thank you so much, you saved my day!\n")
        answer = read_until(leader, "bot > ", process)
        assert "gratitude" in answer
        os.write(leader, b"\n")
        read_until(leader, "Stopping the bot.", process)
        assert process.wait(60) == 0
    finally:
        process.kill()
        os.close(leader)
    assert not left_behind(mark)
