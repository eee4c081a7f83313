"""Normalising: what it changes, what it counts, and that our own corpus needs none of it."""

from __future__ import annotations

import gzip
import json
from collections import Counter
from pathlib import Path

import pytest

from training.distill.normalise import Normalisation, normalise

CORPUS = Path(__file__).parents[3] / "training/data/descriptors/goemotions.jsonl.gz"
SETTINGS = Normalisation(max_words=3, max_characters=20, max_descriptors=3)


@pytest.mark.parametrize(
    ("descriptors", "kept", "counts"),
    [
        (["joy", "joyful"], ["joy", "joyful"], {}),  # noun and adjective both stay
        (["Joy", "RELIEF"], ["joy", "relief"], {"case": 2}),
        (["mild\u00a0 joy\t", "joy"], ["mild joy", "joy"], {"white space": 1}),
        (["joy", "Joy", "relief", "joy"], ["joy", "relief"], {"case": 1, "repeated": 2}),
        (["one two three four", "joy"], ["joy"], {"too long": 1}),
        (["x" * 21, "x" * 20], ["x" * 20], {"too long": 1}),
        (["the writer is a happy man"], [], {"too long": 1}),
        (["a", "b", "c", "d", "e"], ["a", "b", "c"], {"too many": 2}),
        (["neutral"], ["neutral"], {}),
        (["Neutral", "neutral"], ["neutral"], {"case": 1, "repeated": 1}),
        (["neutral", "joy"], ["joy"], {"neutral beside others": 1}),
        ([], [], {}),
    ],
)
def test_changes_are_made_and_counted(
    descriptors: list[str], kept: list[str], counts: dict[str, int]
) -> None:
    found: Counter[str] = Counter()
    assert normalise(descriptors, SETTINGS, found) == kept
    assert +found == Counter(counts)
    assert normalise(kept, SETTINGS, Counter()) == kept


def test_our_corpus_is_normalised_already() -> None:
    counts: Counter[str] = Counter()
    with gzip.open(CORPUS, "rt", encoding="utf-8") as lines:
        records = [json.loads(line) for line in lines]
    assert len({record["id"] for record in records}) == len(records) == 43_410
    for record in records:
        assert normalise(record["descriptors"], Normalisation(), counts) == record["descriptors"]
    assert +counts == Counter()
