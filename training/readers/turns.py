"""Earlier turns as one string, as the runtime's bundles write them."""

from __future__ import annotations

from collections.abc import Sequence

from emotion_component import Turn


def join_turns(turns: Sequence[Turn]) -> str | None:
    """Returns "user: ... bot: ...", oldest first; None for no turns."""
    return " ".join(f"{turn.role}: {turn.text}" for turn in turns) or None


def alternate(texts: list[str]) -> list[Turn]:
    """Returns the turns before a user's turn, taken to be the other's and the user's in turn."""
    roles = ("bot", "user")
    return [Turn(roles[distance % 2], t) for distance, t in enumerate(reversed(texts))][::-1]
