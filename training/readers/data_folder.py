"""Where data files lie: a flag, a recipe key or an environment variable names the folder."""

from __future__ import annotations

import os
from pathlib import Path

from training.errors import UserError

ENVIRONMENT = "EMOTION_DATA"
CHECKOUT = Path(__file__).resolve().parents[2]


def data_folder(given: str | Path | None) -> Path | None:
    """Returns the data folder: the one given, else that of EMOTION_DATA, else None.

    Raises:
        UserError: If it is named but does not exist.
    """
    name = given or os.environ.get(ENVIRONMENT)
    if not name:
        return None
    folder = Path(name)
    if not folder.is_dir():
        raise UserError(f"data: {folder} is no folder")
    return folder


def find_file(name: str, data: Path | None) -> Path:
    """Finds a file of a recipe.

    Args:
        name: An absolute path, or one relative to the data folder or to the checkout.
        data: The data folder, if there is one.

    Raises:
        UserError: If it lies in none of these places; the message says where it was looked for.
    """
    places = [folder / name for folder in (data, CHECKOUT) if folder is not None]
    for place in places:
        if place.is_file():
            return place
    where = ", ".join(str(place) for place in places)
    hint = "" if data else f" (no data folder given: use --data or {ENVIRONMENT})"
    raise UserError(f"{name}: no such file; looked for {where}{hint}")


def find_table(name: str, data: Path | None) -> Path:
    """Finds a file, gzipped (its name with .gz) or not; see `find_file`."""
    try:
        return find_file(f"{name}.gz", data)
    except UserError:
        return find_file(name, data)
