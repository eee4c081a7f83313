"""The recipe of a bundle made of made-up data."""

from __future__ import annotations

from typing import Any


def bundle_recipe(dev: str, test: str, dialogues: str) -> dict[str, Any]:
    """What `export` reads; the files are relative to the data folder, beside descriptors.jsonl."""
    return {
        "name": "tiny",
        "version": "7",
        "dev": dev,
        "test": test,
        "dialogues": dialogues,
        "window": {
            "max_tokens": 40,
            "message_tokens": 30,
            "context_turns": 2,
            "user_prefix": "user: ",
            "bot_prefix": "bot: ",
        },
        "vocabulary": {
            "descriptors": "descriptors.jsonl",
            "times": 2,
            "valence": ["positivity", "negativity"],
            "arousal": ["high activation", "low activation"],
        },
        "training": {"data": ["made up"]},
    }
