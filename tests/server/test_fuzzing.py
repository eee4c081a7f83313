"""Schemathesis: requests made up from the OpenAPI description find no failure of the server."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from tests.server.running import ROOT, Server


def test_made_up_requests_find_no_failure(
    start_server: Callable[..., Server], tmp_path: Path
) -> None:
    server = start_server(telemetry={"access_log": False})
    command = [
        *(str(Path(sys.executable).with_name("schemathesis")), "run"),
        *(str(ROOT / "server" / "openapi.json"), "--url", server.url),
        *("--checks", "not_a_server_error,status_code_conformance,content_type_conformance"),
        *("--max-examples", "25", "--seed", "1", "--mode", "all"),
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
