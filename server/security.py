"""Who asks, and how often: API keys and their rates."""

from __future__ import annotations

import hashlib
import hmac
import math
import secrets
import time
from collections.abc import Callable, Sequence
from typing import Annotated

from fastapi import Depends, Request
from fastapi.security import APIKeyHeader, HTTPBearer

from server import metrics
from server.problems import Problem
from server.settings import ApiKey

ANONYMOUS = "anonymous"
_PREFIX = "emo_"
_MINUTE = 60.0

_bearer = HTTPBearer(auto_error=False, description="Authorization: Bearer KEY")
_header = APIKeyHeader(name="X-API-Key", auto_error=False)


def new_key() -> tuple[str, str]:
    """Returns a fresh API key and its hash for the settings."""
    key = _PREFIX + secrets.token_urlsafe(32)
    return key, hash_key(key)


def hash_key(key: str) -> str:
    """Returns the sha256 of a key; a slow hash would add nothing to 256 random bits."""
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).hexdigest()


class TokenBucket:
    """Lets `rate` requests a minute through, up to a tenth of them at once.

    Args:
        rate: Requests a minute.
        clock: Seconds, monotonic.
    """

    def __init__(self, rate: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._per_second = rate / _MINUTE
        self._capacity = max(1.0, rate / 10)
        self._tokens = self._capacity
        self._clock = clock
        self._filled = clock()

    def take(self) -> float:
        """Takes a token; returns 0, or the seconds until there is one."""
        now = self._clock()
        earned = (now - self._filled) * self._per_second
        self._tokens = min(self._capacity, self._tokens + earned)
        self._filled = now
        if self._tokens < 1:
            return (1 - self._tokens) / self._per_second
        self._tokens -= 1
        return 0.0


class Gate:
    """Checks API keys and their rates.

    Args:
        keys: The keys; none lets everybody in.
    """

    def __init__(self, keys: Sequence[ApiKey]) -> None:
        self._keys = keys
        self._buckets = {
            key.name: TokenBucket(key.requests_per_minute)
            for key in keys
            if key.requests_per_minute is not None
        }

    def admit(self, presented: str | None) -> str:
        """Returns the name of the key's owner.

        Raises:
            Problem: If the key is missing or unknown, or asks too often.
        """
        if not self._keys:
            return ANONYMOUS
        name = self._owner(presented or "")
        if name is None:
            raise Problem(
                "unauthorized",
                "Send a valid key as Authorization: Bearer KEY or X-API-Key: KEY.",
                headers={"WWW-Authenticate": "Bearer"},
            )
        wait = self._buckets[name].take() if name in self._buckets else 0.0
        if wait:
            metrics.REFUSED.labels("rate_limited").inc()
            seconds = math.ceil(wait)
            raise Problem(
                "rate-limited",
                f"Ask again in {seconds} s, or ask the operator for a higher rate.",
                headers={"Retry-After": str(seconds)},
            )
        return name

    def _owner(self, presented: str) -> str | None:
        digest = hash_key(presented)
        owner = None
        for key in self._keys:  # all of them, so that the time tells nothing of which one fits
            if hmac.compare_digest(digest, key.sha256):
                owner = key.name
        return owner


def admit(request: Request) -> str:
    """Admits the client of a request by its headers; returns its name, see `Gate.admit`."""
    headers = request.headers
    scheme, _, key = headers.get("authorization", "").partition(" ")
    presented = key.strip() if scheme.lower() == "bearer" else headers.get("x-api-key")
    services = request.state.services
    name: str = services.gate.admit(presented)
    request.state.trace.client = name
    return name


async def _client(
    request: Request,
    bearer: Annotated[object, Depends(_bearer)],  # these two for the description alone
    header: Annotated[object, Depends(_header)],
) -> str:
    return admit(request)


Client = Annotated[str, Depends(_client)]
"""Admits the client of a request; its name."""
