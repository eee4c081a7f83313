"""A server that plays an OpenAI-compatible endpoint by a script, and recipes that point to it."""

from __future__ import annotations

import json
import re
import socket
import struct
import threading
from collections import Counter
from collections.abc import Callable
from email.parser import BytesParser
from email.policy import HTTP
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, cast

import yaml

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


class BatchServer(ScriptedServer):
    """Files and batches, kept in memory.

    Attributes:
        batches: The batches made, by id.
        asked_in_batches: How often each text was asked in a batch that was made.
        status: What looks at a batch find.
        lost: How many batches to make whose confirmation never arrives.
        result: The `response` and `error` of a text; None for a text left out of the results.
    """

    def __init__(self) -> None:
        super().__init__()
        self.files: dict[str, bytes] = {}
        self.batches: dict[str, dict[str, Any]] = {}
        self.asked_in_batches: Counter[str] = Counter()
        self.status = "completed"
        self.lost = 0
        self.result: Callable[[str], dict[str, Any] | None] = lambda text: done(chat("joy"))

    def post(self, handler: Handler) -> None:
        self.headers_seen.append({k.lower(): v for k, v in handler.headers.items()})
        if handler.path == "/v1/files":
            kind = f"Content-Type: {handler.headers['Content-Type']}\r\n\r\n".encode()
            form = BytesParser(policy=HTTP).parsebytes(kind + handler.body)
            parts = {p.get_param("name", header="Content-Disposition"): p for p in form.walk()}
            assert parts["purpose"].get_content().strip() == "batch"
            file_id = f"file-{len(self.files)}"
            self.files[file_id] = cast(bytes, parts["file"].get_payload(decode=True))
            file = {"id": file_id, "object": "file", "purpose": "batch", "filename": "x"}
            handler.send(json.dumps({**file, "bytes": 1, "created_at": 0}).encode())
        else:
            assert handler.path == "/v1/batches"
            self._make(handler, json.loads(handler.body))

    def _make(self, handler: Handler, wanted: dict[str, Any]) -> None:
        batch = {
            "id": f"batch-{len(self.batches)}",
            "object": "batch",
            "created_at": 0,
            "status": "validating",
            **wanted,
        }
        self.batches[batch["id"]] = batch
        lines = self.files[wanted["input_file_id"]].decode().split("\n")
        requests = [json.loads(line) for line in lines if line]
        self.bodies += [request["body"] for request in requests]
        texts = [request["custom_id"].removeprefix("id-") for request in requests]
        self.asked_in_batches.update(texts)
        results = [(text, self.result(text)) for text in texts]
        for kind, wrong in (("output", False), ("error", True)):
            content = [
                json.dumps({"id": "x", "custom_id": f"id-{text}", **result}) + "\n"
                for text, result in results
                if result is not None and (result["response"]["status_code"] != 200) == wrong
            ]
            file_id = f"{kind}-{batch['id']}"
            self.files[file_id] = "".join(content).encode()
            batch[f"{kind}_file_id"] = file_id if content else None
        if self.lost:
            self.lost -= 1
            handler.reset()
        else:
            handler.send(json.dumps(batch).encode())

    def get(self, handler: Handler) -> None:
        parts = handler.path.split("?")[0].split("/")[2:]
        if parts[0] == "files":
            handler.send(self.files[parts[1]], content_type="application/jsonl")
        elif len(parts) == 1:
            listed = {"object": "list", "data": list(self.batches.values()), "has_more": False}
            handler.send(json.dumps(listed).encode())
        else:
            batch = {**self.batches[parts[1]], "status": self.status}
            handler.send(json.dumps(batch).encode())


def done(body: dict[str, Any], status: int = 200) -> dict[str, Any]:
    return {"response": {"status_code": status, "request_id": "x", "body": body}, "error": None}


class Annotation:
    """A recipe in a folder of its own, with its input and output."""

    def __init__(self, folder: Path, base_url: str) -> None:
        self.folder = folder
        self.output = folder / "output"
        self.recipe = folder / "annotate.yaml"
        self.input = folder / "texts.jsonl"
        self.content: dict[str, Any] = {
            "input": {"path": str(self.input)},
            "output": str(self.output),
            "llm": {
                "model": "scripted",
                "base_url": base_url,
                "api_key_env": "TEST_LLM_KEY",
                "max_tokens": 20,
                "limits": {"concurrency": 4},
                "retries": {"attempts": 4, "first_wait_seconds": 0.001},
            },
            "prompt": {"system": "Name the emotions.", "user": "Text: <{text}>"},
            "batch": {"requests_per_batch": 3, "poll_seconds": 0.02},
        }
        self.texts([f"text {number}" for number in range(10)])
        self.write()

    def texts(self, texts: list[str]) -> None:
        lines = [json.dumps({"id": f"id-{text}", "text": text}) + "\n" for text in texts]
        self.input.write_text("".join(lines), encoding="utf-8")

    def write(self) -> None:
        self.recipe.write_text(yaml.safe_dump(self.content, allow_unicode=True), encoding="utf-8")

    def change(self, key: str, value: object) -> None:
        *parents, last = key.split(".")
        content = self.content
        for parent in parents:
            content = content.setdefault(parent, {})
        content[last] = value
        self.write()

    def command(self, *options: str) -> list[str]:
        return ["distill", "annotate", "--recipe", str(self.recipe), *options]

    def lines(self, name: str) -> list[dict[str, Any]]:
        content = (self.output / name).read_text(encoding="utf-8")
        return [json.loads(line) for line in content.split("\n") if line]

    def descriptors(self) -> dict[str, list[str]]:
        """By text; every id may come once."""
        lines = self.lines("descriptors.jsonl")
        found = {line["id"].removeprefix("id-"): line["descriptors"] for line in lines}
        assert len(found) == len(lines)
        return found
