"""Turns of a conversation, and the window of them that a message is read with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Union

ROLES = ("user", "bot")


class InputError(ValueError):
    """A message, turn or option that cannot be used; the text names the field and the fix."""


def check_text(text: object, field: str = "text") -> str:
    """Returns `text` if it is a string.

    Raises:
        InputError: If it is anything else; the message names `field`.
    """
    if not isinstance(text, str):
        raise InputError(f"{field}: expected a string, got {type(text).__name__}")
    return text


@dataclass(frozen=True)
class Turn:
    """One earlier utterance of a conversation.

    Attributes:
        role: Who spoke, "user" or "bot".
        text: What was said.
    """

    role: str
    text: str

    def __post_init__(self) -> None:
        if self.role not in ROLES:
            raise InputError(f"role: expected one of {', '.join(ROLES)}, got {self.role!r}")
        check_text(self.text)

    @classmethod
    def parse(cls, value: TurnLike, field: str = "context") -> Turn:
        """Reads a turn from a `Turn` or a mapping `{"role": ..., "text": ...}`.

        Raises:
            InputError: If `value` is neither, or a key is missing, unknown or ill-typed.
        """
        if isinstance(value, cls):
            return value
        if not isinstance(value, Mapping) or set(value) != {"role", "text"}:
            raise InputError(f'{field}: each turn must be {{"role": "user"|"bot", "text": "..."}}')
        try:
            return cls(value["role"], value["text"])
        except InputError as error:
            raise InputError(f"{field}: {error}") from None


TurnLike = Union[Turn, Mapping[str, Any]]


def parse_context(context: object, field: str = "context") -> tuple[Turn, ...]:
    """Reads a sequence of turns, oldest first.

    Raises:
        InputError: If `context` is no list or tuple of turns; the message names the index.
    """
    if context is None:
        return ()
    if isinstance(context, (str, bytes, Mapping)) or not isinstance(context, Sequence):
        raise InputError(f"{field}: expected a list of turns, oldest first")
    return tuple(Turn.parse(turn, f"{field}[{i}]") for i, turn in enumerate(context))
