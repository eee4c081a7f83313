"""Rows of local files: JSON Lines (gzip or not), CSV, TSV."""

from __future__ import annotations

import csv
import gzip
import json
from collections.abc import Iterator
from pathlib import Path
from typing import IO, Any

from training.errors import UserError

_DELIMITERS = {".csv": ",", ".tsv": "\t"}


def read_rows(path: str | Path) -> list[dict[str, Any]]:
    """Reads a table as one mapping a row.

    Args:
        path: A file that ends in .jsonl, .csv or .tsv, or one of them and .gz; UTF-8. CSV and TSV
            files have a header.

    Raises:
        UserError: If the file is missing, of another kind, or a line is no JSON object; the
            message names the file and the line.
    """
    path = Path(path)
    kind = Path(path.stem).suffix if path.suffix == ".gz" else path.suffix
    if kind != ".jsonl" and kind not in _DELIMITERS:
        raise UserError(f"{path}: cannot read this kind of file; use .jsonl, .csv or .tsv (.gz)")
    if not path.is_file():
        raise UserError(f"{path}: no such file")
    with _open(path) as file:
        if kind == ".jsonl":
            return list(_json_rows(file, path))
        return list(csv.DictReader(file, delimiter=_DELIMITERS[kind]))


def _open(path: Path) -> IO[str]:
    if path.suffix == ".gz":
        return gzip.open(path, "rt", encoding="utf-8", newline="")
    return path.open(encoding="utf-8", newline="")


def _json_rows(file: IO[str], path: Path) -> Iterator[dict[str, Any]]:
    for number, line in enumerate(file, 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except json.JSONDecodeError as error:
            raise UserError(f"{path}:{number}: not valid JSON: {error}") from None
        if not isinstance(row, dict):
            raise UserError(f"{path}:{number}: expected a JSON object")
        yield row
