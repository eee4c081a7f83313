"""Local tables and hub datasets: columns, joins, what is said of mistakes."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import datasets
import pytest

from training.errors import UserError
from training.readers.data_folder import data_folder, find_file
from training.readers.example import Example
from training.readers.held_out import split_held_out
from training.readers.sources import Join, Source, read_source

Writer = Callable[..., Path]
EXPECTED = [Example("so happy", ("joy", "love"), "the news", "a"), Example("hm", (), None, "b")]


def test_jsonl_and_gzip(tmp_path: Path, write_jsonl: Writer) -> None:
    rows = [
        {
            "id": "a",
            "text": "so happy",
            "labels": ["joy", "love", "joy"],
            "before": ["the", "news"],
        },
        {"id": "b", "text": "hm", "labels": [], "before": None},
    ]
    path = write_jsonl(tmp_path / "t.jsonl", rows)
    with gzip.open(tmp_path / "t.jsonl.gz", "wt", encoding="utf-8") as file:
        file.write(path.read_text())
    for name in ("t.jsonl", "t.jsonl.gz"):
        assert read_source(Source(file=name, context="before"), tmp_path) == EXPECTED


@pytest.mark.parametrize(("suffix", "tab"), [("csv", ","), ("tsv", "\t")])
def test_csv_and_tsv(tmp_path: Path, suffix: str, tab: str) -> None:
    lines = [["id", "say", "feel", "before"], ["a", "so happy", "joy; love", "the news"]]
    lines.append(["b", "hm", "", ""])
    (tmp_path / f"t.{suffix}").write_text("\n".join(tab.join(line) for line in lines))
    source = Source(file=f"t.{suffix}", text="say", labels="feel", context="before", separator=";")
    assert read_source(source, tmp_path) == EXPECTED


def test_hub_dataset_with_numbered_labels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    label = datasets.ClassLabel(names=["joy", "love"])
    table = datasets.Dataset.from_dict(
        {"id": ["a", "b"], "text": ["so happy", "hm"], "labels": [[0, 1], []]},
        features=datasets.Features(
            id=datasets.Value("string"),
            text=datasets.Value("string"),
            labels=datasets.Sequence(label),
        ),
    )
    asked: list[Any] = []

    def load_dataset(*names: str, split: str) -> datasets.Dataset:
        asked.append((*names, split))
        return table

    monkeypatch.setattr(datasets, "load_dataset", load_dataset)
    examples = read_source(Source(hub="owner/set", config="raw", split="train[:2]"), None)
    assert asked == [("owner/set", "raw", "train[:2]")]
    assert [example.labels for example in examples] == [("joy", "love"), ()]


def test_labels_joined_by_id(tmp_path: Path, write_jsonl: Writer) -> None:
    write_jsonl(tmp_path / "texts.jsonl", [{"id": i, "text": f"text {i}"} for i in "abc"])
    write_jsonl(tmp_path / "labels.jsonl", [{"id": i, "labels": [f"of {i}"]} for i in "cab"])
    source = Source(file="texts.jsonl", join=Join(file="labels.jsonl"))
    examples = read_source(source, tmp_path)
    assert [(e.text, e.labels) for e in examples] == [(f"text {i}", (f"of {i}",)) for i in "abc"]


def test_labels_of_several_columns(tmp_path: Path, write_jsonl: Writer) -> None:
    rows = [{"id": "a", "text": "so happy", "labels": ["joy"]}, {"id": "b", "text": "hm"}]
    write_jsonl(tmp_path / "texts.jsonl", [rows[0], {**rows[1], "labels": None}])
    more = [{"id": "a", "descriptors": "glee, joy"}, {"id": "b", "descriptors": "doubt"}]
    write_jsonl(tmp_path / "more.jsonl", more)
    source = Source(
        file="texts.jsonl", labels=["labels", "descriptors"], join=Join(file="more.jsonl")
    )
    examples = read_source(source, tmp_path)
    assert [example.labels for example in examples] == [("joy", "glee"), ("doubt",)]
    wrong = source.model_copy(update={"labels": ["labels", "feelings"]})
    with pytest.raises(UserError, match=r"no column 'feelings'; set `labels:` to one of"):
        read_source(wrong, tmp_path)


def test_a_note_behind_a_label_is_left_out(tmp_path: Path, write_jsonl: Writer) -> None:
    rows = [{"text": "so", "labels": ["sad", "relieved (other)", " calm ( ? ) ", "(none)"]}]
    write_jsonl(tmp_path / "t.jsonl", rows)
    (example,) = read_source(Source(file="t.jsonl"), tmp_path)
    assert example.labels == ("sad", "relieved", "calm")


def test_rows_can_be_read_several_times(tmp_path: Path, write_jsonl: Writer) -> None:
    write_jsonl(tmp_path / "t.jsonl", [{"text": t, "labels": ["joy"]} for t in ("so", "ok", "no")])
    examples = read_source(Source(file="t.jsonl", limit=2, repeat=3), tmp_path)
    assert len(examples) == 6
    assert len({example.text for example in examples}) == 2


def test_the_last_of_a_list_of_turns_is_the_text(tmp_path: Path, write_jsonl: Writer) -> None:
    rows = [
        {"turns": ["you won", "really?", "so happy"], "label": "joy"},
        {"turns": ["hm"], "label": None},
    ]
    write_jsonl(tmp_path / "t.jsonl", rows)
    alone = Source(file="t.jsonl", text="turns", labels="label")
    expected = [("so happy", ("joy",)), ("hm", ())]
    assert [(e.text, e.labels) for e in read_source(alone, tmp_path)] == expected
    with_context = alone.model_copy(update={"context": "turns"})
    assert [e.context for e in read_source(with_context, tmp_path)] == ["you won really?", None]


def test_a_text_without_partner_stops_the_join(tmp_path: Path, write_jsonl: Writer) -> None:
    write_jsonl(tmp_path / "texts.jsonl", [{"id": i, "text": "x"} for i in "ab"])
    write_jsonl(tmp_path / "labels.jsonl", [{"id": "a", "labels": []}])
    with pytest.raises(UserError, match=r"1 of 2 texts have no labels .*first: id 'b'"):
        read_source(Source(file="texts.jsonl", join=Join(file="labels.jsonl")), tmp_path)


@pytest.mark.parametrize(
    ("row", "source", "message"),
    [
        ({"txt": "x", "labels": []}, {}, "no column 'text'; set `text:` to one of txt, labels"),
        ({"text": "x", "l": []}, {}, "no column 'labels'; set `labels:`"),
        ({"text": "x", "labels": []}, {"context": "c"}, "no column 'c'; set `context:`"),
    ],
)
def test_missing_columns(
    tmp_path: Path, write_jsonl: Writer, row: dict[str, Any], source: dict[str, Any], message: str
) -> None:
    write_jsonl(tmp_path / "t.jsonl", [row])
    with pytest.raises(UserError, match=message):
        read_source(Source(file="t.jsonl", **source), tmp_path)


def test_broken_tables(tmp_path: Path) -> None:
    (tmp_path / "t.jsonl").write_text('{"text": "x"}\n{"text": ')
    with pytest.raises(UserError, match=r"t\.jsonl:2: not valid JSON"):
        read_source(Source(file="t.jsonl"), tmp_path)
    (tmp_path / "empty.jsonl").write_text("")
    with pytest.raises(UserError, match="holds no rows"):
        read_source(Source(file="empty.jsonl"), tmp_path)
    (tmp_path / "t.xlsx").write_text("x")
    with pytest.raises(UserError, match=r"use \.jsonl, \.csv or \.tsv"):
        read_source(Source(file="t.xlsx"), tmp_path)


def test_where_files_are_looked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("EMOTION_DATA", raising=False)
    with pytest.raises(UserError, match="--data or EMOTION_DATA"):
        find_file("nowhere.jsonl", data_folder(None))
    assert find_file("training/data/descriptors/goemotions.jsonl.gz", None).is_file()
    monkeypatch.setenv("EMOTION_DATA", str(tmp_path))
    assert data_folder(None) == tmp_path
    with pytest.raises(UserError, match="is no folder"):
        data_folder(tmp_path / "nowhere")


def test_held_out_texts() -> None:
    examples = [Example(f"text {number % 50}", (str(number),)) for number in range(100)]
    train, held_out = split_held_out(examples, 0.2)
    assert len(held_out) == 20
    assert len(train) == 80
    assert not {e.text for e in train} & {e.text for e in held_out}
    assert split_held_out(list(reversed(examples)), 0.2)[1] == list(reversed(held_out))
    assert split_held_out(examples, 0.2, seed=1)[1] != held_out


def test_no_descriptor_lacks_its_text_id() -> None:
    path = find_file("training/data/descriptors/goemotions.jsonl.gz", None)
    with gzip.open(path, "rt", encoding="utf-8") as file:
        rows = [json.loads(line) for line in file]
    assert len({row["id"] for row in rows}) == len(rows) == 43_410
    assert all(row["descriptors"] for row in rows)
