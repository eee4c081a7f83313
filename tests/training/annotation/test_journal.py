"""The journal: whatever a crash leaves, the whole records stay and the torn one goes."""

from __future__ import annotations

from pathlib import Path

import pytest

from training.errors import UserError
from training.llm.journal import Journal, Record, read_records

HEADER: Record = {"model": "x", "sizes": (1, 2)}
RECORDS: list[Record] = [{"id": "a", "text": "joy\u2028\r\n"}, {"id": "ü"}, {"id": "c", "n": None}]


def written(path: Path) -> bytes:
    with Journal(path, HEADER) as journal:
        journal.append(RECORDS[0])
        journal.extend(RECORDS[1:])
    return path.read_bytes()


def test_what_is_written_is_read(tmp_path: Path) -> None:
    path = tmp_path / "new folder" / "journal.jsonl"
    written(path)
    with Journal(path, HEADER) as journal:
        assert journal.records == RECORDS
        assert read_records(path, HEADER) == RECORDS  # by others, while it is open


def test_a_record_is_in_the_file_as_soon_as_it_counts(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    with Journal(path, HEADER) as journal:
        for count, record in enumerate(RECORDS, start=1):
            journal.append(record)
            assert read_records(path, HEADER) == RECORDS[:count] == journal.records


def test_torn_at_any_byte_it_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    whole = written(path)
    for size in range(len(whole)):
        path.write_bytes(whole[:size])
        complete = RECORDS[: max(whole[:size].count(b"\n") - 1, 0)]
        assert read_records(path, HEADER) == complete
        with Journal(path, HEADER) as journal:
            assert journal.records == complete
            journal.append({"id": "new"})
        assert read_records(path, HEADER) == [*complete, {"id": "new"}]


@pytest.mark.parametrize("torn", [b"\0\0\0\n", b'{"id": "x"\n', b"[1]\n", b'{"id": "x"}'])
def test_a_last_line_of_rubbish_goes(tmp_path: Path, torn: bytes) -> None:
    path = tmp_path / "journal.jsonl"
    path.write_bytes(written(path) + torn)
    with Journal(path, HEADER) as journal:
        assert journal.records == RECORDS


def test_damage_elsewhere_is_told(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    path.write_bytes(written(path).replace(b'{"id": "a"', b'{"id: "a"'))
    with pytest.raises(UserError, match="line 2 is damaged"), Journal(path, HEADER):
        pass


def test_one_writer_at_a_time(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    with Journal(path, HEADER):
        with pytest.raises(UserError, match="another run"), Journal(path, HEADER):
            pass
        assert read_records(path, HEADER) == []
    with Journal(path, HEADER) as journal:
        journal.append(RECORDS[0])


def test_another_header_is_refused_and_the_lock_let_go(tmp_path: Path) -> None:
    path = tmp_path / "journal.jsonl"
    whole = written(path)
    with (
        pytest.raises(UserError, match="made with another model, prompt"),
        Journal(path, {"model": "y", "sizes": [1, 2], "prompt": "z"}),
    ):
        pass
    assert path.read_bytes() == whole
    with Journal(path, HEADER):
        pass
