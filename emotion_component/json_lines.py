"""JSON Lines in, JSON Lines out: one result a line, in order, as soon as it can be had."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Callable, Protocol, TextIO, Union

from emotion_component.dialogue import InputError, Turn, check_text, parse_context

CHUNK_BYTES = 1 << 16
BATCH_LINES = 256


class Result(Protocol):
    """Anything with `to_dict`."""

    def to_dict(self) -> dict[str, Any]:
        """Returns plain JSON types."""


class Readable(Protocol):
    """A buffered byte stream."""

    def read1(self, size: int, /) -> bytes:
        """Returns what is there, waiting only if nothing is; empty at the end."""


@dataclass(frozen=True)
class Message:
    """A message and its earlier turns, oldest first."""

    text: str
    context: tuple[Turn, ...]


def parse_object(line: bytes) -> dict[str, Any]:
    """Reads a line that holds a JSON object with the key "text".

    Raises:
        InputError: If the line is no such object.
    """
    try:
        content = json.loads(line.decode("utf-8"))
    except UnicodeDecodeError:
        raise InputError("not valid UTF-8") from None
    except (ValueError, RecursionError) as error:
        raise InputError(f"not valid JSON: {error}") from None
    if not isinstance(content, dict) or "text" not in content:
        raise InputError('expected an object with the key "text"')
    return content


def parse_message(text: object, context: object) -> Message:
    """Reads `"..."` and `[{"role": "user"|"bot", "text": "..."}]` or None.

    Raises:
        InputError: If either is anything else; the message names the field.
    """
    return Message(check_text(text), parse_context(context))


def parse_line(line: bytes) -> Message:
    """Reads `{"text": "...", "context": [{"role": "user"|"bot", "text": "..."}]}`.

    `context` may be left out, and other keys are passed over.

    Raises:
        InputError: If the line is no such object; the message names the field.
    """
    content = parse_object(line)
    return parse_message(content["text"], content.get("context"))


def answer_parsed(
    parsed: Sequence[Union[Message, str]],
    answer: Callable[[Sequence[Message]], Sequence[Result]],
) -> list[dict[str, Any]]:
    """Answers messages by their results, and errors by `{"error": ...}`, in their order.

    Args:
        parsed: Messages, and for those that cannot be read the error.
        answer: Messages to results, one each.
    """
    messages = [message for message in parsed if isinstance(message, Message)]
    results = iter(answer(messages) if messages else ())
    return [
        {"error": entry} if isinstance(entry, str) else next(results).to_dict() for entry in parsed
    ]


def _batches(stream: Readable) -> Iterator[list[bytes]]:
    """Yields the lines that are there, without waiting for a full batch."""
    rest = b""
    while chunk := stream.read1(CHUNK_BYTES):
        *lines, rest = (rest + chunk).split(b"\n")
        for start in range(0, len(lines), BATCH_LINES):
            yield lines[start : start + BATCH_LINES]
    if rest:
        yield [rest]


class _Progress:
    """A counter on the terminal; silent elsewhere."""

    def __init__(self) -> None:
        self._shown = sys.stderr.isatty() and not sys.stdout.isatty()
        self._start = time.monotonic()
        self._count = 0

    def add(self, count: int) -> None:
        self._count += count
        rate = self._count / max(time.monotonic() - self._start, 1e-9)
        if self._shown:
            sys.stderr.write(f"\r{self._count:,} messages, {rate:,.0f} a second ")
            sys.stderr.flush()

    def close(self) -> None:
        if self._shown:
            sys.stderr.write("\n")


def answer_lines(
    source: Readable,
    target: TextIO,
    answer: Callable[[Sequence[Message]], Sequence[Result]],
) -> int:
    """Answers every line of `source` by one line of `target`, in order.

    Args:
        source: JSON Lines; see `parse_line`. A line that cannot be read is answered by
            `{"error": ...}`.
        target: Written and flushed after each batch of lines.
        answer: Messages to results, one each.

    Returns:
        Exit status: 1 if any line could not be read, else 0.
    """
    status, number, progress = 0, 0, _Progress()
    for lines in _batches(source):
        parsed: list[Union[Message, str]] = []
        for line in lines:
            number += 1
            try:
                parsed.append(parse_line(line))
            except InputError as error:
                parsed.append(f"line {number}: {error}")
                status = 1
        for output in answer_parsed(parsed, answer):
            target.write(json.dumps(output) + "\n")
        target.flush()
        progress.add(len(lines))
    progress.close()
    return status
