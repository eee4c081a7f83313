"""An annotation whose endpoint fails, for a while or for good."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.training.annotation.scripted import Annotation
from tests.training.scripted_server import Handler, ScriptedServer
from training.cli import main

Script = dict[str, Callable[[Handler], None]]


def test_failures_that_pass_are_tried_again(annotation: Annotation, server: ScriptedServer) -> None:
    failures: Script = {
        "429": lambda h: h.fail(429, retry_after="0"),
        "429 with a wait": lambda h: h.fail(429, retry_after_ms="5"),
        "500": lambda h: h.fail(500),
        "503": lambda h: h.send(b"<html>busy</html>", 503, content_type="text/html"),
        "408": lambda h: h.fail(408),
        "reset": lambda h: h.reset(),
        "broken off": lambda h: h.break_off(),
        "truncated": lambda h: h.truncate(),
        "web page": lambda h: h.send(b"<html>hello</html>", content_type="text/html"),
        "no choices": lambda h: h.send(b'{"choices": []}'),
    }
    texts = [f"{kind}, {n} times" for kind in failures for n in (0, 1, 2, 3)]
    annotation.texts(texts)

    def script(handler: Handler, text: str, nth: int) -> None:
        kind, times = text.split(", ")
        if nth <= int(times.split()[0]):
            failures[kind](handler)
        else:
            handler.answer(f"joy of {kind}")

    server.script = script

    assert main(annotation.command()) == 0
    assert annotation.descriptors() == {t: [f"joy of {t.split(', ')[0]}"] for t in texts}
    assert server.asked == {t: 1 + int(t.split(", ")[1].split()[0]) for t in texts}


def test_what_fails_for_good_is_told_and_asked_again_by_the_next_run(
    annotation: Annotation, server: ScriptedServer, capsys: pytest.CaptureFixture[str]
) -> None:
    def script(handler: Handler, text: str, nth: int) -> None:
        if text == "text 3":
            handler.fail(500, "out of order")
        elif text == "text 7":
            handler.fail(400, "context length exceeded")
        else:
            handler.answer("joy")

    server.script = script
    assert main(annotation.command()) == 1
    out = capsys.readouterr().out
    assert "Failed: 1 x status 500: out of order" in out
    assert "Failed: 1 x status 400: context length exceeded" in out
    assert "Answered: 8 of 10 texts" in out
    assert server.asked["text 3"] == 4
    assert server.asked["text 7"] == 1  # the same request would fail alike

    server.script = lambda h, text, nth: h.answer("relief")
    server.asked.clear()
    assert main(annotation.command()) == 0
    assert server.asked == {"text 3": 1, "text 7": 1}
    assert annotation.descriptors()["text 3"] == ["relief"]
    assert annotation.descriptors()["text 0"] == ["joy"]


def test_an_answer_that_takes_too_long_is_asked_for_again(
    annotation: Annotation, server: ScriptedServer
) -> None:
    annotation.change("llm.retries.timeout_seconds", 1.0)

    def script(handler: Handler, text: str, nth: int) -> None:
        if text == "text 2" and nth == 1:
            # A byte now and again would keep a time-out between bytes quiet.
            handler.drip(seconds=15)
        else:
            handler.answer("joy")

    server.script = script
    assert main(annotation.command()) == 0
    assert len(annotation.descriptors()) == 10
    assert server.asked["text 2"] >= 2


def test_a_dead_endpoint_stops_the_run(
    annotation: Annotation, server: ScriptedServer, capsys: pytest.CaptureFixture[str]
) -> None:
    annotation.change("llm.retries", {"attempts": 1, "failures_in_a_row": 5})
    server.script = lambda h, text, nth: h.fail(500, "out of order")
    assert main(annotation.command()) == 2
    assert "5 failed calls in a row" in capsys.readouterr().err
    assert sum(server.asked.values()) < 10


@pytest.mark.parametrize(
    ("status", "code", "message"),
    [
        (401, "invalid_api_key", "wrong key"),
        (404, "model_not_found", "no such model"),
        (429, "insufficient_quota", "no money left"),
    ],
)
def test_what_concerns_every_call_stops_at_once(
    annotation: Annotation,
    server: ScriptedServer,
    capsys: pytest.CaptureFixture[str],
    status: int,
    code: str,
    message: str,
) -> None:
    server.script = lambda h, text, nth: h.fail(status, message, code)
    assert main(annotation.command()) == 2
    assert f"status {status}: {message}" in capsys.readouterr().err
    assert sum(server.asked.values()) <= 4  # those in flight
    assert set(server.asked.values()) == {1}


def test_a_wait_beyond_reason_stops_the_run(
    annotation: Annotation, server: ScriptedServer, capsys: pytest.CaptureFixture[str]
) -> None:
    server.script = lambda h, text, nth: h.fail(429, retry_after="3600")
    assert main(annotation.command()) == 2
    assert "asks to wait 3600 s" in capsys.readouterr().err
