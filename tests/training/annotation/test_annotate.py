"""The annotation end to end, over real HTTP, against a server that answers by a script."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.training.annotation.scripted import Annotation
from tests.training.scripted_server import KEY, Handler, ScriptedServer
from training.cli import main

Script = dict[str, Callable[[Handler], None]]


ROOT = Path(__file__).parents[3]


def test_every_text_is_asked_once_and_annotated(
    annotation: Annotation, server: ScriptedServer, capsys: pytest.CaptureFixture[str]
) -> None:
    server.script = lambda h, text, nth: h.answer(f"Joy, feeling of {text}")

    assert main(annotation.command()) == 0

    texts = [f"text {n}" for n in range(10)]
    assert annotation.descriptors() == {text: ["joy", f"feeling of {text}"] for text in texts}
    assert [line["id"] for line in annotation.lines("descriptors.jsonl")] == [
        f"id-{text}" for text in texts
    ]
    assert server.asked == dict.fromkeys(texts, 1)
    out = capsys.readouterr().out
    assert "Answered: 10 of 10 texts" in out
    assert "1,000 of prompts, 50 of answers" in out
    assert f"Results: {annotation.output}" in out


def test_the_request_is_the_recipe(annotation: Annotation, server: ScriptedServer) -> None:
    annotation.change("llm.temperature", 0.5)
    annotation.change("llm.extra_body", {"repetition_penalty": 1.03})
    main(annotation.command())

    body = server.bodies[0]
    text = body["messages"][1]["content"]
    assert body == {
        "model": "scripted",
        "temperature": 0.5,
        "max_tokens": 20,
        "repetition_penalty": 1.03,
        "messages": [
            {"role": "system", "content": "Name the emotions."},
            {"role": "user", "content": text},
        ],
    }
    assert server.headers_seen[0]["authorization"] == f"Bearer {KEY}"


def test_reasoning_models_get_their_own_keys(
    annotation: Annotation, server: ScriptedServer
) -> None:
    annotation.change("llm.temperature", None)
    annotation.change("llm.max_tokens_parameter", "max_completion_tokens")
    main(annotation.command())
    assert server.bodies[0].keys() == {"model", "messages", "max_completion_tokens"}


def test_azure_is_asked_in_its_own_way(annotation: Annotation, server: ScriptedServer) -> None:
    annotation.change("llm.azure_api_version", "2024-10-21")
    annotation.change("llm.base_url", server.url.removesuffix("/v1"))
    assert main(annotation.command()) == 0
    assert set(server.paths) == {
        "/openai/deployments/scripted/chat/completions?api-version=2024-10-21"
    }
    assert server.headers_seen[0]["api-key"] == KEY


def test_no_more_calls_in_flight_than_allowed(
    annotation: Annotation, server: ScriptedServer
) -> None:
    annotation.texts([f"text {n}" for n in range(40)])
    full = threading.Barrier(4)  # passes only if the run really keeps four in flight

    def script(handler: Handler, text: str, nth: int) -> None:
        full.wait(timeout=60)
        handler.answer("joy")

    server.script = script
    assert main(annotation.command()) == 0
    assert server.most_in_flight == 4


def test_refusals_and_answers_that_are_none_are_set_apart(
    annotation: Annotation, server: ScriptedServer, capsys: pytest.CaptureFixture[str]
) -> None:
    script: Script = {
        "plain refusal": lambda h: h.answer("I'm sorry, but I can't help with that."),
        "told refusal": lambda h: h.answer(None, refusal="No."),
        "filtered answer": lambda h: h.answer("joy", finish_reason="content_filter"),
        "filtered prompt": lambda h: h.fail(400, "filtered", "content_filter"),
        "cut off": lambda h: h.answer("joy, and then the wri", finish_reason="length"),
        "empty": lambda h: h.answer(" "),
        "digits": lambda h: h.answer("123, ?"),
        "prose": lambda h: h.answer("The writer of this text seems to feel a lot of things"),
        "good": lambda h: h.answer("Emotions: joy, relief."),
    }
    annotation.texts(list(script))
    server.script = lambda h, text, nth: script[text](h)

    assert main(annotation.command()) == 0

    assert annotation.descriptors() == {"good": ["joy", "relief"]}
    assert {line["id"]: line["reason"] for line in annotation.lines("set_apart.jsonl")} == {
        "id-plain refusal": "refusal",
        "id-told refusal": "refusal",
        "id-filtered answer": "refusal",
        "id-filtered prompt": "refusal",
        "id-cut off": "cut off",
        "id-empty": "empty",
        "id-digits": "no words",
        "id-prose": "prose",
    }
    summary = json.loads((annotation.output / "summary.json").read_text())
    assert summary["set_apart"] == {
        "refusal": 4,
        "cut off": 1,
        "empty": 1,
        "no words": 1,
        "prose": 1,
    }
    assert "Set apart: 4 refusal, 1 cut off" in capsys.readouterr().out

    assert main(annotation.command()) == 0  # they are answers, and are not paid for again
    assert set(server.asked.values()) == {1}


def test_the_key_is_in_no_output(
    annotation: Annotation, server: ScriptedServer, capsys: pytest.CaptureFixture[str]
) -> None:
    """Even if the server quotes it in answers, refusals and errors."""
    script: Script = {
        "answer": lambda h: h.answer(f"joy, {KEY}"),
        "prose": lambda h: h.answer(f"Your key is {KEY} and your text makes me feel many things"),
        "refusal": lambda h: h.answer(None, refusal=f"not with {KEY}"),
        "filter": lambda h: h.fail(400, f"not with {KEY}", "content_filter"),
        "500": lambda h: h.fail(500, f"failed for {KEY}"),
        "400": lambda h: h.fail(400, f"failed for {KEY}"),
    }
    annotation.texts(list(script))
    server.script = lambda h, text, nth: script[text](h)
    assert main(annotation.command()) == 1
    server.script = lambda h, text, nth: h.fail(401, f"Incorrect API key provided: {KEY}")
    assert main(annotation.command()) == 2

    captured = capsys.readouterr()
    assert "Incorrect API key provided: ***" in captured.err
    assert "failed for ***" in captured.out
    written = [path.read_text() for path in annotation.folder.rglob("*") if path.is_file()]
    assert any("***" in content for content in written)
    assert not [content for content in (*captured, *written) if KEY in content]


def test_a_server_without_keys_needs_none(
    annotation: Annotation, server: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("TEST_LLM_KEY")
    annotation.change("llm.api_key_env", None)
    assert main(annotation.command()) == 0


def test_help_does_not_wait_for_torch() -> None:
    code = (
        "import sys\n"
        "from training.cli import main\n"
        "try: main(['distill', '--help'])\n"
        "except SystemExit: pass\n"
        "sys.exit('torch' in sys.modules or 'openai' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0
    assert "annotate" in done.stdout
