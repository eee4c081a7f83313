"""One call to a large language model, within the limits, tried again when that may help."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Sequence
from types import TracebackType
from typing import Any, cast

import openai
from tenacity import AsyncRetrying, RetryCallState, retry_if_exception, stop_after_attempt

from training.errors import UserError
from training.llm.connection import api_key, connect
from training.llm.rate_limit import RateLimit
from training.llm.reply import Reply, is_content_filter, read_reply
from training.llm.retry import concerns_all, describe, may_pass, retry_after
from training.llm.settings import LLM, Message
from training.llm.tokens import token_counter


class CallError(Exception):
    """One call failed for good; others may succeed."""


class ChatClient:
    """Asks one model at an OpenAI-compatible endpoint.

    An asynchronous context manager. The limits hold over all calls of one client, however many
    are in flight; a pipeline of several steps makes one client a step, with its own settings:
    ``ChatClient(llm.model_copy(update={"max_tokens": 300}))``.

    Args:
        llm: The endpoint, the model, limits and retries.

    Attributes:
        retried: How often which failure was followed by another try.

    Raises:
        UserError: If the key is not in the environment or the tokenizer cannot be loaded.
    """

    def __init__(self, llm: LLM) -> None:
        self.retried: Counter[str] = Counter()
        self._llm = llm
        self._key = api_key(llm)
        self._count_tokens = token_counter(llm.tokenizer)
        self._limit = RateLimit(llm.limits.requests_per_minute, llm.limits.tokens_per_minute)
        self._openai = connect(llm)

    async def __aenter__(self) -> ChatClient:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self._openai.close()

    async def complete(self, messages: Sequence[Message]) -> Reply:
        """Asks for one answer.

        Args:
            messages: The conversation, in OpenAI's format.

        Returns:
            The answer; a refusal is an answer.

        Raises:
            CallError: If this call cannot be answered.
            UserError: If no call can: a wrong key, an unknown model, no money left, or a wait
                longer than the recipe allows.
        """
        tokens = self._count_tokens(messages) + self._llm.max_tokens
        tries = AsyncRetrying(
            retry=retry_if_exception(may_pass),
            stop=stop_after_attempt(self._llm.retries.attempts),
            wait=self._wait,
            before_sleep=self._note_retry,
            reraise=True,
        )
        try:
            return await tries(self._try, messages, tokens)
        except openai.APIStatusError as error:
            if is_content_filter(error.body):
                return Reply(text="", refusal=self._hide_key(describe(error)))
            raise self._final(error) from None
        except Exception as error:
            if not may_pass(error):
                raise
            raise self._final(error) from None

    async def _try(self, messages: Sequence[Message], tokens: int) -> Reply:
        await self._limit.acquire(tokens)
        # The library's own time-out restarts with every byte that arrives; this one does not.
        async with asyncio.timeout(self._llm.retries.timeout_seconds):
            response = await self._openai.chat.completions.with_raw_response.create(
                model=self._llm.model,
                messages=cast(Any, messages),
                extra_body=self._llm.parameters(),
            )
        return read_reply(self._hide_key(response.text))

    def _wait(self, state: RetryCallState) -> float:
        retries = self._llm.retries
        asked = retry_after(_error(state))
        if asked > retries.longest_wait_seconds:
            raise UserError(
                f"The endpoint asks to wait {asked:.0f} s, longer than "
                f"llm.retries.longest_wait_seconds ({retries.longest_wait_seconds:.0f}); "
                "run the same command again later"
            )
        if asked:
            self._limit.hold(asked)
            return asked + random.uniform(0, retries.first_wait_seconds)
        doubled = retries.first_wait_seconds * 2.0 ** min(state.attempt_number - 1, 30)
        wait = min(doubled, retries.longest_wait_seconds)
        return wait + random.uniform(0, wait)

    def _note_retry(self, state: RetryCallState) -> None:
        self.retried[self._hide_key(describe(_error(state)))] += 1

    def _final(self, error: BaseException) -> Exception:
        reason = self._hide_key(describe(error))
        if concerns_all(error):
            return UserError(f"{self._llm.base_url} ({self._llm.model}): {reason}")
        return CallError(reason)

    def _hide_key(self, text: str) -> str:
        """Servers quote keys in their messages; nothing of ours may store or show them."""
        return text.replace(self._key, "***") if self._key else text


def _error(state: RetryCallState) -> BaseException:
    error = state.outcome.exception() if state.outcome else None
    if error is None:  # tenacity waits after failures alone
        raise RuntimeError("no failure to wait after")
    return error
