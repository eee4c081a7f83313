"""A model's answer, read from the JSON that OpenAI-compatible servers send."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, Field, ValidationError


@dataclass(frozen=True)
class Reply:
    """What a model answered to one call.

    Attributes:
        text: The answer; empty if there is none.
        refusal: The refusal, where the endpoint tells it apart from an answer.
        finish_reason: Why the answer ended: ``stop``, ``length``, ``content_filter``, ...
        prompt_tokens: Tokens of the prompt, as the server counts them.
        answer_tokens: Tokens of the answer, as the server counts them.
    """

    text: str
    refusal: str | None = None
    finish_reason: str | None = None
    prompt_tokens: int = 0
    answer_tokens: int = 0


class MalformedReply(Exception):
    """A body that is no chat completion, e.g. JSON that breaks off."""


class _Message(BaseModel):
    content: str | None = None
    refusal: str | None = None


class _Choice(BaseModel):
    message: _Message
    finish_reason: str | None = None


class _Usage(BaseModel):
    prompt_tokens: int = 0
    completion_tokens: int = 0


class _Completion(BaseModel):
    choices: list[_Choice] = Field(min_length=1)
    usage: _Usage | None = None


def read_reply(body: str) -> Reply:
    """Reads a chat completion, leniently: only what is used has to be there.

    Args:
        body: The body of the server's answer.

    Returns:
        The first choice.

    Raises:
        MalformedReply: If it is no chat completion.
    """
    try:
        completion = _Completion.model_validate_json(body)
    except ValidationError as error:
        raise MalformedReply(f"no chat completion: {error.errors()[0]['msg']}") from None
    choice = completion.choices[0]
    usage = completion.usage or _Usage()
    return Reply(
        text=choice.message.content or "",
        refusal=choice.message.refusal,
        finish_reason=choice.finish_reason,
        prompt_tokens=usage.prompt_tokens,
        answer_tokens=usage.completion_tokens,
    )


def is_content_filter(error_body: Any) -> bool:  # noqa: ANN401 - a server's JSON
    """Whether an error is the endpoint's refusal of the prompt's content (Azure's status 400)."""
    return isinstance(error_body, dict) and error_body.get("code") == "content_filter"
