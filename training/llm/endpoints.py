"""Many copies of a server at once: a Ray actor asks each, and every answer is journalled here.

The copies take what is left from one queue, so that a fast one answers more. One that fails for
good is left out, and the others are asked what it did not answer.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, NoReturn

from tqdm import tqdm

from training.errors import UserError
from training.llm.client import CallError, ChatClient
from training.llm.connection import api_key
from training.llm.journal import Journal
from training.llm.reply import Reply
from training.llm.run import Task
from training.llm.settings import LLM

os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # Ray would tell its makers of each cluster

try:
    import ray
except ImportError:
    raise UserError("llm.endpoints: needs Ray; pip install -e '.[scale]'") from None

log = logging.getLogger(__name__)

OVERLAP = 2  # chunks that an endpoint has at a time: one's first calls go with the other's last


@dataclass
class Answers:
    """What an endpoint said to a chunk of tasks.

    Attributes:
        replies: Its answers by task.
        failures: Why tasks have none.
        stopped: Why the endpoint can answer nothing more; None if it can.
    """

    replies: dict[str, Reply] = field(default_factory=dict)
    failures: dict[str, str] = field(default_factory=dict)
    stopped: str | None = None


class Caller:
    """Asks one endpoint, within its limits, in a process of its own.

    Args:
        llm: Whom to ask, at `base_url`.

    Raises:
        UserError: If the key is not in the environment of the node, or the tokenizer not there.
    """

    def __init__(self, llm: LLM) -> None:
        self._client = ChatClient(llm)
        self._free = asyncio.Semaphore(llm.limits.concurrency)
        self._most_in_a_row = llm.retries.failures_in_a_row
        self._in_a_row = 0
        self._stopped: str | None = None

    async def ask(self, tasks: Sequence[Task]) -> Answers:
        """Asks several tasks, as many at once as the limits allow."""
        answers = Answers()
        await asyncio.gather(*(self._ask(task, answers) for task in tasks))
        answers.stopped = self._stopped
        return answers

    async def _ask(self, task: Task, answers: Answers) -> None:
        async with self._free:
            if self._stopped is not None:
                return
            try:
                answers.replies[task.id] = await self._client.complete(task.messages)
            except UserError as error:
                self._stopped = str(error)
            except CallError as error:
                answers.failures[task.id] = str(error)
                self._in_a_row += 1
                if self._in_a_row >= self._most_in_a_row:
                    self._stopped = f"{self._in_a_row} failed calls in a row; the last: {error}"
            else:
                self._in_a_row = 0


def ask_endpoints(
    tasks: Sequence[Task], llm: LLM, journal: Journal, progress: tqdm[NoReturn]
) -> Counter[str]:
    """Asks tasks of all `llm.endpoints`.

    Joins the Ray cluster of RAY_ADDRESS or of this machine, or else starts one on this machine.

    Args:
        tasks: What to ask.
        llm: Whom to ask.
        journal: Where the answers go, a chunk at a time.
        progress: Counts the answers.

    Returns:
        How many calls failed for which reason.

    Raises:
        UserError: If no endpoint can answer.
    """
    api_key(llm)  # a key that is missing shows before a cluster is started
    ray.init(include_dashboard=False, log_to_driver=False, logging_level=logging.WARNING)
    try:
        return asyncio.run(_ask(tasks, llm, journal, progress))
    except ray.exceptions.RayActorError as error:
        raise UserError(f"llm.endpoints: {error}") from None
    finally:
        ray.shutdown()


async def _ask(
    tasks: Sequence[Task], llm: LLM, journal: Journal, progress: tqdm[NoReturn]
) -> Counter[str]:
    size = llm.limits.concurrency
    queue: asyncio.Queue[Sequence[Task]] = asyncio.Queue()
    for start in range(0, len(tasks), size):
        queue.put_nowait(tasks[start : start + size])
    failures: Counter[str] = Counter()
    stopped: dict[str, str] = {}

    async def work(endpoint: str, caller: Any) -> None:  # noqa: ANN401 - Ray's handle
        while endpoint not in stopped:
            chunk = await queue.get()
            answers: Answers = await caller.ask.remote(chunk)
            journal.extend({"id": id_, **asdict(reply)} for id_, reply in answers.replies.items())
            progress.update(len(answers.replies))
            if answers.stopped is None:
                failures.update(answers.failures.values())
            else:
                stopped[endpoint] = answers.stopped
                queue.put_nowait([task for task in chunk if task.id not in answers.replies])
            queue.task_done()

    callers = {endpoint: _start(llm, endpoint) for endpoint in llm.endpoints}
    works = asyncio.gather(
        *(work(endpoint, caller) for endpoint, caller in callers.items() for _ in range(OVERLAP))
    )
    done = asyncio.create_task(queue.join())
    ends: list[asyncio.Future[Any]] = [done, works]
    try:
        await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        if works.done():  # by an error of Ray, or because no endpoint is left
            await works
    finally:
        for end in ends:
            end.cancel()
        await asyncio.gather(*ends, return_exceptions=True)
    for endpoint, reason in stopped.items():
        log.warning("%s was left out: %s", endpoint, reason)
    if len(stopped) == len(callers):
        raise UserError(f"llm.endpoints: none can answer; {'; '.join(stopped.values())}")
    return failures


def _start(llm: LLM, endpoint: str) -> Any:  # noqa: ANN401
    """Starts the caller of an endpoint; if it is lost, Ray starts it again and asks again."""
    caller = ray.remote(Caller).options(
        num_cpus=0, max_restarts=-1, max_task_retries=-1, scheduling_strategy="SPREAD"
    )
    return caller.remote(llm.model_copy(update={"base_url": endpoint, "endpoints": ()}))
