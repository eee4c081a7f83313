"""Labelled texts as a recipe names them: local files or hub datasets, and which column is what."""

from __future__ import annotations

import random
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pydantic import PositiveInt, model_validator

from training.errors import UserError
from training.readers.data_folder import find_file
from training.readers.example import Example
from training.readers.rows import read_rows
from training.readers.turns import alternate, join_turns
from training.recipe import Recipe

# What annotators add behind a label of their own, such as "relieved (other)".
_NOTE = re.compile(r"\s*\([^()]*\)\s*$")


class Join(Recipe):
    """Labels that stand in a file of their own, joined to the texts by id.

    Attributes:
        file: The file with the labels; of a column that both files have, its own counts.
        id: The column that both files share.
    """

    file: str
    id: str = "id"


class Source(Recipe):
    """A table of texts, and which of its columns is what; exactly one of `file` and `hub`.

    Attributes:
        file: A local .jsonl, .csv or .tsv, gzipped or not; relative to the data folder or the
            checkout.
        hub: A dataset of the Hugging Face hub (or a folder in its format).
        config: The hub dataset's configuration, if it has several.
        split: The hub dataset's split.
        text: The column with the text; of a list of turns, the last is the text.
        labels: The columns with the labels, one or several: each a list, or a string with
            `separator` between them.
        context: The column with what was said before: a string or a list of strings; where it is
            the column of `text`, the turns before the last.
        roles: Whether the turns of a context's list are led by who said them, "user" and "bot" in
            turn, the bot last, as the runtime reads them.
        limit: Take so many rows, by chance; null for all.
        repeat: How often its rows are read in an epoch.
        separator: Between the labels of a string.
        join: A file with more columns of the same texts.
    """

    file: str | None = None
    hub: str | None = None
    config: str | None = None
    split: str = "train"
    text: str = "text"
    labels: str | list[str] = "labels"
    context: str | None = None
    roles: bool = False
    limit: PositiveInt | None = None
    repeat: PositiveInt = 1
    separator: str = ","
    join: Join | None = None

    @model_validator(mode="after")
    def _one_place(self) -> Source:
        if (self.file is None) == (self.hub is None):
            raise ValueError("give one of `file` (a local table) and `hub` (a hub dataset)")
        return self

    def label_columns(self) -> list[str]:
        """The columns of `labels`."""
        return [self.labels] if isinstance(self.labels, str) else self.labels


def read_source(source: Source, data: Path | None) -> list[Example]:
    """Reads one source.

    Args:
        source: What the recipe says.
        data: The data folder, if there is one.

    Raises:
        UserError: If a file or a column is missing, or a text has no partner in the joined file.
    """
    if source.file is not None:
        path = find_file(source.file, data)
        name, rows = str(path), read_rows(path)
    else:
        name, rows = str(source.hub), _hub_rows(source)
    if not rows:
        raise UserError(f"{name}: holds no rows")
    if source.join is not None:
        rows = _joined(rows, source, name, data)
    _check_columns(rows[0], source, name)
    if source.limit is not None and source.limit < len(rows):
        rows = random.Random(0).sample(rows, source.limit)
    return [
        Example(_text(row, source), _labels(row, source), _context(row, source), row.get("id"))
        for row in rows * source.repeat
    ]


def _hub_rows(source: Source) -> list[dict[str, Any]]:
    from datasets import ClassLabel, load_dataset

    dataset = load_dataset(source.hub, source.config, split=source.split)
    rows: list[dict[str, Any]] = dataset.to_list()
    for column in source.label_columns():
        feature = dataset.features.get(column)
        inner = getattr(feature, "feature", feature)
        if isinstance(inner, ClassLabel):  # hub datasets hold numbers; the names are beside them
            for row in rows:
                numbers = row[column]
                row[column] = inner.int2str(numbers if isinstance(numbers, list) else [numbers])
    return rows


def _joined(
    rows: Sequence[dict[str, Any]], source: Source, name: str, data: Path | None
) -> list[dict[str, Any]]:
    assert source.join is not None
    path, key = find_file(source.join.file, data), source.join.id
    partners = {row[key]: row for row in read_rows(path)}
    missing = [row[key] for row in rows if row[key] not in partners]
    if missing:
        raise UserError(
            f"{name}: {len(missing)} of {len(rows)} texts have no labels in {path} "
            f"(first: {key} {missing[0]!r}); annotate them, or name another file in join.file"
        )
    return [{**row, **partners[row[key]]} for row in rows]


def _check_columns(row: Mapping[str, Any], source: Source, name: str) -> None:
    named = [("text", source.text), ("context", source.context)]
    for key, column in [*named, *(("labels", column) for column in source.label_columns())]:
        if column is not None and column not in row:
            raise UserError(
                f"{name}: no column {column!r}; set `{key}:` to one of {', '.join(map(str, row))}"
            )


def _text(row: Mapping[str, Any], source: Source) -> str:
    value: str | list[str] = row[source.text]
    return value if isinstance(value, str) else value[-1]


def _labels(row: Mapping[str, Any], source: Source) -> tuple[str, ...]:
    labels: dict[str, None] = {}
    for column in source.label_columns():
        value = row[column] or ()  # nothing where the annotators did not agree
        parts = value.split(source.separator) if isinstance(value, str) else value
        bare = (_NOTE.sub("", part).strip() for part in parts)
        labels.update(dict.fromkeys(label for label in bare if label))
    return tuple(labels)


def _context(row: Mapping[str, Any], source: Source) -> str | None:
    value = row.get(source.context) if source.context else None
    if isinstance(value, list):
        before = value[:-1] if source.context == source.text else value
        value = join_turns(alternate(before)) if source.roles else " ".join(before)
    return value or None
