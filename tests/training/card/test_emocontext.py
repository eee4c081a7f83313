from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from emotion_component import EmotionModel
from training.card.emocontext import measure_emocontext
from training.errors import UserError

Writer = Callable[..., Path]
PLAIN = {"happy": "I am so happy!", "sad": "I am so sad", "angry": "I am so angry", "others": "ok"}


def rows(texts: dict[str, str]) -> list[dict[str, object]]:
    return [{"turns": ["hi", "Hello.", text], "label": label} for label, text in texts.items()]


def test_plain_words_are_found_and_others_left_out(tmp_path: Path, write_jsonl: Writer) -> None:
    write_jsonl(tmp_path / "emocontext/dev.jsonl", rows(PLAIN))
    # One of the three emotions says nothing of itself: recall 2 / 3.
    write_jsonl(tmp_path / "emocontext/test.jsonl", rows(PLAIN | {"sad": "it is ten o'clock"}))
    measured = measure_emocontext(EmotionModel.load(), tmp_path)
    without = measured["without context"]
    assert 0 < without["threshold"] < 1
    assert without["micro"]["precision"]["value"] == 1
    assert without["micro"]["recall"]["value"] == pytest.approx(2 / 3)
    assert without["micro"]["F1"]["value"] == pytest.approx(0.8)
    assert without["micro"]["F1"]["high"] == 1


def test_the_turns_before_are_read(tmp_path: Path, write_jsonl: Writer) -> None:
    moved = ["my mother died last night", "I am so sorry for your loss.", "it was at home"]
    dialogues = [{"turns": moved, "label": "sad"}, *rows({"others": "ok"})]
    for split in ("dev", "test"):
        write_jsonl(tmp_path / f"emocontext/{split}.jsonl", dialogues)
    measured = measure_emocontext(EmotionModel.load(), tmp_path)
    assert measured["with context"] != measured["without context"]


def test_a_missing_split_is_named(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"emocontext/dev\.jsonl: no such file"):
        measure_emocontext(EmotionModel.load(), tmp_path)
