"""What operators see: health, metrics, logs, traces."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from tests.server.running import Server, wait_until

SECRET = "my secret is xylophone"


def test_health(server: Server) -> None:
    assert server.http.get("/health/live").json() == {"status": "live", "memory": None}
    assert server.http.get("/health/ready").json() == {"status": "ready", "memory": "ok"}


def test_metrics_count_what_happened(start_server: Callable[..., Server]) -> None:
    server = start_server()
    inputs = [{"text": "I hate this!"}, {"text": "thank you!"}, {"text": ""}]
    server.http.post("/v1/emotions", json={"inputs": inputs})
    server.http.post("/v1/emotions", json={})
    server.http.get("/made/up/path")
    requests = "emotion_requests_total"
    assert server.metric(requests, route="/v1/emotions", status="200") == 1
    assert server.metric(requests, route="/v1/emotions", status="422") == 1
    assert server.metric(requests, route="unmatched", status="404") == 1
    for group in ("positive", "negative", "neutral"):
        assert server.metric("emotion_messages_total", group=group) == 1
    assert server.metric("emotion_batch_messages_sum") == 3
    for stage in ("queue", "inference"):
        assert server.metric("emotion_stage_seconds_count", stage=stage) == 1
    assert server.metric("emotion_request_seconds_count", route="/v1/emotions") == 2


def test_the_log_is_json_with_request_ids(start_server: Callable[..., Server]) -> None:
    server = start_server()
    server.http.get("/v1/labels", headers={"X-Request-Id": "find-me"})
    entry = wait_until(
        lambda: next((e for e in server.log_entries() if e.get("request_id") == "find-me"), None),
        "the request is logged",
    )
    assert entry is not None
    assert (entry["method"], entry["route"], entry["status"]) == ("GET", "/v1/labels", 200)
    assert re.match(r"\d{4}-", entry["time"])
    assert entry["level"] == "INFO"


class Collector:
    """A collector of OpenTelemetry traces.

    Attributes:
        received: What was posted, as it came.
    """

    def __init__(self) -> None:
        self.received: list[tuple[str, bytes]] = []
        collector = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                collector.received.append((self.path, body))
                self.send_response(200)
                self.end_headers()

            def log_message(self, *args: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.01,))
        self.thread.start()


@pytest.fixture
def collector() -> Iterator[Collector]:
    made = Collector()
    yield made
    made.server.shutdown()
    made.server.server_close()
    made.thread.join(5)


def test_traces_are_sent_without_text(
    start_server: Callable[..., Server], collector: Collector
) -> None:
    endpoint = f"http://127.0.0.1:{collector.server.server_port}"
    server = start_server(telemetry={"otlp_endpoint": endpoint})
    server.ask(SECRET)
    server.stop()  # sends what is left
    paths = {path for path, _ in collector.received}
    traces = b"".join(body for _, body in collector.received)
    assert paths == {"/v1/traces"}
    assert b"POST /v1/emotions" in traces
    assert b"emotion-component" in traces
    assert b"xylophone" not in traces
