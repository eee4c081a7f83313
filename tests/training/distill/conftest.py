"""A recipe with made-up texts and a tiny encoder."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

Writer = Callable[..., Path]

FEELINGS = {"happy": ["joy", "delight"], "sad": ["sadness", "gloom"], "afraid": ["fear"]}


@pytest.fixture
def recipe(tmp_path: Path, write_jsonl: Writer, tiny_backbone: str) -> Path:
    """A recipe with 60 texts whose descriptors follow from one word."""
    dice = random.Random(0)
    rows = []
    for number in range(60):
        word = dice.choice(sorted(FEELINGS))
        text = f"i am {dice.choice(['so', 'of this', 'today'])} {word} {'it ' * (number % 7)}"
        rows.append({"id": str(number), "text": text.strip() + " the" * (number // 7)})
        rows[-1]["word"] = word
    write_jsonl(tmp_path / "data" / "texts.jsonl", rows)
    labels = [{"id": row["id"], "descriptors": FEELINGS[row["word"]]} for row in rows]
    write_jsonl(tmp_path / "data" / "descriptors.jsonl", labels)
    content = {
        "name": "tiny",
        "backbone": tiny_backbone,
        "sources": [
            {"file": "texts.jsonl", "labels": "descriptors", "join": {"file": "descriptors.jsonl"}}
        ],
        "labels": {"dimension_words": "config/training/dimension_words.yaml"},
        "model": {"dimension": 16},
        "loss": "softmax",
        "training": {"epochs": 4, "batch_size": 8, "learning_rate": 0.003, "log_steps": 1},
    }
    path = tmp_path / "recipe.yaml"
    path.write_text(yaml.safe_dump(content))
    return path
