"""What every reader gives."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Example:
    """One labelled text.

    Attributes:
        text: The text.
        labels: Its labels or descriptors; may be empty.
        context: What was said before it, if anything.
        id: Its name in the data, if it has one.
    """

    text: str
    labels: tuple[str, ...]
    context: str | None = None
    id: str | None = None
