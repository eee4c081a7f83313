"""Throughput and latency of the server, as ratios within one run.

    python -m tests.benchmarks.bench_server [--parts throughput answers overload]
        [--seconds 1] [--answers 50000] [--infinity PROGRAM] [--output FOLDER]

Servers answer the same messages in turn: ours, ours without batching, FastAPI with a transformers
pipeline, and, where its program is given, infinity-emb (it needs an environment of its own, since
it takes older transformers). Ours answers many more, each checked against the model in-process, and
is overloaded. Three minutes on two cores.
"""

from __future__ import annotations

import argparse
import contextlib
import itertools
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import yaml

from emotion_component import EmotionModel
from tests.benchmarks import load
from tests.server.running import ROOT, Server, free_port, wait_until

CLIENTS = (1, 8, 32, 128)
ROUNDS = 5
OURS, UNBATCHED, PLAIN = "ours", "without batching", "transformers pipeline"
INFINITY = "infinity-emb"
GOALS = {UNBATCHED: 1.5, PLAIN: 4.0}
GOAL_CLIENTS = 32
PARTS = ("throughput", "answers", "overload")
DEADLINE = 1.0
OVERLOAD = 2.0
"""Messages asked for, over those that can be answered."""
GOODPUT = 0.8
"""Messages answered then, over those that can be answered."""
MARGIN = 0.002
"""Of scores: sums are rounded in another order in another batch."""

OPENINGS = """I am so, We are, You made me, This is, That was, She seems, Why are they, It feels"""
FEELINGS = """happy, angry, proud, afraid, tired, grateful, surprised, bored, in love, jealous,
    calm, confused, disgusted, hopeful, lonely, amused, nervous, ashamed, relieved, curious"""
ENDINGS = """about the parcel, of my dog, with this bot and its answers, after weeks of waiting,
    because nobody ever calls me back, since you ask, and I want my money back today please,
    since the update, at work, !!!, if you know what I mean, but it is what it is"""


def texts() -> list[str]:
    """Returns some two thousand messages, all different, in a mixed order."""
    parts = [[p.strip() for p in words.split(",")] for words in (OPENINGS, FEELINGS, ENDINGS)]
    made = [" ".join(words) for words in itertools.product(*parts)]
    return [made[i] for i in np.random.default_rng(0).permutation(len(made))]


def emotions_request(messages: list[str]) -> bytes:
    """Returns a request of our API."""
    return load.request({"inputs": [{"text": text} for text in messages]})


@dataclass(frozen=True)
class Running:
    """A server that runs.

    Attributes:
        port: On loopback.
        process: Its id.
        request: Makes the request for some messages.
    """

    port: int
    process: int
    request: Callable[[list[str]], bytes] = emotions_request

    def cpu_seconds(self) -> float:
        """Returns the time that its threads have used so far."""
        fields = Path(f"/proc/{self.process}/stat").read_text().rpartition(")")[2].split()
        return sum(map(int, fields[11:13])) / os.sysconf("SC_CLK_TCK")


def endless(server: Running, size: int = 1) -> Iterator[tuple[object, bytes]]:
    """Yields requests of `size` messages each."""
    messages = texts()
    parts = [messages[i : i + size] for i in range(0, len(messages), size)]
    return zip(itertools.count(), itertools.cycle([server.request(part) for part in parts]))


@contextlib.contextmanager
def ours(folder: Path, **settings: dict[str, Any]) -> Iterator[Running]:
    """Runs our server."""
    folder.mkdir()
    quiet = {"telemetry": {"access_log": False}, "listen": {"drain_seconds": 0, "port": 0}}
    server = Server(folder, {**quiet, **settings}, "--port", "0")
    try:
        yield Running(server.address()[1], server.process.pid)
    finally:
        server.stop()


@contextlib.contextmanager
def plain() -> Iterator[Running]:
    """Runs the transformers pipeline."""
    port = free_port()
    command = [sys.executable, "-W", "ignore", "-m", "tests.benchmarks.plain_server", str(port)]
    with other(command, port, emotions_request) as server:
        yield server


@contextlib.contextmanager
def infinity(program: Path, folder: Path) -> Iterator[Running]:
    """Runs infinity-emb with the same network as the pipeline."""
    from tests.benchmarks.plain_server import network

    for part in network():
        part.save_pretrained(folder)
    config = folder / "tokenizer_config.json"
    older = config.read_text().replace("TokenizersBackend", "PreTrainedTokenizerFast")
    config.write_text(older)
    port = free_port()
    flags = "--engine torch --device cpu --no-bettertransformer --no-compile --log-level warning"
    command = [program, "v2", "--model-id", folder.resolve(), "--port", port, *flags.split()]
    model = {"model": folder.name}

    def request(messages: list[str]) -> bytes:
        return load.request({**model, "input": messages}, "/classify")

    with other([str(word) for word in command], port, request) as server:
        yield server


@contextlib.contextmanager
def other(
    command: list[str], port: int, request: Callable[[list[str]], bytes]
) -> Iterator[Running]:
    """Runs another server, once it answers."""
    quiet = {"DO_NOT_TRACK": "1", "INFINITY_ANONYMOUS_USAGE_STATS": "0", "HF_HUB_OFFLINE": "1"}
    process = subprocess.Popen(command, cwd=ROOT, env={**os.environ, **quiet})

    def answers() -> bool:
        with contextlib.suppress(OSError):
            outcome = load.run(port, 1, iter([(0, request(["hello"]))]), seconds=60)
            return 200 in outcome.latencies
        return False

    try:
        wait_until(answers, f"{command[0]} answers", 120)
        yield Running(port, process.pid, request)
    finally:
        process.terminate()
        process.wait(30)


def throughput(servers: dict[str, Running], seconds: float) -> list[dict[str, Any]]:
    """Loads every server with every number of clients, in turn; medians of `ROUNDS` rounds."""
    rows = []
    for clients in CLIENTS:
        rounds: dict[str, list[dict[str, float]]] = {name: [] for name in servers}
        for _, (name, server) in itertools.product(range(ROUNDS), servers.items()):
            rounds[name].append(_round(server, clients, seconds))
        for name, found in rounds.items():
            middle = {key: round(median(each[key] for each in found), 2) for key in found[0]}
            rows.append({"clients": clients, "server": name, **middle})
    return rows


def _round(server: Running, clients: int, seconds: float) -> dict[str, float]:
    before = server.cpu_seconds()
    outcome = load.run(server.port, clients, endless(server), seconds=seconds)
    answered = len(outcome.latencies[200])
    return {
        "requests_per_second": outcome.rate,
        **{f"p{p}_ms": outcome.percentile(p) for p in (50, 95, 99)},
        "cpu_ms": 1000 * (server.cpu_seconds() - before) / answered,
        "failed": sum(map(len, outcome.latencies.values())) - answered,
    }


def ratios(rows: list[dict[str, Any]]) -> dict[str, dict[int, float]]:
    """Returns our requests a second over those of each other server, by number of clients."""
    rates = {(row["server"], row["clients"]): row["requests_per_second"] for row in rows}
    found: dict[str, dict[int, float]] = {}
    for (server, clients), rate in rates.items():
        if server != OURS:
            found.setdefault(server, {})[clients] = round(rates[OURS, clients] / rate, 2)
    return found


class Checker:
    """Compares answers with those of the model in-process, each message encoded alone.

    An answer is wrong if another message's vector is nearer to it than its own, or if a score is
    off by more than `MARGIN`.
    """

    def __init__(self, messages: list[str]) -> None:
        model = EmotionModel.load()
        encoded = [model.encode([text]) for text in messages]
        self._vectors = np.concatenate([e.embeddings for e in encoded])
        self._results = [model.classify(e)[0] for e in encoded]
        self.answers = self.wrong = 0
        self.largest = 0.0

    def check(self, rows: Any, body: bytes) -> None:
        """Checks one response against the rows of its messages."""
        results = json.loads(body)["results"]
        found = np.array([result["embedding"] for result in results], dtype=np.float32)
        nearest = (found @ self._vectors.T).argmax(axis=1)
        self.answers += len(rows)
        self.wrong += abs(len(rows) - len(results))
        for row, near, result in zip(rows, nearest, results):
            expected = self._results[row]
            changes = [abs(result["scores"][k] - v) for k, v in expected.scores.items()]
            self.largest = max(self.largest, *changes)
            self.wrong += bool(near != row or max(changes) > MARGIN)


def correctness(port: int, answers: int) -> dict[str, Any]:
    """Asks for many answers, in requests of 1 to 16 messages of 32 clients, and checks each."""
    messages = texts()
    checker = Checker(messages)
    rng = np.random.default_rng(1)

    def requests() -> Iterator[tuple[object, bytes]]:
        asked = 0
        while asked < answers:
            rows = rng.integers(0, len(messages), rng.integers(1, 17))
            asked += len(rows)
            inputs = [{"text": messages[row]} for row in rows]
            yield rows, load.request({"inputs": inputs, "embedding": True})

    load.run(port, 32, requests(), seconds=600, check=checker.check)
    return {
        "answers": checker.answers,
        "wrong": checker.wrong,
        "largest_score_difference": round(checker.largest, 4),
    }


def overload(server: Running, seconds: float) -> dict[str, Any]:
    """Asks for twice what can be answered, and lets clients ask again at once when refused."""
    port, eights = server.port, endless(server, 8)
    capacity = load.run(port, 16, eights, seconds=seconds).rate
    twice = load.run(port, 256, eights, seconds=2 * seconds, pace=OVERLOAD * capacity)
    greedy = load.run(port, 128, eights, seconds=seconds)
    return {
        "deadline_ms": 1000 * DEADLINE,
        "capacity_per_second": round(8 * capacity, 1),
        "twice_the_capacity": _beyond(twice, capacity),
        "128_greedy_clients": _beyond(greedy, capacity),
    }


def _beyond(outcome: load.Outcome, capacity: float) -> dict[str, Any]:
    return {
        "goodput": round(outcome.rate / capacity, 2),
        "p99_ms": round(outcome.percentile(99), 1),
        "statuses": {str(k): len(v) for k, v in sorted(outcome.latencies.items())},
    }


def compare(
    folder: Path, batched: Running, infinity_program: Path | None, seconds: float
) -> list[dict[str, Any]]:
    """Runs our server's peers, and loads all of them."""
    with contextlib.ExitStack() as stack:
        unbatched = ours(folder / "unbatched", inference={"batch_tokens": 1})
        servers = {OURS: batched, UNBATCHED: stack.enter_context(unbatched)}
        servers[PLAIN] = stack.enter_context(plain())
        if infinity_program is not None:
            peer = infinity(infinity_program, folder / "infinity")
            servers[INFINITY] = stack.enter_context(peer)
        return throughput(servers, seconds)


def measure(folder: Path, options: argparse.Namespace) -> dict[str, Any]:
    """Runs parts of the benchmark."""
    result: dict[str, Any] = {}
    with ours(folder / "ours") as server:
        if "throughput" in options.parts:
            rows = compare(folder, server, options.infinity, options.seconds)
            result |= {"throughput": rows, "ratios": ratios(rows)}
        if "answers" in options.parts:
            result["answers"] = correctness(server.port, options.answers)
    if "overload" in options.parts:
        with ours(folder / "overload", inference={"deadline_seconds": DEADLINE}) as server:
            result["overload"] = overload(server, 5 * options.seconds)
    return result


def misses(result: dict[str, Any]) -> list[str]:
    """Returns the goals that were not reached."""
    missed = []
    for name, goal in GOALS.items() if "ratios" in result else ():
        if result["ratios"][name][GOAL_CLIENTS] < goal:
            missed.append(f"{result['ratios'][name][GOAL_CLIENTS]} times {name}, wanted {goal}")
    if result.get("answers", {}).get("wrong"):
        missed.append(f"{result['answers']['wrong']} wrong answers")
    if "overload" in result:
        beyond = result["overload"]
        for name in ("twice_the_capacity", "128_greedy_clients"):
            if beyond[name]["p99_ms"] > beyond["deadline_ms"]:
                missed.append(f"{name}: p99 {beyond[name]['p99_ms']} ms")
        if beyond["twice_the_capacity"]["goodput"] < GOODPUT:
            missed.append(f"goodput {beyond['twice_the_capacity']['goodput']}, wanted {GOODPUT}")
    return missed


def main() -> int:
    """Writes the figures as YAML; returns 1 if a goal is missed."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--parts", nargs="+", choices=PARTS, default=PARTS)
    parser.add_argument("--seconds", type=float, default=1, help="of each measurement")
    parser.add_argument("--answers", type=int, default=50_000, help="to check")
    parser.add_argument("--infinity", type=Path, help="program infinity_emb, to compare with")
    parser.add_argument("--output", type=Path, default=Path("build/bench_server"))
    options = parser.parse_args()
    folder = options.output / time.strftime("%Y%m%d-%H%M%S")
    folder.mkdir(parents=True)
    result = measure(folder, options)
    result["missed"] = misses(result)
    text = yaml.safe_dump(result, sort_keys=False)
    (folder / "result.yaml").write_text(text, encoding="utf-8")
    sys.stdout.write(text)
    return 1 if result["missed"] else 0


if __name__ == "__main__":
    sys.exit(main())
