"""Benchmarks of made-up texts, in the files that the readers expect."""

from __future__ import annotations

import json
import random
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from training.readers.benchmarks import PUBLISHED

WORDS = ("happy", "sad", "angry", "afraid", "the", "news", "today")
EMOCONTEXT = {"happy": "I am so happy", "sad": "I am so sad", "angry": "I hate you", "others": "ok"}


def write_benchmarks(folder: Path) -> None:
    """Writes 40 texts a split, every label in each; EmoContext's say what they feel."""
    dice = random.Random(0)

    def texts(count: int) -> list[str]:
        return [" ".join(dice.choices(WORDS, k=dice.randint(1, 8))) for _ in range(count)]

    for name in ("goemotions", "semeval2018_ec"):
        labels = PUBLISHED[name].labels
        for split in ("train", "dev", "test"):
            rows: list[dict[str, Any]] = [
                {"text": text, "labels": [labels[row % len(labels)]]}
                for row, text in enumerate(texts(40))
            ]
            _write(folder / name / f"{split}.jsonl", rows)
    for split in ("train", "dev", "test"):
        rows = [{"text": t, "V": dice.random(), "A": dice.random()} for t in texts(40)]
        _write(folder / "emobank" / f"{split}.jsonl", rows)
    labels = PUBLISHED["isear"].labels
    rows = [
        {"text": text, "label": labels[row % 7], "subject": str(row // 7)}
        for row, text in enumerate(texts(140))
    ]
    _write(folder / "isear" / "all.jsonl", rows)
    for split in ("dev", "test"):
        rows = [
            {"turns": ["hi", "Hello.", text], "label": label}
            for label, text in EMOCONTEXT.items()
            for _ in range(10)
        ]
        _write(folder / "emocontext" / f"{split}.jsonl", rows)


def _write(path: Path, rows: Iterable[dict[str, Any]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
