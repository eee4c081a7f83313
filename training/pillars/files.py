"""JSON Lines that are written whole or not at all."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from pathlib import Path

from training.errors import UserError
from training.llm.journal import Record


def read_lines(path: Path) -> list[Record]:
    """Reads JSON Lines.

    Raises:
        UserError: If the file is missing or a line is no JSON object; the message names it.
    """
    if not path.is_file():
        raise UserError(f"{path}: no such file")
    records = []
    with path.open(encoding="utf-8") as file:
        for number, line in enumerate(file, start=1):
            try:
                record = json.loads(line)
            except ValueError as error:
                raise UserError(f"{path}: line {number}: {error}") from None
            if not isinstance(record, dict):
                raise UserError(f"{path}: line {number}: expected a JSON object")
            records.append(record)
    return records


def write_lines(path: Path, records: Iterable[Record]) -> None:
    """Writes JSON Lines, making the folder."""
    write_text(path, "".join(json.dumps(r, ensure_ascii=False) + "\n" for r in records))


def write_text(path: Path, text: str) -> None:
    """Writes a text file, making the folder."""
    path.parent.mkdir(parents=True, exist_ok=True)
    unfinished = path.with_name(f"{path.name}.{os.getpid()}.part")  # a name a process, under DDP
    unfinished.write_text(text, encoding="utf-8", newline="\n")
    unfinished.replace(path)
