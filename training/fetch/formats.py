"""The files of each project, as rows of the form that our readers read."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

from training.errors import UserError
from training.fetch.recipe import Format
from training.readers.benchmarks import PUBLISHED

Row = dict[str, Any]

GOEMOTIONS = dict(enumerate(PUBLISHED["goemotions"].labels))
# Plutchik's eight, as XED numbers them.
XED = dict(
    enumerate(
        ("anger", "anticipation", "disgust", "fear", "joy", "sadness", "surprise", "trust"), start=1
    )
)
EDOS_VOTES = ("Worker 1 answer", "Worker 2 answer", "Worker 3 answer")
EDOS_AGREED = "Agreed emotion (2/3 vote)"
NO_AGREEMENT = "-"


def read_rows(path: Path, layout: Format) -> Iterator[Row]:
    """Reads a downloaded file.

    Args:
        path: The file.
        layout: Which project's, and which of its files.

    Yields:
        Its rows, in its order.

    Raises:
        UserError: If a row is not of that format; the message names it.
    """
    try:
        yield from _READERS[layout](path)
    except (UnicodeDecodeError, csv.Error) as error:
        raise UserError(f"{path}: not as published: {error}; {_ADVICE}") from None


_ADVICE = "look into it, or remove it to have it downloaded again"


def _read_lines(path: Path, columns: str, convert: Callable[[list[str]], Row]) -> Iterator[Row]:
    # Only "\n" ends a line: texts may hold other characters that Python takes for line ends.
    with path.open(encoding="utf-8-sig", newline="\n") as file:
        for number, line in enumerate(file, 1):
            try:
                yield convert(line.rstrip("\r\n").split("\t"))
            except (ValueError, LookupError):
                raise UserError(
                    f"{path}:{number}: expected {columns}, with tabs between; {_ADVICE}"
                ) from None


def _goemotions(columns: list[str]) -> Row:
    text, numbers, name = columns
    return {"id": name, "text": text, "labels": _names(numbers, GOEMOTIONS)}


def _xed(columns: list[str]) -> Row:
    text, numbers = columns
    return {"text": text.strip(), "labels": _names(numbers, XED)}


def _xed_neutral(columns: list[str]) -> Row:
    # One published line has no text, only tabs; it is kept, so that the counts agree.
    return {"text": columns[1].strip(), "labels": ["neutral"]}


def _names(numbers: str, names: Mapping[int, str]) -> list[str]:
    return [names[int(number)] for number in numbers.split(",")]


def _read_edos(
    path: Path, columns: tuple[str, ...], convert: Callable[[Mapping[str, str]], Row]
) -> Iterator[Row]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        reader = csv.DictReader(file)
        missing = [column for column in columns if column not in (reader.fieldnames or ())]
        if missing:
            raise UserError(f"{path}: no column {', '.join(map(repr, missing))}; {_ADVICE}")
        for row in reader:
            if any(row[column] is None for column in columns):
                raise UserError(f"{path}:{reader.line_num}: the row has too few columns; {_ADVICE}")
            yield convert(row)


def _edos_mturk(row: Mapping[str, str]) -> Row:
    agreed = row[EDOS_AGREED]
    return {
        "dialogue_id": row["DialogID"],
        "turns": _lines(row["Dialog"]),
        "label": None if agreed == NO_AGREEMENT else agreed.lower(),
        "votes": [row[column].lower() for column in EDOS_VOTES],
    }


def _edos_auto(row: Mapping[str, str], method: str) -> Row:
    turns = [turn.removeprefix("- ") for turn in _lines(row["os_dialog"])]
    return {
        "dialogue_id": row["os_dialog_id"],
        "turns": turns,
        "label": row["emotion"].lower(),
        "method": method,
    }


def _lines(text: str) -> list[str]:
    return [line for part in text.split("\n") if (line := part.strip())]


def _edos_auto_reader(method: str) -> Callable[[Path], Iterator[Row]]:
    return partial(
        _read_edos,
        columns=("os_dialog_id", "os_dialog", "emotion"),
        convert=partial(_edos_auto, method=method),
    )


_READERS: dict[Format, Callable[[Path], Iterator[Row]]] = {
    "goemotions": partial(
        _read_lines, columns="a text, label numbers and an id", convert=_goemotions
    ),
    "edos_mturk": partial(
        _read_edos, columns=("DialogID", "Dialog", EDOS_AGREED, *EDOS_VOTES), convert=_edos_mturk
    ),
    "edos_similar": _edos_auto_reader("similar"),
    "edos_self": _edos_auto_reader("self"),
    "edos_similar_self": _edos_auto_reader("similar_self"),
    "xed": partial(_read_lines, columns="a text and label numbers", convert=_xed),
    "xed_neutral": partial(_read_lines, columns="a label number and a text", convert=_xed_neutral),
}
