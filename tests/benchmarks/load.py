"""A light load generator: keep-alive clients that ask once they are answered, or at a pace."""

from __future__ import annotations

import asyncio
import itertools
import json
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np
import uvloop


@dataclass
class Outcome:
    """What came of a load.

    Attributes:
        seconds: How long it took.
        latencies: Seconds of each request, by status.
    """

    seconds: float = 0.0
    latencies: dict[int, list[float]] = field(default_factory=dict)

    @property
    def rate(self) -> float:
        """Successful requests a second."""
        return len(self.latencies.get(200, ())) / self.seconds

    def percentile(self, percent: float) -> float:
        """Milliseconds within which so many of all answers came."""
        return 1000 * float(np.percentile(np.concatenate([*self.latencies.values()]), percent))


def request(body: dict[str, object], path: str = "/v1/emotions") -> bytes:
    """Returns an HTTP request that posts JSON."""
    content = json.dumps(body).encode()
    return (
        b"POST %b HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
        b"Content-Length: %d\r\n\r\n%b" % (path.encode(), len(content), content)
    )


async def _answer(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    length = int(head.split(b"content-length:", 1)[1].split(b"\r\n", 1)[0])
    return int(head[9:12]), await reader.readexactly(length)


async def _run(
    port: int,
    clients: int,
    requests: Iterator[tuple[object, bytes]],
    seconds: float,
    check: Callable[[object, bytes], None] | None,
    pace: float | None,
) -> Outcome:
    outcome = Outcome()
    start = time.perf_counter()
    schedule = None if pace is None else (start + i / pace for i in itertools.count())

    async def client() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1 << 24)
        for key, content in requests:
            due = time.perf_counter() if schedule is None else next(schedule)
            if due - start > seconds:
                break
            if schedule is not None:
                await asyncio.sleep(due - time.perf_counter())
            writer.write(content)
            status, answer = await _answer(reader)
            outcome.latencies.setdefault(status, []).append(time.perf_counter() - due)
            if check is not None:
                check(key, answer)
        writer.close()

    await asyncio.gather(*(client() for _ in range(clients)))
    outcome.seconds = time.perf_counter() - start
    return outcome


def run(
    port: int,
    clients: int,
    requests: Iterator[tuple[object, bytes]],
    *,
    seconds: float,
    check: Callable[[object, bytes], None] | None = None,
    pace: float | None = None,
) -> Outcome:
    """Loads a server.

    Args:
        port: Of the server, on loopback.
        clients: Requests in flight.
        requests: What to ask: a key for `check`, and the bytes; all clients take from it.
        seconds: For how long, or until there are no more requests.
        check: Called with the key and the body of each answer.
        pace: Requests a second, whether answered or not, as far as there are clients; latencies
            count from when a request was due. None asks as soon as there is an answer.
    """
    return uvloop.run(_run(port, clients, requests, seconds, check, pace))
