"""Throughput and latency of the server, as ratios within one run.

    python -m tests.benchmarks.bench_server [--seconds 1] [--answers 50000] [--output FILE]

Three servers answer the same messages in turn: ours, ours without batching, and FastAPI with a
transformers pipeline. Then ours answers many more, each checked against the model in-process, and
is overloaded.
"""

from __future__ import annotations

import argparse
import contextlib
import itertools
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import Any

import httpx
import numpy as np
import yaml

from emotion_component import EmotionModel
from tests.benchmarks import load
from tests.server.running import ROOT, Server, free_port, wait_until

CLIENTS = (1, 8, 32, 128)
ROUNDS = 5
OURS, UNBATCHED, PLAIN = "ours", "without batching", "transformers pipeline"
GOALS = {UNBATCHED: 1.5, PLAIN: 4.0}
GOAL_CLIENTS = 32
OVERLOAD_CLIENTS = 128
DEADLINE = 1.0
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


def endless(messages: list[str]) -> Iterator[tuple[object, bytes]]:
    """Yields requests of one message each."""
    requests = [load.request({"inputs": [{"text": text}]}) for text in messages]
    return zip(itertools.count(), itertools.cycle(requests))


@contextlib.contextmanager
def ours(folder: Path, **settings: dict[str, Any]) -> Iterator[int]:
    """Runs our server; yields its port."""
    folder.mkdir()
    quiet = {"telemetry": {"access_log": False}, "listen": {"drain_seconds": 0, "port": 0}}
    server = Server(folder, {**quiet, **settings}, "--port", "0")
    try:
        yield server.address()[1]
    finally:
        server.stop()


@contextlib.contextmanager
def plain() -> Iterator[int]:
    """Runs the transformers pipeline; yields its port."""
    port = free_port()
    command = [sys.executable, "-W", "ignore", "-m", "tests.benchmarks.plain_server", str(port)]
    process = subprocess.Popen(command, cwd=ROOT)

    def answers() -> bool:
        with contextlib.suppress(httpx.TransportError):
            body = {"inputs": [{"text": "hello"}]}
            url = f"http://127.0.0.1:{port}/v1/emotions"
            return httpx.post(url, json=body, timeout=30).status_code == 200
        return False

    try:
        wait_until(answers, "the pipeline answers", 120)
        yield port
    finally:
        process.terminate()
        process.wait(30)


def throughput(ports: dict[str, int], seconds: float) -> list[dict[str, Any]]:
    """Loads every server with every number of clients, in turn; medians of `ROUNDS` rounds."""
    messages = texts()
    rows = []
    for clients in CLIENTS:
        outcomes: dict[str, list[load.Outcome]] = {name: [] for name in ports}
        for _, (name, port) in itertools.product(range(ROUNDS), ports.items()):
            outcomes[name].append(load.run(port, clients, endless(messages), seconds=seconds))
        for name, runs in outcomes.items():
            rows.append(
                {
                    "clients": clients,
                    "server": name,
                    "requests_per_second": round(median(run.rate for run in runs), 1),
                    **{
                        f"p{p}_ms": round(median(run.percentile(p) for run in runs), 1)
                        for p in (50, 95, 99)
                    },
                    "failed": sum(len(v) for o in runs for k, v in o.latencies.items() if k != 200),
                }
            )
    return rows


def ratio(rows: list[dict[str, Any]], other: str, clients: int) -> float:
    """Returns our requests a second over those of another server."""
    rates = {r["server"]: r["requests_per_second"] for r in rows if r["clients"] == clients}
    return round(rates[OURS] / rates[other], 2)


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


def overload(port: int, seconds: float) -> dict[str, Any]:
    """Asks for more than can be answered."""
    body = load.request({"inputs": [{"text": text} for text in texts()[:8]]})
    requests = zip(itertools.count(), itertools.repeat(body))
    outcome = load.run(port, OVERLOAD_CLIENTS, requests, seconds=seconds)
    return {
        "clients": OVERLOAD_CLIENTS,
        "deadline_ms": 1000 * DEADLINE,
        "p99_ms": round(outcome.percentile(99), 1),
        "statuses": {str(k): len(v) for k, v in sorted(outcome.latencies.items())},
    }


def measure(folder: Path, seconds: float, answers: int) -> dict[str, Any]:
    """Runs all of it."""
    with (
        ours(folder / "ours") as batched,
        ours(folder / "unbatched", inference={"batch_tokens": 1}) as unbatched,
        plain() as pipeline,
    ):
        ports = {OURS: batched, UNBATCHED: unbatched, PLAIN: pipeline}
        rows = throughput(ports, seconds)
        checked = correctness(batched, answers)
    with ours(folder / "overload", inference={"deadline_seconds": DEADLINE}) as overloaded:
        beyond = overload(overloaded, 5 * seconds)
    return {
        "throughput": rows,
        "ratios": {
            other: {str(clients): ratio(rows, other, clients) for clients in CLIENTS}
            for other in GOALS
        },
        "correctness": checked,
        "overload": beyond,
    }


def misses(result: dict[str, Any]) -> list[str]:
    """Returns the goals that were not reached."""
    missed = [
        f"{result['ratios'][other][str(GOAL_CLIENTS)]} times {other}, wanted {goal}"
        for other, goal in GOALS.items()
        if result["ratios"][other][str(GOAL_CLIENTS)] < goal
    ]
    if result["correctness"]["wrong"]:
        missed.append(f"{result['correctness']['wrong']} wrong answers")
    if result["overload"]["p99_ms"] > 1.1 * result["overload"]["deadline_ms"]:
        missed.append(f"p99 {result['overload']['p99_ms']} ms under overload")
    return missed


def main() -> int:
    """Writes the figures as YAML; returns 1 if a goal is missed."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seconds", type=float, default=1, help="of each measurement")
    parser.add_argument("--answers", type=int, default=50_000, help="to check")
    parser.add_argument("--output", type=Path, default=Path("build/bench_server"))
    options = parser.parse_args()
    folder = options.output / time.strftime("%Y%m%d-%H%M%S")
    folder.mkdir(parents=True)
    result = measure(folder, options.seconds, options.answers)
    result["missed"] = misses(result)
    text = yaml.safe_dump(result, sort_keys=False)
    (folder / "result.yaml").write_text(text, encoding="utf-8")
    sys.stdout.write(text)
    return 1 if result["missed"] else 0


if __name__ == "__main__":
    sys.exit(main())
