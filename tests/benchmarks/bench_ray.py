"""Corpora on Ray: rows a second against the plain engine, and a run in which workers are killed.

python -m tests.benchmarks.bench_ray               # one and two workers on this machine
python -m tests.benchmarks.bench_ray --kill 200000 # every row once, though workers are killed

CPU time is told beside the clock's: on a machine with other work it is what can be compared. It is
that of all processes under this one, looked at four times a second.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path

import psutil
from ray.cluster_utils import Cluster

from tests.ray_cluster import kill_worker, running_cluster

COMMAND = [sys.executable, "-m", "emotion_component", "classify", "--threads", "1"]
WORDS = ["thank", "you", "so", "much", "why", "is", "it", "never", "here", "again"]


def write_messages(path: Path, rows: int, words: int) -> None:
    with path.open("w", encoding="utf-8") as file:
        for row in range(rows):
            start = row % len(WORDS)
            text = " ".join((WORDS * 3)[start : start + words])
            file.write(json.dumps({"id": row, "text": f"{text} {row}"}) + "\n")


class CpuTime:
    """CPU seconds of all processes under this one while it is entered, ended ones too."""

    def __enter__(self) -> CpuTime:
        self._before = self._look()
        self._last = dict(self._before)
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()
        self._last |= self._look()
        self.seconds = sum(self._last.values()) - sum(self._before.values())

    def _watch(self) -> None:
        while not self._ended.wait(0.25):
            self._last |= self._look()

    @staticmethod
    def _look() -> dict[tuple[int, float], float]:
        found = {}
        for process in psutil.Process().children(recursive=True):
            try:
                times = process.cpu_times()
                found[process.pid, process.create_time()] = times.user + times.system
            except psutil.NoSuchProcess:
                continue
        return found


def ray_words(source: Path, target: Path, rows_per_shard: int, *options: str) -> list[str]:
    folders = ["--input", str(source), "--output", str(target)]
    shards = ["--rows-per-shard", str(rows_per_shard)]
    return [*COMMAND, "--engine", "ray", *folders, *shards, *options]


def compare(folder: Path, cluster: Cluster, rows: int, words: int) -> None:
    source = folder / "messages.jsonl"
    write_messages(source, rows, words)
    environment = {**os.environ, "RAY_ADDRESS": cluster.address}
    print("| engine | rows a second | CPU s a 1,000 rows |\n|---|---|---|")
    for name, workers in (("local", None), ("ray, 1 worker", 1), ("ray, 2 workers", 2)):
        target = folder / name.replace(" ", "-")
        start = time.perf_counter()
        with CpuTime() as cpu:
            if workers is None:
                with source.open() as stdin, target.open("w") as stdout:
                    subprocess.run(COMMAND, stdin=stdin, stdout=stdout, check=True)
            else:
                subprocess.run(
                    ray_words(source, target, 1000, "--workers", str(workers)),
                    env=environment,
                    stderr=subprocess.DEVNULL,
                    check=True,
                )
        rate = rows / (time.perf_counter() - start)
        print(f"| {name} | {rate:.0f} | {1000 * cpu.seconds / rows:.2f} |", flush=True)


def check_kills(folder: Path, cluster: Cluster, rows: int) -> None:
    source, target = folder / "messages.jsonl", folder / "out"
    write_messages(source, rows, words=2)
    environment = {**os.environ, "RAY_ADDRESS": cluster.address}
    kills, shards = 0, rows // 1000
    with subprocess.Popen(ray_words(source, target, 1000), env=environment) as process:
        while process.poll() is None:
            done = len(list(target.glob("*.jsonl")))
            if (kills + 1) * shards // 5 <= done < shards - 2:
                kill_worker(cluster, "_classify_shard")
                kills += 1
            time.sleep(0.5)
    lines = [line for file in sorted(target.glob("*.jsonl")) for line in file.open()]
    counts = Counter(json.loads(line)["id"] for line in lines)
    lost, doubled = rows - len(counts), sum(count > 1 for count in counts.values())
    print(f"{rows:,} rows, {kills} workers killed: {lost} lost, {doubled} doubled")
    if lost or doubled or process.returncode or not kills:
        sys.exit(1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=20_000)
    parser.add_argument("--words", type=int, default=8, help="words of a message")
    parser.add_argument("--kill", type=int, metavar="ROWS", help="check instead of measure")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name, running_cluster(nodes=2) as cluster:
        if options.kill:
            check_kills(Path(name), cluster, options.kill)
        else:
            compare(Path(name), cluster, options.rows, options.words)


if __name__ == "__main__":
    main()
