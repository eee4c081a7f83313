"""A corpus of JSON Lines or Parquet, here or in an object store, cut into shards of rows."""

from __future__ import annotations

import io
import json
import uuid
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, fields
from itertools import count, islice
from pathlib import Path, PurePosixPath
from typing import Any, Optional, Union

import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow import fs

from emotion_component.dialogue import InputError
from emotion_component.json_lines import Message, parse_message, parse_object
from emotion_component.results import EmotionResult

JSON_LINES, PARQUET = (".jsonl", ".ndjson"), (".parquet",)
HIDDEN = ("_", ".")
"""How the names of files begin that readers of a folder pass over, here as in Spark and Arrow."""

RESULT_KEYS = (*(field.name for field in fields(EmotionResult)), "error")

_SCORES = pa.map_(pa.string(), pa.float64())
RESULT_COLUMNS = {
    "label": pa.string(),
    "score": pa.float64(),
    "labels": _SCORES,
    "scores": _SCORES,
    "group": pa.string(),
    "valence": pa.float64(),
    "arousal": pa.float64(),
    "truncated": pa.bool_(),
    "bundle": pa.struct({"name": pa.string(), "version": pa.string()}),
    "error": pa.string(),
}

Row = dict[str, Any]
Parsed = Union[Message, str]  # str: why a row cannot be read


@dataclass(frozen=True)
class Shard:
    """Some rows of one file.

    Attributes:
        file: The file's path below the input.
        start: Number of the first row, from 0.
        stop: Number of the row after the last.
        offset: First byte of the rows; of JSON Lines alone.
        length: Bytes of the rows; of JSON Lines alone.
    """

    file: str
    start: int
    stop: int
    offset: int = 0
    length: int = 0

    @property
    def output(self) -> str:
        """Path of its results below the output."""
        path = PurePosixPath(self.file)
        return f"{path.with_suffix('')}.{self.start:012}-{self.stop:012}{path.suffix}"


class Folder:
    """A file or folder, here or in an object store.

    Args:
        uri: A path, or a URI such as s3://bucket/folder or gs://bucket/folder.

    Raises:
        InputError: If no file system knows the URI.
    """

    def __init__(self, uri: str) -> None:
        try:
            if "://" in uri:
                self._system, path = fs.FileSystem.from_uri(uri)
            else:
                self._system, path = fs.LocalFileSystem(), str(Path(uri).absolute())
        except (pa.ArrowException, ValueError, OSError) as error:
            raise InputError(f"{uri}: {error}") from None
        self._root = PurePosixPath(path)
        self._only: Optional[str] = None
        if self._system.get_file_info(path).is_file:
            self._root, self._only = self._root.parent, self._root.name

    def sizes(self) -> dict[str, int]:
        """Bytes of every file by its path below the folder, in order, hidden ones left out.

        A URI of a file is that of a folder which holds it alone. What does not exist is empty.
        """
        if self._only:
            return {self._only: self._system.get_file_info(str(self._root / self._only)).size}
        selector = fs.FileSelector(str(self._root), recursive=True, allow_not_found=True)
        found = {
            PurePosixPath(entry.path).relative_to(self._root): entry.size
            for entry in self._system.get_file_info(selector)
            if entry.is_file
        }
        return {
            str(path): found[path]
            for path in sorted(found)
            if not any(part.startswith(HIDDEN) for part in path.parts)
        }

    def open(self, file: str) -> Any:  # noqa: ANN401 - pyarrow has no types
        """Opens a file of `sizes` for reading at random."""
        return self._system.open_input_file(str(self._root / file))

    def read(self, file: str) -> bytes:
        """Returns a file's content; nothing if there is none."""
        path = str(self._root / file)
        if not self._system.get_file_info(path).is_file:
            return b""
        with self._system.open_input_stream(path) as stream:
            content: bytes = stream.read()
        return content

    def write(self, file: str, content: bytes) -> None:
        """Writes a file whole or not at all: under a hidden name, which then changes."""
        target = self._root / file
        unfinished = str(target.with_name(f"_{uuid.uuid4().hex}"))
        self._system.create_dir(str(target.parent), recursive=True)
        with self._system.open_output_stream(unfinished) as stream:
            stream.write(content)
        self._system.move(unfinished, str(target))


def split(folder: Folder, file: str, rows: int) -> list[Shard]:
    """Cuts a file into shards of so many rows.

    Raises:
        InputError: If the file is of another format, has no texts, or has a column that the
            results have too.
    """
    suffix = PurePosixPath(file).suffix
    if suffix not in (*JSON_LINES, *PARQUET):
        raise InputError(f"--input: {file}: expected {', '.join((*JSON_LINES, *PARQUET))}")
    try:
        with folder.open(file) as source:
            if suffix in PARQUET:
                return list(_split_table(source, file, rows))
            with io.BufferedReader(source) as lines:
                return list(_split_lines(lines, file, rows))
    except (pa.ArrowException, InputError) as error:
        raise InputError(f"--input: {file}: {error}") from None


def _split_table(source: Any, file: str, rows: int) -> Iterator[Shard]:  # noqa: ANN401
    table = pq.ParquetFile(source)
    if "text" not in table.schema_arrow.names:
        raise InputError('expected a column "text"')
    _check_keys(table.schema_arrow.names)
    total = table.metadata.num_rows
    for start in range(0, total, rows):
        yield Shard(file, start, min(start + rows, total))


def _split_lines(lines: Iterable[bytes], file: str, rows: int) -> Iterator[Shard]:
    lines = iter(lines)
    offset = 0
    for start in count(0, rows):
        block = list(islice(lines, rows))
        if not block:
            return
        if start == 0:
            _check_first(block[0])
        length = sum(map(len, block))
        yield Shard(file, start, start + len(block), offset, length)
        offset += length


def _check_first(line: bytes) -> None:
    """Looks at one row, since a key that one has they usually all have."""
    try:
        row = parse_object(line)
    except InputError:
        return  # answered in its place
    _check_keys(row)


def _check_keys(names: Iterable[str]) -> None:
    for name in names:
        if name in RESULT_KEYS:
            raise InputError(f"{name}: the results have this name; rename it")


class JsonLinesRows:
    """The rows of a shard of JSON Lines.

    Args:
        folder: The input.
        shard: Which rows.
    """

    def __init__(self, folder: Folder, shard: Shard) -> None:
        with folder.open(shard.file) as source:
            source.seek(shard.offset)
            content: bytes = source.read(shard.length)
        lines = content[:-1] if content.endswith(b"\n") else content
        self._rows: list[Row] = []
        self.parsed: list[Parsed] = []
        for number, line in enumerate(lines.split(b"\n"), shard.start + 1):
            self._parse(line, number)

    def _parse(self, line: bytes, number: int) -> None:
        row: Row = {}
        try:
            row = parse_object(line)
            _check_keys(row)
            self.parsed.append(parse_message(row["text"], row.get("context")))
        except InputError as error:
            self.parsed.append(f"line {number}: {error}")
        self._rows.append(row)

    def encode(self, results: Sequence[Row]) -> bytes:
        """Returns each row with its result."""
        lines = (json.dumps({**row, **result}) for row, result in zip(self._rows, results))
        return "".join(f"{line}\n" for line in lines).encode()


class ParquetRows:
    """The rows of a shard of Parquet.

    Args:
        folder: The input.
        shard: Which rows.
    """

    def __init__(self, folder: Folder, shard: Shard) -> None:
        with folder.open(shard.file) as source:
            self._table = _read_rows(pq.ParquetFile(source), shard.start, shard.stop)
        texts = self._table["text"].to_pylist()
        has_context = "context" in self._table.column_names
        contexts = self._table["context"].to_pylist() if has_context else [None] * len(texts)
        self.parsed: list[Parsed] = [
            _parse_row(text, context, number)
            for number, (text, context) in enumerate(zip(texts, contexts), shard.start + 1)
        ]

    def encode(self, results: Sequence[Row]) -> bytes:
        """Returns each row with its result; `error` is null where there is none."""
        table = self._table
        for name, kind in RESULT_COLUMNS.items():
            values = [result.get(name) for result in results]
            if pa.types.is_map(kind):
                values = [None if value is None else list(value.items()) for value in values]
            table = table.append_column(name, pa.array(values, kind))
        target = pa.BufferOutputStream()
        pq.write_table(table, target)
        content: bytes = target.getvalue().to_pybytes()
        return content


def _parse_row(text: object, context: object, number: int) -> Parsed:
    try:
        return parse_message(text, context)
    except InputError as error:
        return f"row {number}: {error}"


def _read_rows(file: Any, start: int, stop: int) -> Any:  # noqa: ANN401
    """Reads the row groups that hold the rows, and cuts them to size."""
    groups: list[int] = []
    first = begin = 0
    for group in range(file.metadata.num_row_groups):
        end = begin + file.metadata.row_group(group).num_rows
        if begin < stop and end > start:
            first = first if groups else begin
            groups.append(group)
        begin = end
    return file.read_row_groups(groups).slice(start - first, stop - start)


def read_rows(folder: Folder, shard: Shard) -> Union[JsonLinesRows, ParquetRows]:
    """Reads the rows of a shard."""
    is_table = PurePosixPath(shard.file).suffix in PARQUET
    return (ParquetRows if is_table else JsonLinesRows)(folder, shard)
