"""The sidecar's client: emotions over HTTP, with a time-out that a bot can live with."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping, Sequence
from typing import Any, Optional

import httpx

from emotion_component.dialogue import check_text, parse_context
from emotion_component.model import Thresholds
from emotion_component.text import MAX_CHARACTERS

PATH = "/v1/emotions"


class EmotionClientError(RuntimeError):
    """No usable answer of the sidecar; the text says why and holds no message.

    Attributes:
        unreachable: Whether the sidecar did not answer at all, or not in time.
    """

    def __init__(self, reason: str, *, unreachable: bool = False) -> None:
        super().__init__(reason)
        self.unreachable = unreachable


class EmotionClient:
    """Asks a sidecar for emotions. Thread-safe; usable after a fork.

    Args:
        endpoint: The sidecar's URL, such as "http://localhost:8000".
        timeout: Seconds to connect within, and again to answer within.

    Example:
        >>> client = EmotionClient("http://localhost:8000")
        >>> client.emotions([{"text": "Oh, great.", "context": []}])[0]["label"]
        'joy'
    """

    def __init__(self, endpoint: str, timeout: float = 0.5) -> None:
        self._url = endpoint.rstrip("/") + PATH
        self._timeout = timeout
        self._http: Optional[httpx.Client] = None
        self._process = 0

    def emotions(
        self,
        inputs: Sequence[Mapping[str, Any]],
        *,
        labels: Optional[Sequence[str]] = None,
        multi_label: Optional[bool] = None,
        threshold: Optional[float] = None,
        thresholds: Thresholds = None,
    ) -> list[dict[str, Any]]:
        """Returns the emotions of messages.

        Args:
            inputs: For each message its "text" and, oldest turn first, its "context".
            labels: Labels to rank besides the bundle's own.
            multi_label: Whether several of `labels` may apply; None for the sidecar's default.
            threshold: Score from which one of `labels` applies; None for the bundle's.
            thresholds: Those of the bundle's own labels, see `EmotionModel.predict`; None for the
                bundle's.

        Returns:
            For each message, in order, `EmotionResult.to_dict()`, and under "rank" the
            `RankResult.to_dict()` of `labels` where they were given.

        Raises:
            EmotionClientError: If the sidecar is unreachable, too slow, refuses the request, or
                answers anything but this.
            InputError: If a message or turn is ill-typed.
        """
        options = {
            "labels": labels,
            "multi_label": multi_label,
            "threshold": threshold,
            "thresholds": thresholds,
        }
        body = {
            "inputs": [_input(i, message) for i, message in enumerate(inputs)],
            **{name: value for name, value in options.items() if value is not None},
        }
        results = _results(self._post(_encode(body)))
        if len(results) != len(inputs):
            raise EmotionClientError(f"{len(results)} results for {len(inputs)} inputs")
        if labels is not None and not all(_is_rank(result.get("rank")) for result in results):
            raise EmotionClientError("a result without rank")
        return results

    def _post(self, content: bytes) -> bytes:
        headers = {"Content-Type": "application/json"}
        deadline = time.monotonic() + 2 * self._timeout
        answer = bytearray()
        try:
            with self._connection().stream(
                "POST", self._url, content=content, headers=headers
            ) as response:
                if response.status_code != httpx.codes.OK:
                    raise EmotionClientError(f"status {response.status_code}")
                # httpx times each read; an answer that trickles in would never time out.
                for chunk in response.iter_bytes():
                    answer += chunk
                    if time.monotonic() > deadline:
                        raise EmotionClientError("answer too slow", unreachable=True)
        except httpx.TransportError as error:
            raise EmotionClientError(type(error).__name__, unreachable=True) from None
        except httpx.HTTPError as error:
            raise EmotionClientError(type(error).__name__) from None
        return bytes(answer)

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


def _input(index: int, message: Mapping[str, Any]) -> dict[str, Any]:
    """Bounds a message and its turns: one character more than is read still counts as cut."""
    field = f"inputs[{index}]"
    turns = parse_context(message.get("context"), f"{field}.context")
    return {
        "text": check_text(message.get("text"), f"{field}.text")[: MAX_CHARACTERS + 1],
        "context": [{"role": t.role, "text": t.text[-MAX_CHARACTERS:]} for t in turns],
    }


def _encode(body: Mapping[str, Any]) -> bytes:
    """JSON in valid UTF-8; lone surrogates become U+FFFD, as the runtime reads them."""
    text = json.dumps(body, ensure_ascii=False)
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace").encode()


def _results(answer: bytes) -> list[dict[str, Any]]:
    try:
        content = json.loads(answer)
    except ValueError:
        raise EmotionClientError("answer is not JSON") from None
    results = content.get("results") if isinstance(content, dict) else None
    if not isinstance(results, list) or not all(map(_is_result, results)):
        raise EmotionClientError("answer has no list of results")
    return results


def _is_result(result: object) -> bool:
    return isinstance(result, dict) and all(
        isinstance(result.get(key), str) for key in ("label", "group")
    )


def _is_rank(rank: object) -> bool:
    return isinstance(rank, dict) and isinstance(rank.get("labels"), dict)
