"""Which failures of a call may pass, which concern one call, and which end the run."""

from __future__ import annotations

import math
import time
from email.utils import parsedate_to_datetime

import openai

from training.llm.reply import MalformedReply

QUOTA_USED_UP = "insufficient_quota"  # a 429 that no waiting cures


def may_pass(error: BaseException) -> bool:
    """Whether the same call may succeed later."""
    if isinstance(error, openai.APIStatusError):
        transient = error.status_code in (408, 409, 429) or error.status_code >= 500
        return transient and error.code != QUOTA_USED_UP
    return isinstance(error, (openai.APIConnectionError, TimeoutError, MalformedReply))


def concerns_all(error: BaseException) -> bool:
    """Whether every other call would fail alike: a wrong key, an unknown model, no money left."""
    if not isinstance(error, openai.APIStatusError):
        return False
    return error.status_code in (401, 402, 403, 404) or error.code == QUOTA_USED_UP


def retry_after(error: BaseException | None) -> float:
    """The seconds that the server asks to wait; 0 if it does not say."""
    if not isinstance(error, openai.APIStatusError):
        return 0.0
    headers = error.response.headers
    milliseconds = headers.get("retry-after-ms")
    value = headers.get("retry-after")
    try:
        if milliseconds is not None:
            seconds = float(milliseconds) / 1000
        elif value is None:
            return 0.0
        elif value.strip().replace(".", "", 1).isdigit():
            seconds = float(value)
        else:
            seconds = parsedate_to_datetime(value).timestamp() - time.time()
    except (ValueError, OverflowError):
        return 0.0
    return max(seconds, 0.0) if math.isfinite(seconds) else 0.0


def describe(error: BaseException) -> str:
    """The failure in one line, alike for alike failures, so that they can be counted."""
    if isinstance(error, openai.APIStatusError):
        body = error.body
        message = body.get("message") if isinstance(body, dict) else None
        return f"status {error.status_code}: {message or error.response.reason_phrase}"
    if isinstance(error, (openai.APITimeoutError, TimeoutError)):
        return "no answer in time"
    if isinstance(error, openai.APIConnectionError):
        return f"connection failed: {type(error.__cause__ or error).__name__}"
    return str(error)
