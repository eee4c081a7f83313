"""The example bot in real Rasa: trained once, run over REST; needs the environment with Rasa."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Callable, Optional

import httpx
import pytest
import yaml

from emotion_component import EmotionModel

PROJECT = Path(__file__).parents[2] / "rasa_project"
ENVIRONMENT = {**os.environ, "RASA_TELEMETRY_ENABLED": "false", "TF_CPP_MIN_LOG_LEVEL": "3"}
ATTENTIVE_TURNS = 6
COMPONENT = "emotion_component.rasa.EmotionComponent"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_until(condition: Callable[[], bool], process: subprocess.Popen, seconds: float) -> None:
    """Polls until `condition` holds; fails when the process ends or the time is up."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert process.poll() is None, f"{process.args[0]} ended with {process.returncode}"
        assert time.monotonic() < deadline, f"{process.args[0]} is not ready after {seconds} s"
        time.sleep(0.1)


@contextmanager
def running(command: list[str], folder: Path, **environment: str) -> Iterator[subprocess.Popen]:
    """Runs a command in a process group of its own, and leaves nothing of it behind."""
    with (folder / f"{Path(command[0]).name}.log").open("wb") as log:
        process = subprocess.Popen(
            command,
            cwd=folder,
            env={**ENVIRONMENT, **environment},
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            yield process
        finally:
            os.killpg(process.pid, signal.SIGTERM)
            try:
                process.wait(20)
            finally:
                # Workers that outlive their parent are still in its group.
                while True:
                    try:
                        os.killpg(process.pid, signal.SIGKILL)
                    except ProcessLookupError:
                        break
                    process.poll()
                    time.sleep(0.05)


@dataclass
class Bot:
    """A copy of the example bot."""

    folder: Path

    def rasa(self, *arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-W", "ignore::DeprecationWarning", "-m", "rasa", *arguments],
            cwd=self.folder,
            env=ENVIRONMENT,
            input=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=400,
        )


@dataclass
class Server:
    """A running bot."""

    url: str
    process: subprocess.Popen

    def get(self, path: str) -> Any:
        return httpx.get(self.url + path, timeout=60).raise_for_status().json()

    def post(self, path: str, body: object) -> Any:
        return httpx.post(self.url + path, json=body, timeout=60).raise_for_status().json()

    def put(self, path: str, body: object) -> Any:
        return httpx.put(self.url + path, json=body, timeout=60).raise_for_status().json()

    def conversation(self, name: str) -> Conversation:
        return Conversation(self, name)


@dataclass
class Conversation:
    """One user's conversation, with what was said in it; its name stands in URLs."""

    server: Server
    name: str
    turns: list[dict[str, str]] = field(default_factory=list)

    def say(self, text: str) -> list[str]:
        body = {"sender": self.name, "message": text}
        replies = [m["text"] for m in self.server.post("/webhooks/rest/webhook", body)]
        self.turns.append({"role": "user", "text": text})
        self.turns.extend({"role": "bot", "text": reply} for reply in replies)
        return replies

    def tracker(self) -> dict[str, Any]:
        return self.server.get(f"/conversations/{self.name}/tracker?include_events=ALL")

    def user_events(self) -> list[dict[str, Any]]:
        return [event for event in self.tracker()["events"] if event["event"] == "user"]

    def emotion(self) -> dict[str, Any]:
        return self.user_events()[-1]["parse_data"]["emotion"]

    def slot(self, name: str) -> Optional[str]:
        return self.tracker()["slots"][name]


@pytest.fixture(scope="session")
def model() -> EmotionModel:
    return EmotionModel.load()


@pytest.fixture(scope="session")
def bot(tmp_path_factory: pytest.TempPathFactory) -> Bot:
    folder = tmp_path_factory.mktemp("bot") / "project"
    shutil.copytree(PROJECT, folder, ignore=shutil.ignore_patterns("models", ".rasa", "results"))
    bot = Bot(folder)
    training = bot.rasa("train", "--fixed-model-name", "bot")
    assert training.returncode == 0, training.stdout[-3000:]
    return bot


@pytest.fixture(scope="session")
def attentive_model(bot: Bot) -> str:
    """The same bot, but its component reads more turns."""
    config = yaml.safe_load((bot.folder / "config.yml").read_text(encoding="utf-8"))
    next(c for c in config["pipeline"] if c["name"] == COMPONENT)["context_turns"] = ATTENTIVE_TURNS
    (bot.folder / "attentive.yml").write_text(yaml.safe_dump(config), encoding="utf-8")
    # Rasa trains what changed, which is nothing but the component.
    arguments = ["--config", "attentive.yml", "--out", "attentive"]
    training = bot.rasa("train", *arguments, "--fixed-model-name", "bot")
    assert training.returncode == 0, training.stdout[-3000:]
    return str(bot.folder / "attentive/bot.tar.gz")


@contextmanager
def serving(
    bot: Bot, model: str, folder: Path, endpoints: str = "{}\n", **environment: str
) -> Iterator[Server]:
    (folder / "endpoints.yml").write_text(endpoints, encoding="utf-8")
    port = free_port()
    command = [sys.executable, "-m", "rasa", "run", "--enable-api", "--port", str(port)]
    command += ["--interface", "127.0.0.1", "--model", model]
    command += ["--credentials", str(bot.folder / "credentials.yml")]
    command += ["--endpoints", str(folder / "endpoints.yml")]

    def is_ready() -> bool:
        try:
            return httpx.get(server.url + "/status", timeout=10).status_code == 200
        except httpx.TransportError:
            return False

    with running(command, folder, **environment) as process:
        server = Server(f"http://127.0.0.1:{port}", process)
        wait_until(is_ready, process, 300)
        yield server


@pytest.fixture(scope="session")
def server(bot: Bot, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """The example bot as it is."""
    with serving(
        bot, str(bot.folder / "models/bot.tar.gz"), tmp_path_factory.mktemp("memory")
    ) as server:
        yield server


@pytest.fixture(scope="session")
def attentive_server(
    bot: Bot, attentive_model: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    with serving(bot, attentive_model, tmp_path_factory.mktemp("attentive")) as server:
        yield server


REDIS_ENDPOINTS = """
tracker_store: {{type: redis, url: 127.0.0.1, port: {port}}}
lock_store: {{type: redis, url: 127.0.0.1, port: {port}}}
"""


@pytest.fixture(scope="session")
def redis_server(
    bot: Bot, attentive_model: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Server]:
    """The attentive bot with two workers that share conversations through Redis."""
    executable = shutil.which("redis-server")
    assert executable, "redis-server is missing: install it (apt-get install redis-server)"
    folder, port = tmp_path_factory.mktemp("redis"), free_port()
    command = [executable, "--port", str(port), "--bind", "127.0.0.1", "--save", ""]

    def is_ready() -> bool:
        with socket.socket() as connection:
            return connection.connect_ex(("127.0.0.1", port)) == 0

    with running(command, folder) as process:
        wait_until(is_ready, process, 20)
        endpoints = REDIS_ENDPOINTS.format(port=port)
        with serving(bot, attentive_model, folder, endpoints, SANIC_WORKERS="2") as server:
            yield server
