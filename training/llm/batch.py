"""OpenAI's Batch API: half the price, within a day, by files instead of calls.

Every step is journalled: that a part is about to be submitted, the batch that was made of it, its
end. A batch made just before a crash is found again by the part's name in its metadata, so that no
text is paid for twice.
"""

from __future__ import annotations

import json
import sys
import time
import uuid
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from typing import Any, Literal

import openai
from openai.types import Batch
from pydantic import Field, PositiveFloat, PositiveInt
from tqdm import tqdm

from training.errors import UserError
from training.llm.connection import api_key, connect_for_batches
from training.llm.journal import Journal
from training.llm.reply import MalformedReply, Reply, is_content_filter, read_reply
from training.llm.retry import describe
from training.llm.run import Task, answered
from training.llm.settings import LLM
from training.recipe import Recipe

ENDPOINT: Literal["/v1/chat/completions"] = "/v1/chat/completions"
ENDED = ("completed", "failed", "expired", "cancelled")
NEVER_MADE = "never made"
MOST_BYTES = 190_000_000  # OpenAI takes files of 200 MB
PART = "emotion_component_part"  # the key of a part's name in a batch's metadata


class BatchSettings(Recipe):
    """How the Batch API is used.

    Attributes:
        requests_per_batch: Texts in one batch; OpenAI takes 50,000 at most.
        poll_seconds: Time between two looks at the batches.
    """

    requests_per_batch: PositiveInt = Field(default=10_000, le=50_000)
    poll_seconds: PositiveFloat = 60.0


@dataclass
class _Part:
    """The texts of one batch, and how far it has come."""

    name: str
    ids: list[str]
    batch: str | None = None
    ended: str | None = None


class Batches:
    """The batches of one run: submits tasks, collects answers. A context manager.

    Args:
        llm: Whom to ask.
        settings: Sizes and times.
        answers: Where the answers go.
        state: Where it is written how far the batches have come.

    Raises:
        UserError: If the key is not in the environment, or the endpoint is Azure's.
    """

    def __init__(self, llm: LLM, settings: BatchSettings, answers: Journal, state: Journal) -> None:
        self._llm = llm
        self._settings = settings
        self._answers = answers
        self._state = state
        self._key = api_key(llm)
        self._openai = connect_for_batches(llm)

    def __enter__(self) -> Batches:
        return self

    def __exit__(self, *_: object) -> None:
        self._openai.close()

    def under_way(self) -> int:
        """The number of texts in batches that have not ended."""
        return sum(len(part.ids) for part in self._open_parts())

    def submit(self, tasks: Sequence[Task]) -> None:
        """Submits what is neither answered nor under way.

        Raises:
            UserError: If the endpoint refuses; the next run goes on from there.
        """
        with self._errors():
            self._find_batches()
            taken = answered(self._answers).union(*(part.ids for part in self._open_parts()))
            missing = [task for task in tasks if task.id not in taken]
            for part in self._split(missing):
                self._submit_part(part)

    def collect(self, *, wait: bool) -> Counter[str]:
        """Takes in the answers of the batches that have ended.

        Args:
            wait: Whether to look again and again until all have ended.

        Returns:
            How many texts of ended batches have no answer, for which reason; they can be
            submitted again.

        Raises:
            UserError: If the endpoint refuses.
            KeyboardInterrupt: On Ctrl-C while it waits; the batches go on at the endpoint.
        """
        failures: Counter[str] = Counter()
        total = self.under_way()
        with self._errors(), tqdm(total=total, unit="text", file=sys.stderr) as progress:
            self._find_batches()
            while parts := self._open_parts():
                finished = sum(self._collect_part(part, failures) for part in parts)
                progress.n = total - self.under_way() + finished
                progress.refresh()
                if not wait:
                    break
                if self._open_parts():
                    time.sleep(self._settings.poll_seconds)
        return failures

    def _open_parts(self) -> list[_Part]:
        parts: dict[str, _Part] = {}
        for event in self._state.records:
            if "ids" in event:
                parts[event["part"]] = _Part(event["part"], event["ids"])
            parts[event["part"]].batch = event.get("batch", parts[event["part"]].batch)
            parts[event["part"]].ended = event.get("ended")
        return [part for part in parts.values() if part.ended is None]

    def _find_batches(self) -> None:
        """Settles the parts that a crash left between the plan and the batch."""
        lost = {part.name for part in self._open_parts() if part.batch is None}
        if not lost:
            return
        for batch in self._openai.batches.list(limit=100):
            name = (batch.metadata or {}).get(PART)
            if name in lost:
                lost.remove(name)
                self._state.append({"part": name, "batch": batch.id})
        for name in lost:
            self._state.append({"part": name, "ended": NEVER_MADE})

    def _split(self, tasks: Sequence[Task]) -> Iterator[dict[str, bytes]]:
        """Parts that the endpoint takes: the line of each task's request by its id."""
        part: dict[str, bytes] = {}
        size = 0
        for task in tasks:
            line = json.dumps(self._request(task), ensure_ascii=False).encode() + b"\n"
            if len(part) == self._settings.requests_per_batch or size + len(line) > MOST_BYTES:
                yield part
                part, size = {}, 0
            part[task.id] = line
            size += len(line)
        if part:
            yield part

    def _request(self, task: Task) -> dict[str, Any]:
        body = {
            "model": self._llm.model,
            "messages": task.messages,
            **self._llm.parameters(),
        }
        return {"custom_id": task.id, "method": "POST", "url": ENDPOINT, "body": body}

    def _submit_part(self, lines: dict[str, bytes]) -> None:
        name = uuid.uuid4().hex
        self._state.append({"part": name, "ids": list(lines)})
        file = self._openai.files.create(
            file=(f"{name}.jsonl", b"".join(lines.values())), purpose="batch"
        )
        # Not tried again on the spot: a batch whose confirmation got lost would be made twice.
        batch = self._openai.with_options(max_retries=0).batches.create(
            input_file_id=file.id,
            endpoint=ENDPOINT,
            completion_window="24h",
            metadata={PART: name},
        )
        self._state.append({"part": name, "batch": batch.id})

    def _collect_part(self, part: _Part, failures: Counter[str]) -> int:
        """Collects a part if its batch has ended, and tells the requests done if it has not."""
        batch = self._openai.batches.retrieve(str(part.batch))
        if batch.status not in ENDED:
            return batch.request_counts.completed if batch.request_counts else 0
        missing = set(part.ids) - answered(self._answers)
        replies: dict[str, Reply] = {}
        for line in self._result_lines(batch):
            if line["custom_id"] not in missing:
                continue
            missing.remove(line["custom_id"])
            try:
                replies[line["custom_id"]] = _read_result(line)
            except MalformedReply as error:
                failures[str(error)] += 1
        self._answers.extend({"id": id_, **asdict(reply)} for id_, reply in replies.items())
        if missing:
            failures[f"batch {batch.status}{_reason(batch)}"] += len(missing)
        self._state.append({"part": part.name, "ended": batch.status})
        return 0

    def _result_lines(self, batch: Batch) -> Iterator[dict[str, Any]]:
        for file_id in filter(None, (batch.output_file_id, batch.error_file_id)):
            content = self._hide_key(self._openai.files.content(file_id).text)
            # Not splitlines: answers may hold U+2028 and its like.
            yield from (json.loads(line) for line in content.split("\n") if line.strip())

    def _hide_key(self, text: str) -> str:
        return text.replace(self._key, "***") if self._key else text

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except openai.OpenAIError as error:
            reason = self._hide_key(describe(error))
            raise UserError(
                f"{self._llm.base_url}: {reason}; run the same command again to go on"
            ) from None


def _read_result(line: dict[str, Any]) -> Reply:
    response = line.get("response") or {}
    body = response.get("body") or {}
    error: dict[str, Any] = line.get("error") or body.get("error") or {}
    if is_content_filter(error):
        return Reply(text="", refusal=error.get("message"))
    if error:
        raise MalformedReply(f"status {response.get('status_code')}: {error.get('message')}")
    return read_reply(json.dumps(body))


def _reason(batch: Batch) -> str:
    errors = batch.errors.data if batch.errors else None
    return f": {errors[0].message}" if errors else ": no answer"
