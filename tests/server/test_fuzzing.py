"""Requests made up from the OpenAPI description, and streams of any bytes, find no failure."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.server.running import ROOT, Server


def test_made_up_requests_find_no_failure(
    start_server: Callable[..., Server], tmp_path: Path
) -> None:
    server = start_server(telemetry={"access_log": False})
    command = [
        *(str(Path(sys.executable).with_name("schemathesis")), "run"),
        *(str(ROOT / "server" / "openapi.json"), "--url", server.url),
        *("--checks", "not_a_server_error,status_code_conformance,content_type_conformance"),
        *(
            "--exclude-path",
            "/v1/emotions/stream",
            "--max-examples",
            "25",
            "--seed",
            "1",
            "--mode",
            "all",
        ),
        *("--phases", "examples,coverage,fuzzing", "--no-color", "--generation-database", "none"),
    ]
    ran = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=200)
    assert ran.returncode == 0, ran.stdout[-8000:] + ran.stderr[-2000:]
    tested = re.search(r"Tested:\s+(\d+)", ran.stdout)
    assert tested is not None, ran.stdout[-3000:]
    assert int(tested.group(1)) >= 10
    assert server.ask("I hate this!")["label"] == "anger"
    failures = [e for e in server.log_entries() if e["level"] in ("ERROR", "CRITICAL")]
    assert failures == []


FINE = b'{"text": "fine"}'
LINES = st.lists(st.binary(max_size=40) | st.just(FINE), max_size=9)


# Schemathesis cannot write JSON Lines.
@settings(max_examples=60, deadline=None)
@given(LINES.map(b"\n".join))
def test_a_stream_of_any_bytes_is_answered_line_by_line(server: Server, content: bytes) -> None:
    response = server.http.post("/v1/emotions/stream", content=content)
    assert response.status_code == 200
    results = [json.loads(line) for line in response.content.splitlines()]
    lines = content.removesuffix(b"\n").split(b"\n") if content else []
    assert len(results) == len(lines)
    for line, result in zip(lines, results):
        assert ("label" in result) == (line == FINE)
        assert ("error" in result) == (line != FINE)
