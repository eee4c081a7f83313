"""An annotation spread over several servers by Ray, over real HTTP, on a real cluster."""

from __future__ import annotations

import re
import threading
from collections import Counter
from collections.abc import Iterator

import pytest
from ray.cluster_utils import Cluster

from tests.ray_cluster import PATIENCE, kill_worker, running_cluster
from tests.training.annotation.scripted import Annotation
from tests.training.scripted_server import Handler, ScriptedServer, serving
from training.cli import main

TEXTS = [f"text {number}" for number in range(40)]


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    with running_cluster(nodes=2) as cluster:
        yield cluster


@pytest.fixture
def other() -> Iterator[ScriptedServer]:
    with serving(ScriptedServer()) as server:
        yield server


@pytest.fixture
def spread(
    annotation: Annotation,
    server: ScriptedServer,
    other: ScriptedServer,
    cluster: Cluster,
    monkeypatch: pytest.MonkeyPatch,
) -> Annotation:
    """40 texts for two servers; `base_url` leads nowhere."""
    monkeypatch.setenv("RAY_ADDRESS", cluster.address)
    annotation.change("llm.base_url", "http://127.0.0.1:9/v1")
    annotation.change("llm.endpoints", [server.url, other.url])
    annotation.change("llm.api_key_env", None)
    annotation.change("llm.retries.attempts", 1)
    annotation.change("llm.retries.timeout_seconds", PATIENCE)
    annotation.change("llm.retries.failures_in_a_row", 3)
    annotation.texts(TEXTS)
    return annotation


def test_every_text_is_asked_once_and_both_servers_answer(
    spread: Annotation, server: ScriptedServer, other: ScriptedServer
) -> None:
    asked = {server: threading.Event(), other: threading.Event()}

    def script(handler: Handler, text: str, nth: int) -> None:
        asked[handler.server].set()
        assert all(event.wait(timeout=PATIENCE) for event in asked.values())
        handler.answer(f"joy, feeling of {text}")

    server.script = other.script = script
    assert main(spread.command()) == 0
    assert server.asked + other.asked == Counter(TEXTS)
    assert server.asked.total() >= 4
    assert other.asked.total() >= 4
    assert max(server.most_in_flight, other.most_in_flight) <= 4
    assert spread.descriptors() == {text: ["joy", f"feeling of {text}"] for text in TEXTS}


def test_a_server_that_fails_is_left_out(
    spread: Annotation,
    server: ScriptedServer,
    other: ScriptedServer,
    caplog: pytest.LogCaptureFixture,
) -> None:
    server.script = lambda handler, text, nth: handler.fail(500, "out of memory")
    assert main(spread.command()) == 0
    assert set(spread.descriptors()) == set(TEXTS)
    assert other.asked == Counter(TEXTS)
    assert re.search(f"{server.url} was left out: \\d failed calls in a row", caplog.text)
    assert "Traceback" not in caplog.text


def test_a_killed_caller_loses_and_doubles_no_answer(
    spread: Annotation, server: ScriptedServer, other: ScriptedServer, cluster: Cluster
) -> None:
    killed = threading.Lock()  # taken by the one request that kills

    def script(handler: Handler, text: str, nth: int) -> None:
        if handler.server.asked.total() > 8 and killed.acquire(blocking=False):
            kill_worker(cluster, "Caller")
        handler.answer("joy")

    server.script = other.script = script
    assert main(spread.command()) == 0
    assert killed.locked()
    assert set(spread.descriptors()) == set(TEXTS)  # which asserts that every id comes once
    assert len(spread.lines("answers.jsonl")) == 1 + len(TEXTS)


def test_without_a_server_the_run_ends_and_says_why(
    spread: Annotation,
    server: ScriptedServer,
    other: ScriptedServer,
    capsys: pytest.CaptureFixture[str],
) -> None:
    server.script = lambda handler, text, nth: handler.fail(404, "no such model")
    other.script = lambda handler, text, nth: handler.fail(500, "out of memory")
    assert main(spread.command()) == 2
    message = capsys.readouterr().err
    assert "llm.endpoints: none can answer" in message
    assert "no such model" in message
    assert "out of memory" in message


def test_endpoints_are_web_addresses(
    annotation: Annotation, capsys: pytest.CaptureFixture[str]
) -> None:
    annotation.change("llm.endpoints", ["gpu-1:8000"])
    assert main(annotation.command()) == 2
    assert "llm.endpoints: Value error, give a web address" in capsys.readouterr().err
