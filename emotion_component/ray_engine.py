"""Corpora on a Ray cluster: `emotion classify --engine ray --input URI --output URI`.

A shard of rows is one task, and leaves one file that is named by its range of rows. A worker that
is lost leaves no file, its task is run again elsewhere, and a second run does what is missing. So
there is one output row for each input row, whatever dies.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from typing import Optional

os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # Ray would tell its makers of each cluster

import ray
from ray.exceptions import RayTaskError

from emotion_component.bundle import BundleError
from emotion_component.corpus import Folder, Row, Shard, read_rows, split
from emotion_component.dialogue import InputError
from emotion_component.json_lines import BATCH_LINES, Message, answer_parsed
from emotion_component.model import EmotionModel
from emotion_component.results import EmotionResult

NOTES = "_run.json"
READERS = 16  # threads that look for the ends of rows; they wait for files most of the time
LOG_SECONDS = 10.0
LOSSES = 10  # of workers under one task, before the task is taken to be what kills them
MOST_TASKS = 4096  # handed to Ray at a time, so that a growing cluster finds work


@dataclass(frozen=True)
class CorpusJob:
    """What is to be done.

    Attributes:
        input: A file, or a folder of files, by path or URI.
        output: Folder of the results, by path or URI.
        bundle: The bundle's folder, the same on every node; None for the shipped one.
        context_turns: Earlier turns read of each message; None for the bundle's number.
        rows_per_shard: Rows of one task.
        workers: Tasks at a time; None for as many as the cluster has CPUs for.
        threads: CPUs of one task.
    """

    input: str
    output: str
    bundle: Optional[str] = None
    context_turns: Optional[int] = None
    rows_per_shard: int = 10_000
    workers: Optional[int] = None
    threads: int = 1

    def __post_init__(self) -> None:
        for name in ("rows_per_shard", "workers"):
            value = getattr(self, name)
            if value is not None and value < 1:
                option = name.replace("_", "-")
                raise InputError(f"--{option}: expected a positive integer, got {value}")

    def answer(self, messages: Sequence[Message]) -> list[EmotionResult]:
        """Classifies messages by this process's model."""
        model = EmotionModel.load(self.bundle, threads=self.threads)
        return model.predict_batch(
            [message.text for message in messages],
            [message.context for message in messages],
            context_turns=self.context_turns,
        )


@dataclass
class Counts:
    """Rows classified by this run, and those among them that could not be."""

    rows: int = 0
    errors: int = 0

    def add(self, other: Counts) -> None:
        """Adds those of another part."""
        self.rows += other.rows
        self.errors += other.errors


def classify_corpus(job: CorpusJob) -> Counts:
    """Classifies the rows of a corpus that have no results yet.

    Joins the Ray cluster of RAY_ADDRESS or of this machine, or else starts one on this machine.

    Args:
        job: What is to be done.

    Returns:
        The counts.

    Raises:
        InputError: If an option or the input cannot be used, or the output has results of
            another job.
        BundleError: If the bundle cannot be used, here or on a node.
    """
    job.answer([Message("", ())])  # a mistake in the options shows before any row is read
    source, target = Folder(job.input), Folder(job.output)
    sizes = source.sizes()
    if not sizes:
        raise InputError(f"--input: {job.input}: no files here")
    with ThreadPoolExecutor(READERS) as pool:
        files = pool.map(lambda file: split(source, file, job.rows_per_shard), sizes)
        shards = [shard for file in files for shard in file]
    _take_notes(job, sizes, target)
    done = target.sizes().keys()
    missing = [shard for shard in shards if shard.output not in done]
    return _run(job, missing, _Progress(shards, missing)) if missing else Counts()


def _take_notes(job: CorpusJob, sizes: dict[str, int], target: Folder) -> None:
    """Writes down what the results depend on; others do not belong in the same folder."""
    bundle = EmotionModel.load(job.bundle, threads=job.threads).bundle
    notes = {
        "bundle": asdict(bundle),
        "context_turns": job.context_turns,
        "files": sizes,
        "rows_per_shard": job.rows_per_shard,
    }
    found = target.read(NOTES)
    if not found:
        target.write(NOTES, json.dumps(notes, indent=2).encode())
        return
    before = json.loads(found)
    different = [key for key in notes if before.get(key) != notes[key]]
    if different:
        raise InputError(
            f"--output: {job.output}: was made with another {', '.join(different)}; "
            "choose another folder, or go back to what it was made with"
        )


def _run(job: CorpusJob, shards: Sequence[Shard], progress: _Progress) -> Counts:
    ray.init(include_dashboard=False, log_to_driver=False, logging_level=logging.WARNING)
    try:
        return asyncio.run(_classify_shards(job, shards, progress))
    except RayTaskError as error:
        if isinstance(error.cause, (InputError, BundleError)):
            raise type(error.cause)(str(error.cause)) from None
        raise
    finally:
        ray.shutdown()


async def _classify_shards(job: CorpusJob, shards: Sequence[Shard], progress: _Progress) -> Counts:
    task = ray.remote(_classify_shard).options(num_cpus=job.threads, max_retries=LOSSES)
    counts, waiting = Counts(), iter(shards)

    async def work() -> None:
        for shard in waiting:  # shared: every worker takes the next one
            counts.add(await task.remote(job, shard))
            progress.show(counts.rows)

    await asyncio.gather(*(work() for _ in range(job.workers or MOST_TASKS)))
    return counts


def _classify_shard(job: CorpusJob, shard: Shard) -> Counts:
    """Writes the results of one shard, in a worker's process."""
    rows = read_rows(Folder(job.input), shard)
    results: list[Row] = []
    for start in range(0, len(rows.parsed), BATCH_LINES):
        results += answer_parsed(rows.parsed[start : start + BATCH_LINES], job.answer)
    Folder(job.output).write(shard.output, rows.encode(results))
    return Counts(len(results), sum("error" in result for result in results))


class _Progress:
    """A counter of rows: one line on a terminal, a line every ten seconds in a log."""

    def __init__(self, shards: Sequence[Shard], missing: Sequence[Shard]) -> None:
        self._total = sum(shard.stop - shard.start for shard in shards)
        self._before = self._total - sum(shard.stop - shard.start for shard in missing)
        self._start = self._shown = time.monotonic()

    def show(self, rows: int) -> None:
        done, now = self._before + rows, time.monotonic()
        terminal = sys.stderr.isatty()
        if terminal or done == self._total or now - self._shown > LOG_SECONDS:
            self._shown = now
            rate = rows / (now - self._start)
            end = "\n" if done == self._total or not terminal else ""
            start = "\r" if terminal else ""
            sys.stderr.write(f"{start}{done:,} of {self._total:,} rows, {rate:,.0f} a second{end}")
            sys.stderr.flush()
