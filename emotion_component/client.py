"""The sidecar's client, sync and async: time-outs that a bot can live with, and retries in them."""

from __future__ import annotations

import asyncio
import json
import os
import time
import uuid
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Optional, TypedDict
from urllib.parse import quote

import httpx

from emotion_component.dialogue import check_text, parse_context
from emotion_component.model import Thresholds
from emotion_component.text import MAX_CHARACTERS

if TYPE_CHECKING:
    from typing_extensions import Unpack

PATH = "/v1/emotions"

FIRST_PAUSE = 0.05
"""Seconds before the first retry; doubles with each further one."""

_RETRIED_STATUSES = (429, 502, 503)
_PROBLEM = "application/problem+json"


class EmotionClientError(RuntimeError):
    """No usable answer of the sidecar; the text says why and holds no message.

    Attributes:
        unreachable: Whether the sidecar did not answer at all, or not in time.
        status: Status of its answer; None without one.
        retry_after: Seconds after which it wants to be asked again; None unless it says so or
            another attempt may simply help, which is 0.
    """

    def __init__(
        self,
        reason: str,
        *,
        unreachable: bool = False,
        status: Optional[int] = None,
        retry_after: Optional[float] = None,
    ) -> None:
        super().__init__(reason)
        self.unreachable = unreachable
        self.status = status
        self.retry_after = retry_after


class EmotionOptions(TypedDict, total=False):
    """What to say of messages; None, as if not given, leaves it to the sidecar.

    Attributes:
        labels: Labels to rank besides the bundle's own.
        multi_label: Whether several of `labels` may apply; the sidecar's default is True.
        threshold: Score from which one of `labels` applies; 0.5 if not given.
        thresholds: Those of the bundle's own labels, see `EmotionModel.predict`.
        context_turns: How many of the last turns to read; the bundle's number if not given.
        top_k: Only the k strongest of each set of labels and scores.
        descriptors: How many free-form descriptors to find, under "descriptors".
        embedding: Whether to give the vector in the emotion space, under "embedding".
    """

    labels: Optional[Sequence[str]]
    multi_label: Optional[bool]
    threshold: Optional[float]
    thresholds: Thresholds
    context_turns: Optional[int]
    top_k: Optional[int]
    descriptors: Optional[int]
    embedding: Optional[bool]


class _Settings:
    """What both clients are told."""

    def __init__(
        self,
        endpoint: str,
        timeout: float = 0.5,
        *,
        api_key: Optional[str] = None,
        retries: int = 2,
    ) -> None:
        self._endpoint = endpoint.rstrip("/")
        self._timeout = timeout
        self._retries = retries
        self._headers = {"Content-Type": "application/json"}
        if api_key is not None:
            self._headers["Authorization"] = f"Bearer {api_key}"

    def _pause(self, error: EmotionClientError, attempt: int, deadline: float) -> float:
        """Returns how long to wait before the next attempt, or raises `error` if there is none."""
        if attempt == self._retries or error.retry_after is None:
            raise error
        pause = max(error.retry_after, FIRST_PAUSE * 2.0**attempt)
        if time.monotonic() + pause > deadline:
            raise error
        return pause


class EmotionClient(_Settings):
    """Asks a sidecar for emotions. Thread-safe; usable after a fork.

    Args:
        endpoint: The sidecar's URL, such as "http://localhost:8100".
        timeout: Seconds to connect within, and again to answer within; retries included, a call
            takes no longer than twice this.
        api_key: The key, where the sidecar wants one.
        retries: Further attempts if the sidecar cannot be reached, is overloaded or restarts.

    Example:
        >>> client = EmotionClient("http://localhost:8100")
        >>> client.emotions([{"text": "Oh, great.", "context": []}])[0]["label"]
        'joy'
    """

    _http: Optional[httpx.Client] = None
    _process = 0

    def emotions(
        self, inputs: Sequence[Mapping[str, Any]], **options: Unpack[EmotionOptions]
    ) -> list[dict[str, Any]]:
        """Returns the emotions of messages.

        Args:
            inputs: For each message its "text" and, oldest turn first, its "context".
            **options: See `EmotionOptions`.

        Returns:
            For each message, in order, `EmotionResult.to_dict()`, and under "rank" the
            `RankResult.to_dict()` of `labels` where they were given.

        Raises:
            EmotionClientError: If the sidecar is unreachable, too slow, refuses the request, or
                answers anything but this.
            InputError: If a message or turn is ill-typed.
        """
        answer = self._ask("POST", PATH, _emotions_body(inputs, options))
        return _emotions(answer, len(inputs), options)

    def add_turn(
        self, conversation: str, role: str, text: str, *, message_id: Optional[str] = None
    ) -> dict[str, Any]:
        """Adds a turn to a conversation that the sidecar keeps.

        Args:
            conversation: Your id of it: letters, digits and ._~@+- only.
            role: "user" or "bot".
            text: What was said.
            message_id: Your id of the turn, by which a retry counts once; None for a fresh one.

        Returns:
            The turn's emotions under "result", the running "state", and whether the sidecar
            could remember it, under "memory".

        Raises:
            EmotionClientError: See `emotions`.
            InputError: If `text` is no string.
        """
        body = _turn_body(role, text, message_id)
        return _object(self._ask("POST", f"{_path(conversation)}/messages", body))

    def conversation(self, conversation: str) -> dict[str, Any]:
        """Returns the turns that the sidecar keeps of a conversation, and its state."""
        return _object(self._ask("GET", _path(conversation)))

    def forget(self, conversation: str) -> None:
        """Makes the sidecar forget a conversation."""
        self._ask("DELETE", _path(conversation))

    def _ask(self, method: str, path: str, body: Optional[bytes] = None) -> bytes:
        deadline = time.monotonic() + 2 * self._timeout
        attempt = 0
        while True:
            try:
                return self._attempt(method, path, body, deadline)
            except EmotionClientError as error:
                time.sleep(self._pause(error, attempt, deadline))
            attempt += 1

    def _attempt(self, method: str, path: str, body: Optional[bytes], deadline: float) -> bytes:
        answer = bytearray()
        try:
            with self._connection().stream(
                method, self._endpoint + path, content=body, headers=self._headers
            ) as response:
                # httpx times each read; an answer that trickles in would never time out.
                for chunk in response.iter_bytes():
                    answer += chunk
                    if time.monotonic() > deadline:
                        raise EmotionClientError("answer too slow", unreachable=True)
                return _content(response, bytes(answer))
        except httpx.HTTPError as error:
            raise _error(error) from None

    def _connection(self) -> httpx.Client:
        # A forked child must not share its parent's sockets.
        if self._http is None or self._process != os.getpid():
            self._http = httpx.Client(timeout=self._timeout)
            self._process = os.getpid()
        return self._http

    def close(self) -> None:
        """Closes the connection; the next call opens another."""
        if self._http is not None:
            self._http.close()
            self._http = None


class AsyncEmotionClient(_Settings):
    """`EmotionClient` for asyncio, with the same arguments and methods. For one event loop.

    Example:
        >>> async with AsyncEmotionClient("http://localhost:8100") as client:
        ...     results = await client.emotions([{"text": "Oh, great."}])
    """

    _http: Optional[httpx.AsyncClient] = None

    async def emotions(
        self, inputs: Sequence[Mapping[str, Any]], **options: Unpack[EmotionOptions]
    ) -> list[dict[str, Any]]:
        """Returns the emotions of messages; see `EmotionClient.emotions`."""
        answer = await self._ask("POST", PATH, _emotions_body(inputs, options))
        return _emotions(answer, len(inputs), options)

    async def add_turn(
        self, conversation: str, role: str, text: str, *, message_id: Optional[str] = None
    ) -> dict[str, Any]:
        """Adds a turn to a conversation; see `EmotionClient.add_turn`."""
        body = _turn_body(role, text, message_id)
        return _object(await self._ask("POST", f"{_path(conversation)}/messages", body))

    async def conversation(self, conversation: str) -> dict[str, Any]:
        """Returns what is kept of a conversation; see `EmotionClient.conversation`."""
        return _object(await self._ask("GET", _path(conversation)))

    async def forget(self, conversation: str) -> None:
        """Makes the sidecar forget a conversation."""
        await self._ask("DELETE", _path(conversation))

    async def _ask(self, method: str, path: str, body: Optional[bytes] = None) -> bytes:
        deadline = time.monotonic() + 2 * self._timeout
        attempt = 0
        while True:
            try:
                left = max(0.0, deadline - time.monotonic())
                return await asyncio.wait_for(self._attempt(method, path, body), left)
            except asyncio.TimeoutError:
                raise EmotionClientError("answer too slow", unreachable=True) from None
            except EmotionClientError as error:
                await asyncio.sleep(self._pause(error, attempt, deadline))
            attempt += 1

    async def _attempt(self, method: str, path: str, body: Optional[bytes]) -> bytes:
        if self._http is None:
            self._http = httpx.AsyncClient(timeout=self._timeout)
        try:
            response = await self._http.request(
                method, self._endpoint + path, content=body, headers=self._headers
            )
        except httpx.HTTPError as error:
            raise _error(error) from None
        return _content(response, response.content)

    async def close(self) -> None:
        """Closes the connections; the next call opens others."""
        if self._http is not None:
            await self._http.aclose()
            self._http = None

    async def __aenter__(self) -> AsyncEmotionClient:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()


# What both share: what is asked, and how an answer is read ---------------------------------------


def _emotions_body(inputs: Sequence[Mapping[str, Any]], options: EmotionOptions) -> bytes:
    messages = [_input(i, message) for i, message in enumerate(inputs)]
    given = {name: value for name, value in options.items() if value is not None}
    return _encode({"inputs": messages, **given})


def _input(index: int, message: Mapping[str, Any]) -> dict[str, Any]:
    """Bounds a message and its turns: one character more than is read still counts as cut."""
    field = f"inputs[{index}]"
    turns = parse_context(message.get("context"), f"{field}.context")
    return {
        "text": check_text(message.get("text"), f"{field}.text")[: MAX_CHARACTERS + 1],
        "context": [{"role": t.role, "text": t.text[-MAX_CHARACTERS:]} for t in turns],
    }


def _turn_body(role: str, text: str, message_id: Optional[str]) -> bytes:
    turn = {"role": role, "text": check_text(text)[: MAX_CHARACTERS + 1]}
    return _encode({**turn, "message_id": message_id or uuid.uuid4().hex})


def _path(conversation: str) -> str:
    return f"/v1/conversations/{quote(conversation, safe='')}"


def _encode(body: Mapping[str, Any]) -> bytes:
    """JSON in valid UTF-8; lone surrogates become U+FFFD, as the runtime reads them."""
    text = json.dumps(body, ensure_ascii=False)
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace").encode()


def _error(error: httpx.HTTPError) -> EmotionClientError:
    unreachable = isinstance(error, httpx.TransportError)
    # After a time-out there is no time for another attempt.
    hopeful = unreachable and not isinstance(error, httpx.TimeoutException)
    return EmotionClientError(
        type(error).__name__, unreachable=unreachable, retry_after=0.0 if hopeful else None
    )


def _content(response: httpx.Response, answer: bytes) -> bytes:
    """Returns the body of a successful answer."""
    if response.is_success:
        return answer
    reason = f"status {response.status_code}"
    if response.headers.get("content-type") == _PROBLEM:  # of ours, without any message's text
        reason += f": {_object(answer).get('detail')}"
    wait = response.headers.get("retry-after", "")
    retry = response.status_code in _RETRIED_STATUSES
    raise EmotionClientError(
        reason,
        status=response.status_code,
        retry_after=(float(wait) if wait.isdigit() else 0.0) if retry else None,
    )


def _object(answer: bytes) -> dict[str, Any]:
    try:
        content = json.loads(answer)
    except ValueError:
        raise EmotionClientError("answer is not JSON") from None
    if not isinstance(content, dict):
        raise EmotionClientError("answer is no JSON object")
    return content


def _emotions(answer: bytes, count: int, options: EmotionOptions) -> list[dict[str, Any]]:
    results = _object(answer).get("results")
    if not isinstance(results, list) or not all(map(_is_result, results)):
        raise EmotionClientError("answer has no list of results")
    if len(results) != count:
        raise EmotionClientError(f"{len(results)} results for {count} inputs")
    ranked = options.get("labels") is not None
    if ranked and not all(_is_rank(result.get("rank")) for result in results):
        raise EmotionClientError("a result without rank")
    return results


def _is_result(result: object) -> bool:
    return isinstance(result, dict) and all(
        isinstance(result.get(key), str) for key in ("label", "group")
    )


def _is_rank(rank: object) -> bool:
    return isinstance(rank, dict) and isinstance(rank.get("labels"), dict)
