"""The texts to annotate: JSON Lines, plain or gzipped."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, PositiveInt

from training.errors import UserError
from training.recipe import Recipe

# Strict pydantic takes no string for a path; YAML has nothing else.
RecipePath = Annotated[Path, Field(strict=False)]


class TextFile(Recipe):
    """Where the texts lie.

    Attributes:
        path: A file of JSON Lines; gzipped if its name ends in ``.gz``.
        id_field: The field of the text's id, a string or an integer, unlike any other's.
        text_field: The field of the text.
        limit: Take the first so many texts only, for a trial; null for all.
    """

    path: RecipePath
    id_field: str = "id"
    text_field: str = "text"
    limit: PositiveInt | None = None


def read_texts(file: TextFile) -> dict[str, str]:
    """Reads the texts; blank ones are left out.

    Args:
        file: Where they lie.

    Returns:
        The texts by their ids, in the order of the file.

    Raises:
        UserError: If the file is missing, a line is no JSON object, a field is missing or
            ill-typed, or an id comes twice; the message names the line.
    """
    if not file.path.is_file():
        raise UserError(f"input.path: no such file: {file.path}")
    texts: dict[str, str] = {}
    opener = gzip.open if file.path.suffix == ".gz" else open
    with opener(file.path, "rb") as lines:
        for number, line in enumerate(lines, start=1):
            if len(texts) == file.limit:
                break
            try:
                id_, text = _fields(json.loads(line), file)
            except ValueError as error:
                raise UserError(f"{file.path}: line {number}: {error}") from None
            if id_ in texts:
                raise UserError(f"{file.path}: line {number}: the id {id_!r} has come before")
            if text.strip():
                texts[id_] = text
    if not texts:
        raise UserError(f"{file.path}: no texts")
    return texts


def _fields(record: Any, file: TextFile) -> tuple[str, str]:  # noqa: ANN401 - a line's JSON
    if not isinstance(record, dict):
        raise ValueError("expected a JSON object")
    for key, field in (("input.id_field", file.id_field), ("input.text_field", file.text_field)):
        if field not in record:
            raise ValueError(f"no field {field!r} ({key}); there are: {', '.join(record)}")
    id_, text = record[file.id_field], record[file.text_field]
    if not isinstance(id_, (str, int)) or not isinstance(text, str):
        raise ValueError("the id must be a string or an integer, and the text a string")
    return str(id_), text
