"""What a server may write in Retry-After."""

from __future__ import annotations

import time
from email.utils import formatdate

import httpx2
import openai
import pytest

from training.llm.retry import retry_after


def error(headers: dict[str, str]) -> openai.APIStatusError:
    request = httpx2.Request("POST", "http://localhost")
    response = httpx2.Response(429, headers=headers, request=request)
    return openai.RateLimitError("slow down", response=response, body=None)


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, 0),
        ({"retry-after": "12"}, 12),
        ({"retry-after": "1.5"}, 1.5),
        ({"retry-after-ms": "250", "retry-after": "1"}, 0.25),
        ({"retry-after": "-3"}, 0),
        ({"retry-after": "soon"}, 0),
        ({"retry-after": "1e400"}, 0),
        ({"retry-after-ms": "inf"}, 0),
        ({"retry-after": formatdate(0, usegmt=True)}, 0),
    ],
)
def test_seconds_to_wait(headers: dict[str, str], seconds: float) -> None:
    assert retry_after(error(headers)) == seconds


def test_a_date_is_a_wait_until_then() -> None:
    date = formatdate(time.time() + 3600, usegmt=True)
    assert 0 < retry_after(error({"retry-after": date})) <= 3600


def test_other_errors_ask_for_no_wait() -> None:
    assert retry_after(TimeoutError()) == 0
