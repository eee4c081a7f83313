"""Data in miniature for every stage of the model that ships."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.training.made_up_bundle import bundle_recipe
from training.pillars.fitting import LABELS

TRAINING = {"epochs": 1, "batch_size": 16, "learning_rate": 0.001}


@pytest.fixture
def data(tmp_path: Path, write_jsonl: Callable[..., Path]) -> Path:
    """GoEmotions with two texts a label, film turns, contrast groups and chats."""
    folder = tmp_path / "data"
    for split in ("train", "dev", "test"):
        rows = [
            {"id": f"{label}{n}", "text": f"{label} {split} {n} i am so", "labels": [label]}
            for label in LABELS
            for n in range(2)
        ]
        write_jsonl(folder / "goemotions" / f"{split}.jsonl", rows)
    films = [{"turns": ["the news", f"i am so happy {n}"], "label": "joyful"} for n in range(6)]
    write_jsonl(folder / "films.jsonl", [*films, {"turns": ["so sad"], "label": "gloomy"}])
    groups = [
        {
            "utterance": f"that {'so ' * n}",
            "cases": [
                {"turns": [["user", "i love it"], ["bot", "calm"]], "emotions": {"joy": 0.8}},
                {"turns": [["user", "i hate it"]], "emotions": {"anger": 0.8, "sadness": 0.2}},
            ],
        }
        for n in range(10)
    ]
    write_jsonl(folder / "contrast.jsonl", groups)
    turns = [
        {"role": "user", "text": "hate the news", "emotions": {"anger": 0.6}},
        {"role": "bot", "text": "calm"},
        {"role": "user", "text": "love it", "emotions": {"joy": 0.6}},
    ]
    write_jsonl(folder / "chats.jsonl", [{"turns": turns} for _ in range(10)])
    terms = [{"descriptors": ["delight", "gloom"]}, {"descriptors": ["delight"]}]
    write_jsonl(folder / "descriptors.jsonl", terms)
    return folder


@pytest.fixture
def recipe(tmp_path: Path, tiny_backbone: str, data: Path) -> Path:
    """The four stages' recipes; one teacher."""
    space = {
        "name": "space",
        "backbone": tiny_backbone,
        "sources": [{"file": "films.jsonl", "text": "turns", "labels": "label"}],
        "held_out": 0.3,
        "model": {"dimension": 16},
        "loss": "softmax",
        "training": TRAINING,
    }
    teacher = {
        "name": "teacher",
        "start": "replaced",
        "task": "goemotions",
        "model": {"pooling": "attention"},
        "training": TRAINING,
    }
    files = "goemotions/dev.jsonl", "goemotions/test.jsonl", "contrast.jsonl"
    bundle = bundle_recipe(*files)
    for name, content in (("space", space), ("teacher", teacher), ("bundle", bundle)):
        (tmp_path / f"{name}.yaml").write_text(yaml.safe_dump(content), encoding="utf-8")
    stage: dict[str, Any] = {
        "sources": [
            {"file": "goemotions/train.jsonl"},
            {
                "file": "films.jsonl",
                "text": "turns",
                "context": "turns",
                "labels": "label",
                "roles": True,
            },
        ],
        "corpora": [
            {"kind": "goemotions", "file": "goemotions/train.jsonl", "hold_out": False},
            {"kind": "contrast", "file": "contrast.jsonl", "repeat": 2},
            {"kind": "chats", "file": "chats.jsonl"},
        ],
        "training": TRAINING,
    }
    again = {**stage, "corpora": stage["corpora"][1:], "space_weight": 0.2}
    content = {
        "backbone": tiny_backbone,
        "space": {"recipe": str(tmp_path / "space.yaml"), "set": ["model.temperature=0.2"]},
        "teachers": {"recipe": str(tmp_path / "teacher.yaml"), "seeds": [3], "weight": 0.5},
        "development": {"kind": "goemotions", "file": "goemotions/dev.jsonl"},
        "model": {"max_length": 40},
        "joint": stage,
        "finish": again,
        "mix": {"start_share": 0.25, "label_template": "so {label}"},
        "bundle": str(tmp_path / "bundle.yaml"),
    }
    path = tmp_path / "tiny.yaml"
    path.write_text(yaml.safe_dump(content), encoding="utf-8")
    return path
