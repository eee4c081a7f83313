"""The annotation end to end, over real HTTP, against a server that answers by a script."""

from __future__ import annotations

import gzip
import json
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import WhitespaceSplit

from tests.training.annotation.scripted import Annotation
from tests.training.scripted_server import KEY, Handler, ScriptedServer
from training.cli import main
from training.distill.annotate import AnnotateRecipe
from training.recipe import load_recipe

Script = dict[str, Callable[[Handler], None]]

ROOT = Path(__file__).parents[3]


def start(annotation: Annotation, *options: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "training", *annotation.command(*options)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


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


def test_gzipped_input_with_other_fields_and_the_first_texts_alone(
    annotation: Annotation, server: ScriptedServer
) -> None:
    lines = [json.dumps({"number": n, "comment": f"text {n}"}) + "\n" for n in range(5)]
    lines[1] = json.dumps({"number": 1, "comment": "  "}) + "\n"
    path = annotation.folder / "texts.jsonl.gz"
    path.write_bytes(gzip.compress("".join(lines).encode()))
    annotation.change(
        "input",
        {"path": str(path), "id_field": "number", "text_field": "comment", "limit": 3},
    )
    assert main(annotation.command()) == 0
    assert server.asked == {"text 0": 1, "text 2": 1, "text 3": 1}
    assert annotation.descriptors().keys() == {"0", "2", "3"}


def test_texts_of_all_kinds_reach_the_model_unchanged(
    annotation: Annotation, server: ScriptedServer
) -> None:
    texts = ["{text} {unknown}", "a\nb\u2028c", "ユーモア", '"quoted" \\ back', "x" * 20_000]
    annotation.texts(texts)
    server.script = lambda h, text, nth: h.answer("j\u2028oy")
    assert main(annotation.command()) == 0
    assert set(server.asked) == set(texts)
    assert annotation.descriptors() == {text: ["j oy"] for text in texts}


def test_dry_run_tells_calls_tokens_and_cost_and_calls_nothing(
    annotation: Annotation, server: ScriptedServer, capsys: pytest.CaptureFixture[str]
) -> None:
    annotation.texts(["four byte tokens", "x" * 400])
    annotation.change("llm.prices", {"prompt": 10_000.0, "answer": 30_000.0, "currency": "EUR"})
    annotation.change("llm.limits", {"requests_per_minute": 1, "tokens_per_minute": 10})
    annotation.change("expected_answer_tokens", 5)

    assert main(annotation.command("--dry-run")) == 0

    # Per call: two messages at 4, "Name the emotions." 18 bytes, "Text: <>" 8 bytes and the text.
    prompt = (4 + 5 + 4 + 6) + (4 + 5 + 4 + 102)
    assert capsys.readouterr().out.splitlines() == [
        "Texts: 2, answered before: 0",
        "Calls to make: 2",
        f"Prompt tokens: about {prompt}",
        "Answer tokens: about 10, at most 40",
        f"Cost: about {prompt * 0.01 + 10 * 0.03:.2f} EUR, at most {prompt * 0.01 + 40 * 0.03:.2f}",
        f"Cost by the Batch API: about {prompt * 0.005 + 10 * 0.015:.2f} EUR, "
        f"at most {prompt * 0.005 + 40 * 0.015:.2f}",
        f"Time: at least {(prompt + 40) / 10:.0f} minutes, by the limits of the recipe",
    ]
    assert server.asked.total() == 0
    assert not annotation.output.exists()


def test_dry_run_counts_what_is_left_with_the_models_own_tokenizer(
    annotation: Annotation, server: ScriptedServer, capsys: pytest.CaptureFixture[str]
) -> None:
    tokenizer = Tokenizer(WordLevel({"?": 0}, unk_token="?"))
    tokenizer.pre_tokenizer = WhitespaceSplit()
    path = annotation.folder / "tokenizer.json"
    tokenizer.save(str(path))
    annotation.change("input.limit", 4)
    assert main(annotation.command()) == 0
    annotation.change("input.limit", None)
    annotation.change("llm.tokenizer", str(path))
    capsys.readouterr()

    assert main(annotation.command("--dry-run")) == 0
    out = capsys.readouterr().out
    assert "Texts: 10, answered before: 4" in out
    assert "Calls to make: 6" in out
    assert f"Prompt tokens: about {6 * (4 + 3 + 4 + 3)}" in out  # 'Text: <text 5>' has 3 words
    assert "write the model's prices" in out


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("llm.modle", "x", "llm.modle: unknown key; known here: api_key_env, "),
        ("llm.temperature", "warm", "llm.temperature: Input should be a valid number"),
        ("llm.max_tokens", 0, "llm.max_tokens: Input should be greater than 0"),
        ("llm.base_url", "localhost:8000", "llm.base_url: Value error, give a web address"),
        ("llm.limits.concurrency", 1.5, "llm.limits.concurrency: Input should be a valid integer"),
        ("prompt.user", "Text:", "prompt: Value error, write {text} where the text goes"),
        ("prompt.user", "{text} {label}", "prompt: Value error, write {text} where the text goes"),
        ("input.path", "missing.jsonl", "input.path: no such file: missing.jsonl"),
        ("input.text_field", "comment", "line 1: no field 'comment' (input.text_field)"),
        ("llm.tokenizer", "missing/tokenizer.json", "llm.tokenizer: no such file"),
        ("llm.api_key_env", "NO_SUCH_KEY", "the environment variable NO_SUCH_KEY is not set"),
    ],
)
def test_a_wrong_recipe_stops_before_any_call(
    annotation: Annotation,
    server: ScriptedServer,
    capsys: pytest.CaptureFixture[str],
    key: str,
    value: object,
    message: str,
) -> None:
    annotation.change(key, value)
    assert main(annotation.command()) == 2
    assert message in capsys.readouterr().err
    assert server.asked.total() == 0


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{", "line 11: Expecting"),
        ("[]", "line 11: expected a JSON object"),
        ('{"id": "id-text 1", "text": "again"}', "line 11: the id 'id-text 1' has come before"),
        ('{"id": 1.5, "text": "x"}', "line 11: the id must be a string or an integer"),
        ('{"id": 1, "text": null}', "line 11: the id must be a string or an integer"),
    ],
)
def test_a_wrong_input_stops_before_any_call(
    annotation: Annotation,
    server: ScriptedServer,
    capsys: pytest.CaptureFixture[str],
    line: str,
    message: str,
) -> None:
    with annotation.input.open("a") as file:
        file.write(line)
    assert main(annotation.command()) == 2
    assert message in capsys.readouterr().err
    assert server.asked.total() == 0


def test_the_recipe_that_comes_along_is_right() -> None:
    recipe = load_recipe(ROOT / "config/training/annotate.yaml", AnnotateRecipe)
    assert recipe.llm.api_key_env == "OPENAI_API_KEY"


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
