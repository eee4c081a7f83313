"""The server and Redis as operators run them: processes of their own, on loopback."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import signal
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import httpx
import yaml

T = TypeVar("T")

# Where other programs compute, too, Ray's patience is too short, and its workers give way to all.
RAY_ENVIRONMENT = {
    "RAY_worker_niceness": "0",
    "RAY_SERVE_PROXY_READY_CHECK_TIMEOUT_S": "60",
    "RAY_USAGE_STATS_ENABLED": "0",
}

ROOT = Path(__file__).parents[2]
START_SECONDS = 180
STOP_SECONDS = 60
_RUNNING = re.compile(r"Uvicorn running on (https?://[^ \"]+)")

_LOG_ENTRY = re.compile(r"^(?:\S+\(ServeReplica.*?)?({.*})$", re.MULTILINE)
"""Ray names the replica before each line, and has lines of its own."""


def wait_until(condition: Callable[[], T], what: str, seconds: float = 20) -> T:
    """Polls until `condition` gives something true, and returns that."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        value = condition()
        if value:
            return value
        time.sleep(0.01)
    raise AssertionError(f"not within {seconds} s: {what}")


class Server:
    """A running server.

    Attributes:
        url: Where it listens.
        process: The process.
        http: A client of it.
    """

    def __init__(
        self,
        folder: Path,
        settings: dict[str, Any],
        *flags: str,
        trust: Path | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        config = folder / "server.yaml"
        config.write_text(yaml.safe_dump(settings))
        inherited = {k: v for k, v in os.environ.items() if not k.startswith("EMOTION_")}
        self._log = folder / "log.jsonl"
        self._stderr = self._log.open("wb")
        self.process = subprocess.Popen(
            [sys.executable, *self._command(config, flags)],
            cwd=ROOT,
            env={**inherited, **(environment or {})},
            stdout=self._stderr,
            stderr=self._stderr,
            start_new_session=True,
        )
        verify = ssl.create_default_context(cafile=trust)
        self.http = httpx.Client(verify=verify)
        try:
            self.url = wait_until(self._find_url, "the server listens", START_SECONDS) or ""
            self.http = httpx.Client(base_url=self.url, timeout=30, verify=verify)
            wait_until(self._is_ready, "the server is ready", START_SECONDS)
        except BaseException:
            self.stop()
            raise

    def _command(self, config: Path, flags: Sequence[str]) -> list[str]:
        return ["-m", "server", "--config", str(config), *(flags or ("--port", "0"))]

    def _find_url(self) -> str | None:
        self._check_running()
        found = _RUNNING.search(self.log())
        return found.group(1) if found else None

    def _check_running(self) -> None:
        if self.process.poll() is not None:
            raise AssertionError(f"the server ended: {self.log()}")

    def _is_ready(self) -> bool:
        self._check_running()
        with contextlib.suppress(httpx.TransportError):
            return self.http.get("/health/ready").status_code == 200
        return False

    def log(self) -> str:
        """Returns what it has logged."""
        return self._log.read_text(encoding="utf-8")

    def log_entries(self) -> list[dict[str, Any]]:
        """Returns the log's JSON objects."""
        return [json.loads(entry) for entry in _LOG_ENTRY.findall(self.log())]

    def ask(self, text: str, **options: object) -> dict[str, Any]:
        """Returns the emotions of one message."""
        response = self.http.post("/v1/emotions", json={"inputs": [{"text": text}], **options})
        assert response.status_code == 200, response.text
        return response.json()["results"][0]

    def metric(self, name: str, **labels: str) -> float:
        """Returns the sum of a metric's samples that have these labels."""
        total = 0.0
        for line in self.http.get("/metrics").text.splitlines():
            if re.match(rf"{name}[ {{]", line) and all(
                f'{k}="{v}"' in line for k, v in labels.items()
            ):
                total += float(line.rsplit(" ", 1)[1])
        return total

    def address(self) -> tuple[str, int]:
        """Returns host and port."""
        url = httpx.URL(self.url)
        assert url.port is not None
        return url.host, url.port

    def stop(self) -> None:
        """Ends it with SIGTERM, as an operator does."""
        self.http.close()
        self._stderr.close()
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(STOP_SECONDS)
        finally:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self.process.pid, signal.SIGKILL)  # with its workers
            self.process.wait(5)


class RayServer(Server):
    """The server as a Ray Serve application, on a Ray of its own."""

    def __init__(self, folder: Path, settings: dict[str, Any], **environment: str) -> None:
        self._port = free_port()
        super().__init__(folder, settings, environment={**RAY_ENVIRONMENT, **environment})

    def _command(self, config: Path, flags: Sequence[str]) -> list[str]:
        return ["-m", "tests.server.ray_serve", str(self._port), str(config)]

    def _find_url(self) -> str | None:
        return f"http://127.0.0.1:{self._port}"


class RedisServer:
    """A real redis-server, kept in memory, on a free port.

    Attributes:
        url: Where it listens.
    """

    def __init__(self, folder: Path) -> None:
        program = shutil.which("redis-server")
        assert program, "redis-server is missing: apt-get install redis-server"
        self._program = program
        self._folder = folder
        self._port = free_port()
        self.url = f"redis://127.0.0.1:{self._port}/0"
        self.start()

    def start(self) -> None:
        """Starts it, empty."""
        self.process = subprocess.Popen(
            [self._program, "--port", str(self._port), "--save", "", "--dir", str(self._folder)],
            stdout=subprocess.DEVNULL,
        )
        wait_until(self._accepts, "redis-server listens")

    def _accepts(self) -> bool:
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self._port), 1):
            return True
        return False

    def pause(self) -> None:
        """Stops it as a hanging machine is stopped: connections stay, nothing answers."""
        self.process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Lets it go on."""
        self.process.send_signal(signal.SIGCONT)

    def kill(self) -> None:
        """Ends it at once."""
        self.process.kill()
        self.process.wait(10)


def free_port() -> int:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port: int = unused.getsockname()[1]
        return port
