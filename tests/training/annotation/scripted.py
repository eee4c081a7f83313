"""A server that plays the Batch API, and recipes that point to a scripted server."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from email.parser import BytesParser
from email.policy import HTTP
from pathlib import Path
from typing import Any, cast

import yaml

from tests.training.scripted_server import Handler, ScriptedServer, chat


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
