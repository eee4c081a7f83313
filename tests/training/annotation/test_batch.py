"""The Batch API end to end, against a server that plays it by a script."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.training.annotation.scripted import Annotation, BatchServer, done
from tests.training.scripted_server import KEY, chat
from training.cli import main

ROOT = Path(__file__).parents[3]
TEXTS = [f"text {n}" for n in range(10)]


def test_run_submits_waits_and_collects(
    batch_annotation: Annotation, batch_server: BatchServer, capsys: pytest.CaptureFixture[str]
) -> None:
    batch_server.result = lambda text: done(chat(f"joy of\u2028{text}"))
    assert main(batch_annotation.command("--batch-api", "run")) == 0
    assert batch_annotation.descriptors() == {text: [f"joy of {text}"] for text in TEXTS}
    assert batch_server.asked_in_batches == dict.fromkeys(TEXTS, 1)
    assert len(batch_server.batches) == 4  # three texts in each
    assert batch_server.bodies[0] == {
        "model": "scripted",
        "temperature": 0.0,
        "max_tokens": 20,
        "messages": [
            {"role": "system", "content": "Name the emotions."},
            {"role": "user", "content": "Text: <text 0>"},
        ],
    }
    assert "In batches under way: 0" in capsys.readouterr().out
    assert main(batch_annotation.command("--batch-api", "run")) == 0
    assert len(batch_server.batches) == 4


def test_submit_and_collect_on_different_days(
    batch_annotation: Annotation, batch_server: BatchServer, capsys: pytest.CaptureFixture[str]
) -> None:
    batch_server.status = "in_progress"
    for action in ("submit", "submit", "collect"):
        assert main(batch_annotation.command("--batch-api", action)) == 1
        assert "In batches under way: 10" in capsys.readouterr().out
    batch_server.status = "completed"
    assert main(batch_annotation.command("--batch-api", "collect")) == 0
    assert batch_server.asked_in_batches == dict.fromkeys(TEXTS, 1)
    assert len(batch_annotation.descriptors()) == 10


def test_a_batch_whose_confirmation_got_lost_is_found_again(
    batch_annotation: Annotation, batch_server: BatchServer, capsys: pytest.CaptureFixture[str]
) -> None:
    batch_server.lost = 1
    assert main(batch_annotation.command("--batch-api", "run")) == 2
    assert "run the same command again to go on" in capsys.readouterr().err
    assert len(batch_server.batches) == 1
    assert main(batch_annotation.command("--batch-api", "run")) == 0
    assert batch_server.asked_in_batches == dict.fromkeys(TEXTS, 1)
    assert len(batch_annotation.descriptors()) == 10


def test_a_batch_that_was_never_made_is_made_by_the_next_run(
    batch_annotation: Annotation, batch_server: BatchServer
) -> None:
    batch_server.lost = 1
    main(batch_annotation.command("--batch-api", "submit"))
    batch_server.batches.clear()
    batch_server.asked_in_batches.clear()
    assert main(batch_annotation.command("--batch-api", "run")) == 0
    assert batch_server.asked_in_batches == dict.fromkeys(TEXTS, 1)


def test_refusals_are_answers_and_failures_are_submitted_again(
    batch_annotation: Annotation, batch_server: BatchServer, capsys: pytest.CaptureFixture[str]
) -> None:
    results = {
        "text 1": done({"error": {"message": "filtered", "code": "content_filter"}}, 400),
        "text 2": done({"error": {"message": f"out of order {KEY}"}}, 500),
        "text 3": done({"choices": []}),
        "text 4": None,
    }
    batch_server.result = lambda text: results.get(text, done(chat("joy")))
    batch_server.status = "expired"
    assert main(batch_annotation.command("--batch-api", "run")) == 1
    out = capsys.readouterr().out
    assert "Failed: 1 x status 500: out of order ***" in out
    assert "Failed: 1 x no chat completion" in out
    assert "Failed: 1 x batch expired: no answer" in out
    assert batch_annotation.lines("set_apart.jsonl") == [
        {"id": "id-text 1", "reason": "refusal", "answer": "filtered"}
    ]

    batch_server.status = "completed"
    batch_server.result = lambda text: done(chat("joy"))
    assert main(batch_annotation.command("--batch-api", "run")) == 0
    again = {"text 2", "text 3", "text 4"}
    assert batch_server.asked_in_batches == {text: 1 + (text in again) for text in TEXTS}


def test_what_batches_left_is_asked_call_by_call(
    batch_annotation: Annotation, batch_server: BatchServer
) -> None:
    """Both ways write the same journal."""
    batch_server.result = lambda text: done(chat("joy")) if text < "text 5" else None
    assert main(batch_annotation.command("--batch-api", "run")) == 1
    batch_server.post = super(BatchServer, batch_server).post  # type: ignore[method-assign]
    assert main(batch_annotation.command()) == 0
    assert set(batch_server.asked) == {text for text in TEXTS if text >= "text 5"}


def test_a_batch_that_the_endpoint_fails_is_told(
    batch_annotation: Annotation, batch_server: BatchServer, capsys: pytest.CaptureFixture[str]
) -> None:
    batch_server.status = "failed"
    batch_server.result = lambda text: None
    assert main(batch_annotation.command("--batch-api", "run")) == 1
    assert "Failed: 10 x batch failed: no answer" in capsys.readouterr().out


def test_ctrl_c_leaves_the_batches_under_way(
    batch_annotation: Annotation, batch_server: BatchServer
) -> None:
    batch_server.status = "in_progress"
    command = [sys.executable, "-m", "training", *batch_annotation.command("--batch-api", "run")]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    while len(batch_server.batches) < 4:
        assert process.poll() is None
        batch_server.closing.wait(0.01)
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate()
    assert process.returncode == 130
    assert "the same command goes on from here" in out

    batch_server.status = "completed"
    assert main(batch_annotation.command("--batch-api", "collect")) == 0
    assert batch_server.asked_in_batches == dict.fromkeys(TEXTS, 1)


def test_azure_has_no_batches_of_this_kind(
    batch_annotation: Annotation, capsys: pytest.CaptureFixture[str]
) -> None:
    batch_annotation.change("llm.azure_api_version", "2024-10-21")
    assert main(batch_annotation.command("--batch-api", "run")) == 2
    assert "the Batch API is OpenAI's" in capsys.readouterr().err
