"""Benchmarks: counts, targets, the split of ISEAR by person."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from training.errors import UserError
from training.readers.benchmarks import read_benchmark

Writer = Callable[..., Path]


def test_counts_that_differ_are_told(tmp_path: Path, write_jsonl: Writer) -> None:
    for split in ("train", "dev", "test"):
        rows = [{"text": "x", "labels": ["joy", "trust"]}, {"text": "y", "labels": []}]
        write_jsonl(tmp_path / "semeval2018_ec" / f"{split}.jsonl", rows)
    benchmark = read_benchmark("semeval2018_ec", tmp_path)
    assert "semeval2018_ec/test: 2 rows read, 3,259 published" in benchmark.differences
    assert len(benchmark.differences) == 3
    targets = benchmark.splits["test"].targets
    assert targets.sum(1).tolist() == [2, 0]
    assert targets[0, benchmark.labels.index("trust")] == 1


def test_isear_keeps_a_person_on_one_side(tmp_path: Path, write_jsonl: Writer) -> None:
    rows = [
        {"text": f"{person}", "label": "joy", "subject": str(person)}
        for person in range(1095)
        for _ in range(7)
    ] + [{"text": "last", "label": "guilt", "subject": "1095"}]
    write_jsonl(tmp_path / "isear" / "all.jsonl", rows)
    benchmark = read_benchmark("isear", tmp_path)
    assert benchmark.differences == ()
    people = {part: set(split.texts) for part, split in benchmark.splits.items()}
    assert not people["train"] & people["test"]
    assert not people["dev"] & people["test"]
    sizes = {part: len(split.texts) for part, split in benchmark.splits.items()}
    assert sum(sizes.values()) == 7666
    assert sizes["test"] == pytest.approx(0.4 * 7666, rel=0.1)
    assert sizes["dev"] == pytest.approx(0.1 * 7666, rel=0.2)


def test_emobank_has_two_values(tmp_path: Path, write_jsonl: Writer) -> None:
    for split in ("train", "dev", "test"):
        write_jsonl(tmp_path / "emobank" / f"{split}.jsonl", [{"text": "x", "V": 3.5, "A": 2}])
    assert read_benchmark("emobank", tmp_path).splits["dev"].targets.tolist() == [[3.5, 2.0]]


def test_unknown_label_and_missing_column(tmp_path: Path, write_jsonl: Writer) -> None:
    write_jsonl(tmp_path / "isear" / "all.jsonl", [{"text": "x", "label": "bliss", "subject": "1"}])
    with pytest.raises(UserError, match="row 1: unknown label 'bliss'; known: anger"):
        read_benchmark("isear", tmp_path)
    write_jsonl(tmp_path / "isear" / "all.jsonl", [{"text": "x", "label": "joy"}])
    with pytest.raises(UserError, match="no column 'subject'"):
        read_benchmark("isear", tmp_path)
    with pytest.raises(UserError, match=r"goemotions/train\.jsonl: no such file"):
        read_benchmark("goemotions", tmp_path)
