"""Talks to the example bot and shows the emotion that Rasa saw in every message.

    make demo

starts the trained bot, plays demo_script.yml, then, on a terminal, lets you chat.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any
from uuid import uuid4

import httpx
import yaml

HERE = Path(__file__).resolve().parent
START_SECONDS = 180
WIDTH = 24

Event = dict[str, Any]


def free_port() -> int:
    """Returns a port of the loopback interface that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def running_bot() -> Iterator[httpx.Client]:
    """Runs Rasa on loopback while the block lasts, and gives an HTTP client to it."""
    port = free_port()
    command = [sys.executable, "-W", "ignore", "-m", "rasa", "run", "--enable-api"]
    command += ["--interface", "127.0.0.1", "--port", str(port), "--model", "models/demo.tar.gz"]
    environment = {**os.environ, "RASA_TELEMETRY_ENABLED": "false", "TF_CPP_MIN_LOG_LEVEL": "3"}
    with tempfile.TemporaryFile("w+") as log:
        # In a process group of its own, so that Ctrl-C reaches this program alone.
        server = subprocess.Popen(
            command, cwd=HERE, env=environment, stdout=log, stderr=log, start_new_session=True
        )
        try:
            with httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=30) as client:
                wait_until_ready(client, server, log)
                yield client
        finally:
            stop(server)


def wait_until_ready(client: httpx.Client, server: subprocess.Popen[bytes], log: IO[str]) -> None:
    """Waits until Rasa has loaded the model.

    Raises:
        SystemExit: If it ends or takes too long; with what it logged.
    """
    deadline = time.monotonic() + START_SECONDS
    while server.poll() is None and time.monotonic() < deadline:
        try:
            if client.get("/status").json().get("model_file"):
                return
        except (httpx.HTTPError, ValueError):
            pass
        time.sleep(0.2)
    log.seek(0)
    raise SystemExit(f"The bot did not start. What it said:\n{log.read()[-4000:]}")


def stop(server: subprocess.Popen[bytes]) -> None:
    """Stops Rasa and whatever it started."""
    for sign in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(server.pid, sign)
            server.wait(10)
        except ProcessLookupError:
            break
        except subprocess.TimeoutExpired:
            continue
    server.wait()


def say(client: httpx.Client, conversation: str, text: str) -> tuple[list[str], list[Event]]:
    """Sends one message.

    Returns:
        The bot's answers, and the events that the message caused, from its own on.
    """
    reply = client.post("/webhooks/rest/webhook", json={"sender": conversation, "message": text})
    answers = [str(answer.get("text", answer)) for answer in reply.raise_for_status().json()]
    tracker = client.get(f"/conversations/{conversation}/tracker").raise_for_status().json()
    events: list[Event] = tracker["events"]
    starts = [row for row, event in enumerate(events) if event["event"] == "user"]
    return answers, events[starts[-1] :] if starts else []


def bar(score: float) -> str:
    """Returns a score in [0, 1] as a bar."""
    return "█" * round(score * WIDTH)


def show_emotion(events: list[Event]) -> None:
    """Prints the emotion of the message that `events` open with, and who chose the answer."""
    if not events:
        return
    data = events[0]["parse_data"]
    emotion = data.get("emotion")
    if emotion:
        strongest = sorted(emotion["scores"].items(), key=lambda item: -item[1])[:2]
        for row, (label, score) in enumerate(strongest):
            mood = (
                f"   {emotion['group']}, valence {emotion['valence']:+.2f}, "
                f"arousal {emotion['arousal']:+.2f}"
            )
            line = f"        {label:<14} {score:4.2f} {bar(score):<{WIDTH}}{'' if row else mood}"
            out(line.rstrip())
    chosen = [e for e in events if e["event"] == "action" and e["name"] != "action_listen"]
    for action in chosen:
        policy = (action.get("policy") or "").split("_")[-1]
        out(f"        {action['name']}{f'  ({policy})' if policy else ''}")


def out(text: str = "") -> None:
    """Prints a line at once."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def exchange(client: httpx.Client, conversation: str, text: str) -> None:
    """Sends a message and prints its emotion, the bot's choice and its answer."""
    answers, events = say(client, conversation, text)
    show_emotion(events)
    for answer in answers:
        out(f"  bot > {answer}")


def play(client: httpx.Client) -> None:
    """Plays the scripted conversations."""
    script = yaml.safe_load((HERE / "demo_script.yml").read_text(encoding="utf-8"))
    for scene in script["conversations"]:
        out(f"\n-- {scene['title']}")
        conversation = uuid4().hex
        for text in scene["messages"]:
            out(f"  you > {text}")
            exchange(client, conversation, text)


def chat(client: httpx.Client) -> None:
    """Lets a person chat until an empty line, Ctrl-C or Ctrl-D."""
    out("\n-- Your turn. /restart starts afresh; an empty line ends.")
    conversation = uuid4().hex
    while True:
        text = input("  you > ").strip()
        if not text:
            return
        exchange(client, conversation, text)


def main() -> None:
    """Starts the bot, plays the script, chats if there is a terminal, and stops the bot."""
    # A stop from outside takes the same way out as Ctrl-C, so that the bot is stopped too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    out("Starting the bot...")
    with running_bot() as client:
        try:
            play(client)
            if sys.stdin.isatty() and sys.stdout.isatty():
                chat(client)
        except (EOFError, KeyboardInterrupt):
            pass
        out("\nStopping the bot.")


if __name__ == "__main__":
    main()
