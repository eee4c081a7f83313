from __future__ import annotations

import json

import pytest

from emotion_component import Turn
from training.cli import main
from training.evaluation.context import pairs_in_order, top_label_share
from training.readers.dialogues import DIALOGUES, Case, read_chats, read_contrast

CASES = [
    Case("found it", (Turn("user", "lost my ring"),), {"relief": 0.8, "joy": 0.2}, 0),
    Case("found it", (Turn("user", "you stole it!"),), {"remorse": 0.7}, 0),
    Case("ok", (), {"neutral": 0.3}, 1),
]


def test_top_label_counts_any_gold_label() -> None:
    scores = [{"relief": 0.1, "joy": 0.5, "remorse": 0.2}] * 3
    assert top_label_share(CASES, scores) == pytest.approx(1 / 3)


def test_pairs_compare_a_cases_own_emotion_across_its_group() -> None:
    right = [{"relief": 0.9, "remorse": 0.1}, {"relief": 0.2, "remorse": 0.3}, {}]
    half = [{"relief": 0.9, "remorse": 0.9}, {"relief": 0.2, "remorse": 0.3}, {}]
    blind = [{"relief": 0.5, "remorse": 0.5}] * 3
    assert pairs_in_order(CASES, right) == 1.0
    assert pairs_in_order(CASES, half) == 0.5
    assert pairs_in_order(CASES, blind) == 0.5


def test_our_dialogues_are_read_whole() -> None:
    chats = read_chats(DIALOGUES / "chats.jsonl")
    contrast = read_contrast(DIALOGUES / "contrast.jsonl")
    assert (len(chats), len(contrast)) == (1367, 2684)
    assert len({case.group for case in contrast}) == 890
    assert all(1 <= len(case.context) <= 5 for case in contrast)


def test_what_is_written_for_training_leaves_the_held_out_words_alone() -> None:
    def words(name: str) -> set[str]:
        texts = (case.text.lower() for case in read_contrast(DIALOGUES / name))
        return {"".join(filter(str.isalnum, text)) for text in texts}

    first, second = (words(f"contrast_training{lot}.jsonl.gz") for lot in ("", "_2"))
    assert len(first) > 4000
    assert len(second) > 700
    assert not (first | second) & words("contrast.jsonl")


def test_the_shipped_bundle_reads_the_history(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["context", "--turns", "0", "2"]) == 0
    without, with_two = (json.loads(line) for line in capsys.readouterr().out.splitlines())
    assert without["contrast_pairs"] == 0.5
    assert with_two["contrast_pairs"] > 0.75
    assert with_two["chats_top_label"] > without["chats_top_label"]
