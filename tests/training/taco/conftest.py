"""Texts with one label that follows from one word, and a recipe to learn them."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from training.cli import main

FEELINGS = {"happy": "joy", "sad": "gloom", "afraid": "fear", "angry": "anger"}
DESCRIPTIONS = {
    "anger": "hate of this",
    "fear": "afraid of the news",
    "gloom": "so sad today",
    "joy": "happy and calm",
    "relief": "that you love",  # no text has it
}


@pytest.fixture
def recipe(tmp_path: Path, write_jsonl: Callable[..., Path], tiny_backbone: str) -> Path:
    """A recipe beside its data, in `data/`: 64 texts to train on, 24 of dev and of test."""
    dice = random.Random(0)
    for split, count in (("train", 64), ("dev", 24), ("test", 24)):
        rows = []
        for number in range(count):
            word = sorted(FEELINGS)[number % len(FEELINGS)]
            filler = " ".join(dice.choices(["so", "of", "today", "the", "it"], k=number % 5 + 1))
            rows.append({"text": f"i am {word} {filler}", "label": FEELINGS[word]})
        write_jsonl(tmp_path / "data" / f"{split}.jsonl", rows)
    (tmp_path / "data" / "labels.yaml").write_text(yaml.safe_dump(DESCRIPTIONS))
    content = {
        "dataset": "GoEmotions",
        "backbone": tiny_backbone,
        "train": [{"file": "train.jsonl", "labels": "label"}],
        "dev": {"file": "dev.jsonl", "labels": "label"},
        "test": {"file": "test.jsonl", "labels": "label"},
        "labels": "labels.yaml",
        "model": {"dimension": 16},
        "losses": {"alpha": 0.4, "beta": 0.4},
        "training": {
            "epochs": 2,
            "batch_size": 8,
            "learning_rate": 0.005,
            "head_learning_rate": 0.01,
        },
    }
    path = tmp_path / "tiny.yaml"
    path.write_text(yaml.safe_dump(content))
    return path


Command = Callable[..., int]


@pytest.fixture
def taco(recipe: Path) -> Command:
    """Runs `taco <command>` with the recipe and its data, and with changes to the recipe."""

    def run(command: str, *words: str, changes: tuple[str, ...] = ()) -> int:
        given = ["--recipe", str(recipe), "--data", str(recipe.parent / "data")]
        sets = [word for change in changes for word in ("--set", change)]
        return main(["taco", command, *given, *words, *sets])

    return run
