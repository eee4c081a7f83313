"""Many calls at once, each answer journalled."""

from __future__ import annotations

import asyncio
import sys
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import NoReturn

from tqdm import tqdm

from training.errors import UserError
from training.llm.client import CallError, ChatClient
from training.llm.journal import Journal
from training.llm.settings import LLM, Message


@dataclass(frozen=True)
class Task:
    """One call to make.

    Attributes:
        id: The key of its answer in the journal.
        messages: What to ask, in OpenAI's format.
    """

    id: str
    messages: list[Message]


@dataclass
class Failures:
    """Calls without an answer; they are asked again by the next run.

    Attributes:
        reasons: How many calls failed for which reason.
        in_a_row: How many failed since the last answer.
    """

    reasons: Counter[str] = field(default_factory=Counter)
    in_a_row: int = 0


def answered(journal: Journal) -> set[str]:
    """The ids that need not be asked again."""
    return {record["id"] for record in journal.records}


def ask_all(tasks: Sequence[Task], llm: LLM, journal: Journal, unit: str) -> Counter[str]:
    """Asks every task that the journal has no answer to, several at once.

    Args:
        tasks: All tasks, answered ones too.
        llm: Whom to ask.
        journal: Where the answers go: ``{"id": ..., **Reply}``.
        unit: What the progress bar counts.

    Returns:
        How many calls failed for which reason.

    Raises:
        UserError: If no call can succeed, or too many failed in a row.
        KeyboardInterrupt: On Ctrl-C; the journal is whole.
    """
    done = answered(journal)
    missing = [task for task in tasks if task.id not in done]
    if not missing:
        return Counter()
    progress = tqdm(total=len(tasks), initial=len(tasks) - len(missing), unit=unit, file=sys.stderr)
    with progress:
        if llm.endpoints:
            from training.llm.endpoints import ask_endpoints  # Ray is an extra, and slow to import

            return ask_endpoints(missing, llm, journal, progress)
        return asyncio.run(_ask(missing, llm, journal, progress))


async def _ask(
    tasks: Sequence[Task], llm: LLM, journal: Journal, progress: tqdm[NoReturn]
) -> Counter[str]:
    failures = Failures()
    source = iter(tasks)

    async def work(client: ChatClient) -> None:
        for task in source:  # shared: every worker takes the next one
            try:
                reply = await client.complete(task.messages)
            except CallError as error:
                _note_failure(failures, str(error), llm)
            else:
                failures.in_a_row = 0
                journal.append({"id": task.id, **asdict(reply)})
                progress.update()
            progress.set_postfix(
                retried=client.retried.total(), failed=failures.reasons.total(), refresh=False
            )

    async with ChatClient(llm) as client:
        workers = [
            asyncio.create_task(work(client))
            for _ in range(min(llm.limits.concurrency, len(tasks)))
        ]
        try:
            await asyncio.gather(*workers)
        finally:  # one worker's error, or Ctrl-C, ends them all
            for worker in workers:
                worker.cancel()
            await asyncio.gather(*workers, return_exceptions=True)
    return failures.reasons


def _note_failure(failures: Failures, reason: str, llm: LLM) -> None:
    failures.reasons[reason] += 1
    failures.in_a_row += 1
    if failures.in_a_row >= llm.retries.failures_in_a_row:
        raise UserError(
            f"Stopped after {failures.in_a_row} failed calls in a row at {llm.base_url}; "
            f"the last: {reason}"
        )
