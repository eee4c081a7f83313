"""An annotation that is stopped, killed or run twice."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from tests.training.annotation.scripted import Annotation
from tests.training.scripted_server import Handler, ScriptedServer
from training.cli import main

ROOT = Path(__file__).parents[3]


def start(annotation: Annotation, *options: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "training", *annotation.command(*options)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def _answered(journal: Path) -> set[str]:
    lines = journal.read_bytes().split(b"\n") if journal.exists() else []
    ids = [json.loads(line)["id"] for line in lines[1:-1]]
    assert len(ids) == len(set(ids))
    return set(ids)


@pytest.mark.parametrize("kills", [(1,), (9,), (6, 3, 10)])
def test_kill_9_loses_nothing_and_asks_nothing_twice(
    annotation: Annotation, server: ScriptedServer, kills: tuple[int, ...]
) -> None:
    """Each run but the last is killed when so many of its requests have reached the server."""
    texts = [f"text {n}" for n in range(30)]
    annotation.texts(texts)
    journal = annotation.output / "answers.jsonl"
    asked: list[str] = []  # by the present run
    lock = threading.Lock()

    def script(handler: Handler, text: str, nth: int) -> None:
        with lock:
            asked.append(f"id-{text}")
            if len(asked) == kill:
                process.kill()
        handler.answer(f"joy of {text}")

    server.script = script
    for kill in (*kills, None):
        kept = _answered(journal)
        asked.clear()
        process = start(annotation)
        _, err = process.communicate()
        assert process.returncode == (0 if kill is None else -signal.SIGKILL), err
        assert kept.isdisjoint(asked)
        assert kept <= _answered(journal)
        if kill is not None:
            with journal.open("ab") as file:  # what a kill in the middle of a write leaves
                file.write(b'{"id": "id-text 29", "text": "jo')

    assert annotation.descriptors() == {text: [f"joy of {text}"] for text in texts}
    assert _answered(journal) == {f"id-{text}" for text in texts}
    # What was in flight at a kill, and no more, had to be asked again.
    assert server.asked.total() <= len(texts) + 4 * len(kills)


def test_ctrl_c_stops_cleanly_and_says_where_the_results_lie(
    annotation: Annotation, server: ScriptedServer
) -> None:
    enough = threading.Semaphore(0)

    def script(handler: Handler, text: str, nth: int) -> None:
        if server.asked.total() <= 5:
            handler.answer("joy")
        else:
            enough.release()
            server.closing.wait()

    server.script = script
    process = start(annotation)
    for _ in range(4):  # all that may be in flight are
        enough.acquire()
    process.send_signal(signal.SIGINT)
    out, err = process.communicate()

    assert process.returncode == 130
    assert "Stopped; the same command goes on from here." in out
    assert "Answered: 5 of 10 texts" in out
    assert f"Results: {annotation.output}" in out
    assert "Traceback" not in err
    assert len(annotation.descriptors()) == 5

    server.script = lambda h, text, nth: h.answer("joy")
    assert main(annotation.command()) == 0
    assert server.asked.total() == 5 + 4 + 5


def test_two_runs_do_not_write_the_same_file(
    annotation: Annotation, server: ScriptedServer, capsys: pytest.CaptureFixture[str]
) -> None:
    begun = threading.Event()

    def script(handler: Handler, text: str, nth: int) -> None:
        begun.set()
        server.closing.wait()

    server.script = script
    process = start(annotation)
    begun.wait()
    assert main(annotation.command()) == 2
    assert "another run is writing it" in capsys.readouterr().err
    process.kill()
    process.communicate()

    server.script = lambda h, text, nth: h.answer("joy")
    assert main(annotation.command()) == 0  # the lock went with its holder


def test_answers_of_another_prompt_are_not_mixed_in(
    annotation: Annotation, server: ScriptedServer, capsys: pytest.CaptureFixture[str]
) -> None:
    main(annotation.command())
    annotation.change("prompt.user", "What is felt in <{text}>?")
    assert main(annotation.command()) == 2
    assert "was made with another prompt; choose another output folder" in capsys.readouterr().err
    assert main(annotation.command("--dry-run")) == 2
    assert server.asked.total() == 10
