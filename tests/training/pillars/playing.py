"""A model that plays its part well or badly, and a recipe that asks it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

from tests.training.scripted_server import Handler
from training.pillars.recipe import STEPS

CONFIG = Path(__file__).parents[3] / "config" / "training"
NARRATIVES = 4
EMOTIONS = ["joy", "anger", "fear", "grief", "pride", "relief", "love", "surprise"]


def word(text: str) -> str:
    """A word of its own for every text."""
    return hashlib.sha256(text.encode()).hexdigest()[:8]


def play_well(step: str, values: dict[str, str]) -> str:
    """What a model that follows the prompts answers."""
    if step == "actors":
        return "1. Ida - the baker\n2. Tom - her new hand"
    if step == "utterances":
        emotions = [*EMOTIONS, "neutral", "neutral"]
        key = values["narrative"] + values["actor"]
        lines = [f'{n + 1}. {e}: "The {word(f"{key}{n}")} came!"' for n, e in enumerate(emotions)]
        return "\n".join(lines)
    if step == "soft_labels":
        return f"{values['emotion']}: 0.9\ncuriosity: 0.5\nconfusion: 0.2"
    if step == "context":
        return f"{values['actor']} stands there and sadly looks at {word(values['utterance'])}."
    if step == "cleaning":
        return values["context"].replace("sadly ", "")
    return f'"{values["utterance"].strip("!")}."'


def play_badly(step: str, values: dict[str, str]) -> str:
    """The same in other dress, with mistakes: half of what is asked can be used."""
    well = play_well(step, values)
    if step == "actors":
        return f"Sure! Here they are:\n\n{well}\n3. Count Orlok - a vampire"
    if step == "utterances":
        lines = [f"**{line}**" for line in well.replace("joy:", "bliss:").split("\n")]
        lines[1] = lines[1].replace("anger:", "hunger:")
        return "\n\n".join(lines) + "\n\nI hope these help!"
    if step == "soft_labels":
        return (
            "I feel unsure." if values["emotion"] == "fear" else f"The emotions:\n{well}\ndisgust"
        )
    if step == "context":
        return "I cannot assist with that." if "Tom" in values["actor"] else f"Context: {well}"
    if step == "cleaning":
        return f"{well}\n\nNote: I removed 'sadly'."
    return "My pride!" if values["emotion"] == "pride" else f"Rewritten: {well} (less clear)"


def playing(
    player: Callable[[str, dict[str, str]], str],
) -> Callable[[Handler, str, int], None]:
    """The script of a server on which `player` answers."""

    def script(handler: Handler, text: str, nth: int) -> None:
        step, values = json.loads(text, strict=False)
        handler.answer(player(step, values))

    return script


class Synthesis:
    """A recipe in a folder of its own; its prompts name the step and all values, as JSON."""

    def __init__(self, folder: Path, base_url: str, encoder: str) -> None:
        self.folder = folder
        self.output = folder / "output"
        self.recipe = folder / "pillars.yaml"
        self.narratives = folder / "narratives"
        self.content: dict[str, Any] = {
            "narratives": {"path": str(self.narratives)},
            "output": str(self.output),
            "emotions": str(CONFIG.parent / "labels/goemotions.yaml"),
            "label_mapping": str(CONFIG / "label_mapping.yaml"),
            "llm": {
                "model": "scripted",
                "base_url": base_url,
                "api_key_env": None,
                "max_tokens": 300,
                "extra_body": {"repetition_penalty": 1.03},
                "limits": {"concurrency": 8},
                "retries": {"attempts": 2, "first_wait_seconds": 0.001},
            },
            "steps": {
                step.name: {"prompt": {"user": _prompt(step.name, step.placeholders)}}
                for step in STEPS
            },
            "encoder": encoder,
            # A random encoder tells texts of unknown words hardly apart.
            "duplicate_similarity": 2.0,
            "splits": {"80-10-10": [80.0, 10.0, 10.0], "90-5-5": [90.0, 5.0, 5.0]},
            "analysis": {"examples": 60, "neighbours": 3, "topic_similarity": 0.0},
            "survey": {"examples": 6, "distractors": 2},
        }
        self.narratives.mkdir()
        for number in range(NARRATIVES):
            self.write_narrative(f"plot{number}", f"Ida hires Tom. It is the year {number}.")
        self.write()

    def write_narrative(self, name: str, text: str) -> None:
        (self.narratives / f"{name}.txt").write_text(text, encoding="utf-8")

    def write(self) -> None:
        self.recipe.write_text(yaml.safe_dump(self.content), encoding="utf-8")

    def command(self, name: str, *options: str) -> list[str]:
        return ["pillars", name, "--recipe", str(self.recipe), *options]

    def lines(self, name: str) -> list[dict[str, Any]]:
        content = (self.output / name).read_text(encoding="utf-8")
        return [json.loads(line) for line in content.split("\n") if line]

    def summary(self) -> dict[str, Any]:
        summary: dict[str, Any] = json.loads((self.output / "summary.json").read_text())
        return summary


def _prompt(step: str, placeholders: frozenset[str]) -> str:
    values = ", ".join(f'"{name}": "{{{name}}}"' for name in sorted(placeholders))
    return f'<["{step}", {{{values}}}]>'
