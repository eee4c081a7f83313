"""A server that plays an OpenAI-compatible endpoint by a script."""

from __future__ import annotations

import json
import re
import socket
import struct
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, TypeVar, cast

KEY = "sk-secret-4f1b9c"


def chat(content: str | None, **message: str) -> dict[str, Any]:
    finish = message.pop("finish_reason", "stop")
    return {
        "id": "x",
        "object": "chat.completion",
        "created": 0,
        "model": "scripted",
        "choices": [
            {
                "index": 0,
                "finish_reason": finish,
                "message": {"role": "assistant", "content": content, **message},
            }
        ],
        "usage": {"prompt_tokens": 100, "completion_tokens": 5, "total_tokens": 105},
    }


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: ScriptedServer
    text: str
    body: bytes

    def log_message(self, *_: object) -> None:
        pass

    def do_GET(self) -> None:
        self.server.get(self)

    def do_POST(self) -> None:
        self.body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.post(self)

    # What a script may do with a request.

    def send(self, body: bytes, status: int = 200, **headers: str) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Content-Type", headers.pop("content_type", "application/json"))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(body)

    def answer(self, content: str | None, **message: str) -> None:
        self.send(json.dumps(chat(content, **message)).encode())

    def fail(self, status: int, message: str = "no", code: str | None = None, **head: str) -> None:
        error = {"message": message, "code": code, "type": "x"}
        self.send(json.dumps({"error": error}).encode(), status, **head)

    def reset(self) -> None:
        linger = struct.pack("ii", 1, 0)  # closing sends RST
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        self.close_connection = True
        self.connection.close()
        self.rfile = self.wfile = cast(Any, open("/dev/null", "rb+"))  # noqa: SIM115, PTH123

    def break_off(self) -> None:
        """Half of what Content-Length promises, then the end."""
        whole = json.dumps(chat("joy")).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(whole)))
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        self.wfile.write(whole[: len(whole) // 2])
        self.close_connection = True

    def drip(self, seconds: float) -> None:
        """A good answer that takes its time: blanks first, which JSON allows."""
        whole = json.dumps(chat("joy")).encode()
        blanks = int(seconds / 0.05)
        self.send_response(200)
        self.send_header("Content-Length", str(blanks + len(whole)))
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        for _ in range(blanks):
            self.server.closing.wait(0.05)
            self.wfile.write(b" ")
        self.wfile.write(whole)

    def truncate(self) -> None:
        """JSON that ends too early, in a response that is whole."""
        whole = json.dumps(chat("joy")).encode()
        self.send(whole[: len(whole) // 2])


class ScriptedServer(ThreadingHTTPServer):
    """Answers `script(handler, text, nth)`, where `nth` counts the requests for this text from 1.

    Attributes:
        asked: Requests for each text.
        most_in_flight: The most requests that were open at once.
        headers_seen: The headers of every request.
        paths: The path of every request.
    """

    daemon_threads = True
    request_queue_size = 128

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.script: Callable[[Handler, str, int], None] = lambda h, text, nth: h.answer("joy")
        self.asked: Counter[str] = Counter()
        self.most_in_flight = 0
        self.headers_seen: list[dict[str, str]] = []
        self.paths: list[str] = []
        self.bodies: list[dict[str, Any]] = []
        self.closing = threading.Event()
        self._in_flight = 0
        self._lock = threading.Lock()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/v1"

    def handle_error(self, request: object, client_address: object) -> None:
        """Clients that are killed leave broken pipes; that is what they are killed for."""

    def get(self, handler: Handler) -> None:
        handler.fail(404)

    def post(self, handler: Handler) -> None:
        body = json.loads(handler.body)
        match = re.search(r"<(.*)>", body["messages"][-1]["content"], re.DOTALL)
        assert match
        text = match[1]
        with self._lock:
            self.asked[text] += 1
            nth = self.asked[text]
            self._in_flight += 1
            self.most_in_flight = max(self.most_in_flight, self._in_flight)
            self.headers_seen.append({k.lower(): v for k, v in handler.headers.items()})
            self.paths.append(handler.path)
            self.bodies.append(body)
        try:
            self.script(handler, text, nth)
        finally:
            with self._lock:
                self._in_flight -= 1


Server = TypeVar("Server", bound=ScriptedServer)


@contextmanager
def serving(server: Server) -> Iterator[Server]:
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield server
    finally:
        server.closing.set()
        server.shutdown()
        thread.join()
        server.server_close()
