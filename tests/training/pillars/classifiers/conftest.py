"""Made-up corpora in which a word of the utterance, or of its context, tells the emotion."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from training.cli import main
from training.pillars.tasks import isear

Writer = Callable[..., Path]
Command = Callable[..., int]

FEELINGS = {"happy": "joy", "sad": "sadness", "angry": "anger", "afraid": "fear", "the": "neutral"}
CONTEST = {"happy": "happy", "sad": "sad", "the": "others"}


def says(dice: random.Random, word: str) -> str:
    around = dice.choices(["i", "am", "so", "of", "this", "today", "it"], k=dice.randint(1, 4))
    return " ".join([*around, word])


@pytest.fixture
def data(tmp_path: Path, write_jsonl: Writer) -> Path:
    """GoEmotions, ISEAR, EmoContext and dialogues in small."""
    dice = random.Random(0)
    folder = tmp_path / "data"

    def labelled(count: int) -> Iterator[dict[str, Any]]:
        for _ in range(count):
            word = dice.choice(sorted(FEELINGS))
            yield {"text": says(dice, word), "labels": [FEELINGS[word]]}

    def contest(count: int) -> Iterator[dict[str, Any]]:
        for _ in range(count):
            word = dice.choice(sorted(CONTEST))
            turns = ["it", f"i am {word}", says(dice, "it")]
            yield {"turns": turns, "label": CONTEST[word]}

    for split, count in (("train", 120), ("dev", 40), ("test", 40)):
        write_jsonl(folder / f"goemotions/{split}.jsonl", labelled(count))
        write_jsonl(folder / f"emocontext/{split}.jsonl", contest(2 * count))
    rows = [
        {
            **{"subject": str(person), "label": label, "nonresponse": False},
            "text": f"{says(dice, label)} {'so ' * (person % 9)}{'it ' * (person // 9)}".strip(),
        }
        for person in range(36)
        for label in isear.OUTPUTS
    ]
    write_jsonl(folder / "isear/all.jsonl", rows)
    write_jsonl(folder / "contrast.jsonl", contrast(dice))
    write_jsonl(folder / "chats.jsonl", chats(dice))
    return folder


def contrast(dice: random.Random) -> Iterator[dict[str, Any]]:
    """The same words after a happy and after a sad turn."""
    for number in range(60):
        cases = [
            {"turns": [["user", says(dice, word)]], "emotions": {FEELINGS[word]: 0.8}}
            for word in ("happy", "sad")
        ]
        words = f"it {'so ' * (number % 8)}{'news ' * (number // 8)}".strip()
        yield {"utterance": words, "cases": cases}


def chats(dice: random.Random) -> Iterator[dict[str, Any]]:
    for _ in range(30):
        turns: list[dict[str, Any]] = [{"role": "bot", "text": says(dice, "the")}]
        for _ in range(2):
            word = dice.choice(sorted(FEELINGS))
            emotions = {FEELINGS[word]: 0.6}
            turns.append({"role": "user", "text": says(dice, word), "emotions": emotions})
        yield {"domain": "x", "turns": turns}


@pytest.fixture
def write_recipe(tmp_path: Path, tiny_backbone: str) -> Callable[..., Path]:
    """Writes a recipe for the tiny encoder; keys given replace its own."""

    def write(**keys: Any) -> Path:
        content = {
            "name": "tiny",
            "backbone": tiny_backbone,
            "model": {"pooling": "attention", "max_length": 48},
            "training": {
                **{"epochs": 2, "batch_size": 8, "log_steps": 1},
                **{"learning_rate": 0.003, "head_learning_rate": 0.01},
            },
            **keys,
        }
        path = tmp_path / "recipe.yaml"
        path.write_text(yaml.safe_dump(content))
        return path

    return write


@pytest.fixture
def pillars(tmp_path: Path, data: Path) -> Command:
    """Runs `pillars <command>` into a folder, with changes of the recipe."""

    def run(command: str, recipe: Path, output: str, *changes: str, seeds: str = "") -> int:
        words = ["pillars", command, "--recipe", str(recipe), "--data", str(data)]
        words += ["--output", str(tmp_path / output)]
        words += ["--seed", *seeds.split()] if seeds else []
        return main([*words, *(word for change in changes for word in ("--set", change))])

    return run
