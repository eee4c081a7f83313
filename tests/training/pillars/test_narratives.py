"""Reading narratives."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from training.errors import UserError
from training.pillars.narratives import Narratives, read_narratives


def test_a_folder_of_text_files(tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "two.txt").write_text("Second.\n", encoding="utf-8")
    (tmp_path / "one.txt").write_text("First.", encoding="utf-8")
    (tmp_path / "empty.txt").write_text(" \n", encoding="utf-8")
    (tmp_path / "notes.md").write_text("No narrative.", encoding="utf-8")
    assert read_narratives(Narratives(path=tmp_path)) == {"b/two": "Second.", "one": "First."}
    assert read_narratives(Narratives(path=tmp_path / "one.txt")) == {"one": "First."}


def test_json_lines(tmp_path: Path) -> None:
    path = tmp_path / "plots.jsonl.gz"
    rows = [{"title": "A", "plot": "It rains."}, {"title": "B", "plot": "It snows."}]
    with gzip.open(path, "wt", encoding="utf-8") as file:
        file.writelines(json.dumps(row) + "\n" for row in rows)
    settings = Narratives(path=path, id_field="title", text_field="plot")
    assert read_narratives(settings) == {"A": "It rains.", "B": "It snows."}
    assert read_narratives(settings.model_copy(update={"limit": 1})) == {"A": "It rains."}


def test_equal_and_overlong_narratives_are_left_out(tmp_path: Path) -> None:
    for name, text in {"a": "It rains.", "b": "It rains.", "c": "one two three four"}.items():
        (tmp_path / f"{name}.txt").write_text(text, encoding="utf-8")
    assert read_narratives(Narratives(path=tmp_path, most_words=3)) == {"a": "It rains."}


def test_no_narratives_are_told(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no narratives"):
        read_narratives(Narratives(path=tmp_path))
    with pytest.raises(UserError, match="no such file"):
        read_narratives(Narratives(path=tmp_path / "none.jsonl"))
