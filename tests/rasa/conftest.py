"""The component inside Rasa's own classes; run in the environment that holds Rasa."""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Callable

import pytest

from emotion_component import EmotionModel

# Rasa 3.6 and what it pins are old; their warnings are not ours to mend. A module is named by its
# path where the warning is about its syntax.
_THIRD_PARTY = (
    r"(rasa|pkg_resources|tensorflow|keras|jax|matplotlib|sanic|sklearn|google)(\.|$)",
    r".*/site-packages/",
)
_CATEGORIES = ("DeprecationWarning", "PendingDeprecationWarning", "FutureWarning", "UserWarning")


def pytest_configure(config: pytest.Config) -> None:
    for category in _CATEGORIES:
        for module in _THIRD_PARTY:
            config.addinivalue_line("filterwarnings", f"ignore::{category}:{module}")
    # pykwalify, which reads Rasa's schemas, by way of the import system.
    config.addinivalue_line(
        "filterwarnings", r"ignore:the load_module\(\) method:DeprecationWarning"
    )


@pytest.fixture(scope="session")
def model() -> EmotionModel:
    return EmotionModel.load()


@pytest.fixture
def make_component() -> Callable[..., Any]:
    """Makes the component as Rasa's graph does: its defaults under the designer's options."""
    from rasa.engine.storage.resource import Resource

    from emotion_component.rasa import EmotionComponent

    def make(**options: object) -> EmotionComponent:
        config = {**EmotionComponent.get_default_config(), **options}
        return EmotionComponent.create(config, None, Resource("emotion"), None)

    return make


class Sidecar:
    """A real HTTP server that answers with the real model, or misbehaves as told.

    Attributes:
        behaviour: How it answers: "well", "slowly", "trickling", "status 500", "no json",
            "no results", "one result too many", "no rank" or "redirect".
        requests: The bodies that it got.
        silence: While set, "slowly" and "trickling" go on.
    """

    def __init__(self, model: EmotionModel) -> None:
        self._model = model
        self.behaviour = "well"
        self.requests: list[dict[str, Any]] = []
        self.silence = threading.Event()
        sidecar = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                sidecar._answer(self)

            def log_message(self, *args: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def _answer(self, handler: BaseHTTPRequestHandler) -> None:
        length = int(handler.headers["Content-Length"])
        body = json.loads(handler.rfile.read(length).decode("utf-8"))
        self.requests.append({**body, "path": handler.path})
        if self.behaviour == "slowly":
            self.silence.wait(30)
            return
        content = self._content(body)
        handler.send_response({"status 500": 500, "redirect": 307}.get(self.behaviour, 200))
        handler.send_header("Location", self.url)
        handler.send_header("Content-Length", str(len(content)))
        handler.end_headers()
        step = 1 if self.behaviour == "trickling" else len(content)
        # The client is free to hang up.
        with contextlib.suppress(ConnectionError):
            for i in range(0, len(content), step):
                if i and self.silence.wait(0.05):
                    return
                handler.wfile.write(content[i : i + step])

    def _content(self, body: dict[str, Any]) -> bytes:
        texts = [message["text"] for message in body["inputs"]]
        encoded = self._model.encode(
            texts,
            [message["context"] for message in body["inputs"]],
            context_turns=body.get("context_turns"),
        )
        classified = self._model.classify(encoded, thresholds=body.get("thresholds"))
        results = [result.to_dict() for result in classified]
        if "labels" in body and self.behaviour != "no rank":
            ranking = {k: body[k] for k in ("labels", "multi_label", "threshold") if k in body}
            ranks = self._model.rank_encoded(encoded, **ranking)
            for result, rank in zip(results, ranks):
                result["rank"] = rank.to_dict()
        if self.behaviour == "one result too many":
            results.append(results[0])
        if self.behaviour == "no json":
            return b"<html>Welcome</html>"
        if self.behaviour == "no results":
            return b'{"results": [{"label": 1}]}'
        return json.dumps({"results": results, "model": {}}).encode()

    def stop(self) -> None:
        self.silence.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(5)


@pytest.fixture
def sidecar(model: EmotionModel) -> Iterator[Sidecar]:
    server = Sidecar(model)
    yield server
    server.stop()
