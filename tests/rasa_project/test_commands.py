"""Rasa's own commands on the example bot."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import yaml

from emotion_component import EmotionModel


def test_the_data_are_valid(bot: Any) -> None:
    validation = bot.rasa("data", "validate", "--fail-on-warnings")
    assert validation.returncode == 0, validation.stdout
    warnings = [line for line in validation.stdout.splitlines() if "UserWarning" in line]
    assert not warnings


def test_stories_pass(bot: Any) -> None:
    command = ["test", "core", "--stories", "tests/test_stories.yml", "--model", "models"]
    test = bot.rasa(*command, "--out", "core", "--fail-on-prediction-errors", "--no-plot")
    assert test.returncode == 0, test.stdout
    report = json.loads((bot.folder / "core/story_report.json").read_text())
    stories = yaml.safe_load((bot.folder / "tests/test_stories.yml").read_text())["stories"]
    assert report["conversation_accuracy"]["correct"] == len(stories)


def test_unseen_messages_are_understood(bot: Any) -> None:
    command = ["test", "nlu", "--nlu", "tests/test_nlu.yml", "--model", "models"]
    test = bot.rasa(*command, "--out", "nlu", "--no-plot")
    assert test.returncode == 0, test.stdout
    report = json.loads((bot.folder / "nlu/intent_report.json").read_text())
    assert report["accuracy"] > 0.9
    # The emotions do not count as wrongly found order numbers.
    report = json.loads((bot.folder / "nlu/RegexEntityExtractor_report.json").read_text())
    assert report["order_number"]["f1-score"] > 0.9
    assert set(report) == {"order_number", "micro avg", "macro avg", "weighted avg", "accuracy"}


def test_the_shell_shows_emotions(bot: Any, model: EmotionModel) -> None:
    text = "thank you so much"
    shell = bot.rasa("shell", "nlu", "--model", "models", stdin=f"{text}\n/stop\n")
    assert shell.returncode == 0, shell.stdout
    output = shell.stdout
    parsed, _ = json.JSONDecoder().raw_decode(output[output.index('{\n  "text"') :])
    assert parsed["emotion"] == model.predict(text).to_dict()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"context_turn": 4}, "unknown option 'context_turn'; did you mean 'context_turns'?"),
        ({"thresholds": "high"}, "option 'thresholds': expected a number from 0 to 1"),
    ],
)
def test_training_stops_at_a_wrong_option(
    bot: Any, tmp_path: Path, options: dict[str, Any], message: str
) -> None:
    shutil.copytree(bot.folder / "data", tmp_path / "data")
    shutil.copy(bot.folder / "domain.yml", tmp_path)
    component = {"name": "emotion_component.rasa.EmotionComponent", **options}
    config = {"recipe": "default.v1", "language": "en", "assistant_id": "x"}
    config["pipeline"] = [{"name": "WhitespaceTokenizer"}, component]
    (tmp_path / "config.yml").write_text(yaml.safe_dump(config))
    training = type(bot)(tmp_path).rasa("train", "nlu")
    assert training.returncode != 0
    assert f"EmotionComponent: {message}" in training.stdout
    assert not list(tmp_path.glob("models/*"))
