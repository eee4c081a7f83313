"""A file of JSON Lines that survives kill -9."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import Any

from filelock import FileLock, Timeout

from training.errors import UserError

Record = dict[str, Any]


def read_records(path: Path, header: Record) -> list[Record]:
    """The complete records of a journal, whether or not a run is writing it now.

    Args:
        path: The journal; it need not exist.
        header: What the records should have been made with.

    Returns:
        The records after the header.

    Raises:
        UserError: If it was made with another header, or a line other than the last is damaged.
    """
    return _read(path, header)[0]


def _read(path: Path, header: Record) -> tuple[list[Record], int]:
    """The records after the header, and the bytes that whole lines take; 0 without a header."""
    lines, end = _parse(path, path.read_bytes() if path.exists() else b"")
    if lines:
        _check_header(path, lines[0], header)
    return lines[1:], end


def _check_header(path: Path, found: Record, wanted: Record) -> None:
    # Through JSON, where a tuple becomes a list.
    wanted = json.loads(json.dumps(wanted))
    keys = found.keys() | wanted.keys()
    different = sorted(key for key in keys if found.get(key) != wanted.get(key))
    if different:
        raise UserError(
            f"{path}: was made with another {', '.join(different)}; "
            "choose another output folder, or go back to the recipe it was made with"
        )


def _parse(path: Path, content: bytes) -> tuple[list[Record], int]:
    """The whole lines, header among them, and the number of bytes they take."""
    records: list[Record] = []
    end = 0
    lines = content.splitlines(keepends=True)
    for number, line in enumerate(lines, start=1):
        try:
            record = json.loads(line)
        except ValueError:
            record = None
        if not isinstance(record, dict) or not line.endswith(b"\n"):
            if number < len(lines):
                raise UserError(f"{path}: line {number} is damaged; remove that line")
            break  # torn by a crash in mid-write: it was never counted
        records.append(record)
        end += len(line)
    return records, end


class Journal:
    """Records that are on the disk as soon as they are counted, written by one run at a time.

    A context manager: entering locks the file, repairs a last line torn by a crash, and reads
    what is there.

    Args:
        path: The file; made if it is missing.
        header: What the records were made with. It becomes the first line, and a journal that has
            another is not continued.

    Raises:
        UserError: On entering, if another run holds the file, if it was made with another header,
            or if a line other than the last is damaged.
    """

    def __init__(self, path: Path, header: Record) -> None:
        self.path = path
        self.records: list[Record] = []
        self._header = header
        self._lock = FileLock(f"{path}.lock", timeout=0)

    def __enter__(self) -> Journal:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        try:
            self._lock.acquire()
        except Timeout:
            raise UserError(
                f"{self.path}: another run is writing it; wait for its end or stop it"
            ) from None
        try:
            self._open()
        except BaseException:
            self._lock.release()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        os.close(self._file)
        self._lock.release()

    def append(self, record: Record) -> None:
        """Writes a record and waits until the disk has it."""
        self.extend([record])

    def extend(self, records: Iterable[Record]) -> None:
        """Writes several records and waits until the disk has them."""
        records = list(records)
        self._write(records)
        self.records.extend(records)

    def _open(self) -> None:
        self.records, end = _read(self.path, self._header)
        self._file = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        os.ftruncate(self._file, end)
        if not end:
            self._write([self._header])

    def _write(self, records: list[Record]) -> None:
        lines = [json.dumps(record, ensure_ascii=False) + "\n" for record in records]
        content = "".join(lines).encode()
        written = os.write(self._file, content)
        if written < len(content):
            raise OSError(f"{self.path}: {written} of {len(content)} bytes written; disk full?")
        os.fsync(self._file)
