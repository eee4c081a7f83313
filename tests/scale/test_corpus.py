"""Corpora in files: cut into shards, read back, written with their results."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from emotion_component.corpus import RESULT_COLUMNS, RESULT_KEYS, Folder, read_rows, split
from emotion_component.dialogue import InputError, Turn

TURN = {"role": "bot", "text": "hello"}
ROWS = [{"id": i, "text": f"text {i} \u00fc\u2028", "context": [TURN] * (i % 3)} for i in range(25)]


def write_lines(path: Path, rows: list[Any], end: str = "\n") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = [row if isinstance(row, str) else json.dumps(row, ensure_ascii=False) for row in rows]
    path.write_text("\n".join(lines) + end, encoding="utf-8")


def write_table(path: Path, rows: list[Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.Table.from_pylist(rows), path, row_group_size=8)


@pytest.mark.parametrize(("suffix", "end"), [(".jsonl", "\n"), (".jsonl", ""), (".parquet", "")])
@pytest.mark.parametrize("size", [1, 7, 25, 100])
def test_shards_hold_every_row_once(tmp_path: Path, suffix: str, end: str, size: int) -> None:
    file = tmp_path / f"rows{suffix}"
    write_table(file, ROWS) if suffix == ".parquet" else write_lines(file, ROWS, end)
    folder = Folder(str(tmp_path))
    shards = split(folder, file.name, size)
    assert [shard.stop - shard.start for shard in shards][:-1] == [size] * ((25 - 1) // size)
    parsed = [message for shard in shards for message in read_rows(folder, shard).parsed]
    assert [message.text for message in parsed if not isinstance(message, str)] == [
        row["text"] for row in ROWS
    ]
    assert [message.context for message in parsed if not isinstance(message, str)] == [
        (Turn(**TURN),) * (i % 3) for i in range(25)
    ]
    assert len({shard.output for shard in shards}) == len(shards)


def test_folders_files_and_hidden_files(tmp_path: Path) -> None:
    write_lines(tmp_path / "b" / "rows.jsonl", ROWS)
    write_lines(tmp_path / "a.jsonl", ROWS)
    write_lines(tmp_path / "_run.json", ROWS)
    write_lines(tmp_path / ".hidden" / "rows.jsonl", ROWS)
    assert list(Folder(str(tmp_path)).sizes()) == ["a.jsonl", "b/rows.jsonl"]
    assert Folder((tmp_path / "a.jsonl").as_uri()).sizes() == {
        "a.jsonl": (tmp_path / "a.jsonl").stat().st_size
    }
    assert Folder(str(tmp_path / "nowhere")).sizes() == {}
    shard = split(Folder(str(tmp_path)), "b/rows.jsonl", 10)[1]
    assert shard.output == "b/rows.000000000010-000000000020.jsonl"


def test_rows_that_cannot_be_read_keep_their_place(tmp_path: Path) -> None:
    write_lines(tmp_path / "a.jsonl", [ROWS[0], "nope", "", {"id": 1, "text": 3}, {"text": "x"}])
    (shard,) = split(Folder(str(tmp_path)), "a.jsonl", 10)
    rows = read_rows(Folder(str(tmp_path)), shard)
    errors = [message for message in rows.parsed if isinstance(message, str)]
    assert [error.split(":")[0] for error in errors] == ["line 2", "line 3", "line 4"]
    written = rows.encode([{"error": m} if isinstance(m, str) else {"n": 1} for m in rows.parsed])
    lines = [json.loads(line) for line in written.splitlines()]
    assert lines[0] == {**ROWS[0], "n": 1}
    assert lines[1] == {"error": errors[0]}
    assert lines[3] == {"id": 1, "text": 3, "error": "line 4: text: expected a string, got int"}
    assert lines[4] == {"text": "x", "n": 1}


def test_results_stand_beside_the_columns_of_a_table(tmp_path: Path) -> None:
    write_table(tmp_path / "a.parquet", [{"id": 7, "text": "a"}, {"id": 8, "text": None}])
    (shard,) = split(Folder(str(tmp_path)), "a.parquet", 10)
    rows = read_rows(Folder(str(tmp_path)), shard)
    assert rows.parsed[1] == "row 2: text: expected a string, got NoneType"
    result = {"label": "joy", "labels": {}, "scores": {"joy": 0.5}, "truncated": False}
    content = rows.encode([result, {"error": "bad"}])
    first, second = pq.read_table(pa.BufferReader(content)).to_pylist()
    assert (first["id"], first["label"], first["labels"], first["scores"], first["error"]) == (
        7,
        "joy",
        [],
        [("joy", 0.5)],
        None,
    )
    assert (second["id"], second["label"], second["error"]) == (8, None, "bad")


def test_the_columns_are_the_fields_of_a_result() -> None:
    assert set(RESULT_COLUMNS) == set(RESULT_KEYS)


@pytest.mark.parametrize(
    ("name", "rows", "message"),
    [
        ("a.csv", ["text", "hello"], "a.csv: expected .jsonl, .ndjson, .parquet"),
        ("a.parquet", [{"words": "x"}], 'expected a column "text"'),
        ("a.parquet", [{"text": "x", "label": "joy"}], "label: the results have this name"),
        ("a.jsonl", [{"text": "x", "score": 1}], "score: the results have this name"),
        ("b.parquet", ["no table"], "b.parquet: Parquet magic bytes not found"),
    ],
)
def test_mistakes_show_before_any_row_is_classified(
    tmp_path: Path, name: str, rows: list[Any], message: str
) -> None:
    is_table = name == "a.parquet"
    (write_table if is_table else write_lines)(tmp_path / name, rows)
    with pytest.raises(InputError) as error:
        split(Folder(str(tmp_path)), name, 10)
    assert message in str(error.value)
    assert str(error.value).startswith(f"--input: {name}: ")


def test_unknown_file_systems_are_named() -> None:
    with pytest.raises(InputError, match=r"^ftp://x/y: "):
        Folder("ftp://x/y")


def test_a_file_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    folder = Folder(str(tmp_path / "out"))
    assert folder.read("a/b.txt") == b""
    folder.write("a/b.txt", b"one")
    folder.write("a/b.txt", b"two")
    assert folder.read("a/b.txt") == b"two"
    assert list(folder.sizes()) == ["a/b.txt"]
    assert [path.name for path in (tmp_path / "out" / "a").iterdir()] == ["b.txt"]
