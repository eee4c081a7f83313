"""The name of a field, as people write it: ``inputs[0].context[1].role``."""

from __future__ import annotations

from collections.abc import Sequence


def field_path(location: Sequence[int | str]) -> str:
    """Returns a pydantic error location as a path: ("inputs", 0, "text") is "inputs[0].text"."""
    path = ""
    for part in location:
        path += f"[{part}]" if isinstance(part, int) else f".{part}"
    return path.removeprefix(".")
