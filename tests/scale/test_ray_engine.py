"""`emotion classify --engine ray` on a real cluster of several nodes, some of which die."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from ray.cluster_utils import Cluster

from tests.ray_cluster import kill_worker, running_cluster

COMMAND = [sys.executable, "-m", "emotion_component", "classify"]
PATIENCE = 600  # seconds, on a machine with much else to do
ROWS = 2000
SHARD = 100


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    with running_cluster(nodes=2) as cluster:
        yield cluster


def command(source: Path, target: Path, *options: str) -> list[str]:
    uris = ["--input", source.as_uri(), "--output", target.as_uri()]
    return [*COMMAND, "--engine", "ray", *uris, "--rows-per-shard", str(SHARD), *options]


def environment(cluster: Cluster) -> dict[str, str]:
    return {**os.environ, "RAY_ADDRESS": cluster.address}


def run(cluster: Cluster, words: list[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        words,
        env=environment(cluster),
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )


def message(number: int) -> dict[str, Any]:
    text = f"thank you {number}" if number % 3 else f"I hate you {number}"
    context = [{"role": "bot", "text": "Did it arrive?"}] if number % 10 == 0 else None
    return {"id": f"row-{number}", "text": text, "context": context}


def classify_here(lines: list[str]) -> list[dict[str, Any]]:
    """The local engine's results."""
    stdin = "".join(f"{line}\n" for line in lines)
    done = subprocess.run(COMMAND, input=stdin, capture_output=True, text=True, check=False)
    return [json.loads(line) for line in done.stdout.splitlines()]


def read_lines(folder: Path) -> list[dict[str, Any]]:
    files = sorted(folder.glob("*.jsonl"))
    return [json.loads(line) for file in files for line in file.read_text().splitlines()]


def wait_for(shards: int, folder: Path, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + PATIENCE
    while len(list(folder.glob("*.jsonl"))) < shards:
        assert process.poll() is None, "the run ended too early"
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_no_row_is_lost_or_doubled_when_a_worker_and_a_node_die(
    cluster: Cluster, tmp_path: Path
) -> None:
    source, target = tmp_path / "in", tmp_path / "out"
    lines = [json.dumps(message(number)) for number in range(ROWS)]
    lines[77] = "no JSON"
    lines[1500] = json.dumps({"id": "row-1500", "text": 3})
    source.mkdir()
    (source / "a.jsonl").write_text("\n".join(lines[:1050]) + "\n")
    (source / "b.jsonl").write_text("\n".join(lines[1050:]))
    with subprocess.Popen(
        command(source, target), env=environment(cluster), stderr=subprocess.PIPE
    ) as process:
        wait_for(2, target, process)
        kill_worker(cluster, "_classify_shard")
        wait_for(4, target, process)
        cluster.remove_node(next(iter(cluster.worker_nodes)), allow_graceful=False)
        assert process.stderr is not None
        log = process.stderr.read().decode()
        assert process.wait() == 1, log  # two rows cannot be read
    assert f"{ROWS:,} rows classified, 2 errors" in log

    rows, expected = read_lines(target), classify_here(lines)
    assert len(rows) == len(expected) == ROWS
    for number, (row, result) in enumerate(zip(rows, expected, strict=True)):
        if number in (77, 1500):
            assert "error" in row
            assert row.get("id") == ("row-1500" if number == 1500 else None)
        else:
            assert row == {**message(number), **result}
    assert rows[77]["error"] == expected[77]["error"]
    assert "line 451: text: expected a string" in rows[1500]["error"]


def test_a_second_run_does_what_is_missing(cluster: Cluster, tmp_path: Path) -> None:
    source, target = tmp_path / "in.jsonl", tmp_path / "out"
    source.write_text("".join(json.dumps(message(n)) + "\n" for n in range(5 * SHARD)))
    assert run(cluster, command(source, target)).returncode == 0
    first = {path.name: path.read_bytes() for path in target.glob("*.jsonl")}
    assert len(first) == 5
    lost = sorted(first)[1:3]
    for name in lost:
        (target / name).unlink()
    times = {path.name: path.stat().st_mtime_ns for path in target.glob("*.jsonl")}
    second = run(cluster, command(source, target))
    assert second.returncode == 0
    assert "200 rows classified" in second.stderr
    assert {path.name: path.read_bytes() for path in target.glob("*.jsonl")} == first
    assert all((target / name).stat().st_mtime_ns == then for name, then in times.items())

    other = run(cluster, command(source, target, "--context-turns", "1"))
    assert other.returncode == 2
    assert "was made with another context_turns; choose another folder" in other.stderr


def test_a_table_has_the_results_of_the_local_engine(cluster: Cluster, tmp_path: Path) -> None:
    source, target = tmp_path / "in.parquet", tmp_path / "out"
    messages = [message(number) for number in range(3 * SHARD)]
    messages[5]["text"] = None
    pq.write_table(pa.Table.from_pylist(messages), source, row_group_size=120)
    done = run(cluster, command(source, target, "--workers", "1"))
    assert done.returncode == 1, done.stderr
    rows = [
        row for file in sorted(target.glob("*.parquet")) for row in pq.read_table(file).to_pylist()
    ]
    expected = classify_here([json.dumps(row) for row in messages])
    assert rows[5]["error"] == "row 6: text: expected a string, got NoneType"
    assert rows[5]["label"] is None
    for row, sent, result in zip(rows, messages, expected, strict=True):
        assert row["id"] == sent["id"]
        if row["error"] is None:
            for name in ("labels", "scores"):
                row[name] = dict(row[name])
            assert row == {**sent, **result, "error": None}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--engine", "ray"], "needs --input and --output"),
        (["--engine", "ray", "hello"], "reads its messages from --input alone"),
        (["--engine", "ray", "--input", "nowhere", "--output", "x"], "nowhere: no files here"),
        (["--engine", "ray", "--input", "x", "--output", "x", "--workers", "0"], "--workers: "),
        (["--engine", "ray", "--input", "x", "--output", "x", "--bundle", "y"], "no bundle here"),
        (["--input", "x"], "--input: goes with --engine ray"),
    ],
)
def test_mistakes_are_one_clear_message(tmp_path: Path, options: list[str], message: str) -> None:
    done = subprocess.run(
        [*COMMAND, *options], cwd=tmp_path, capture_output=True, text=True, check=False, input=""
    )
    assert done.returncode == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr


def test_without_ray_one_line_says_what_to_install() -> None:
    code = (
        "import sys; sys.modules['ray'] = None\n"
        "from emotion_component.cli import main\n"
        "sys.exit(main(['classify', '--engine', 'ray', '--input', 'x', '--output', 'y']))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "pip install 'emotion-component[scale]'" in done.stderr
    assert len(done.stderr.splitlines()) == 1
