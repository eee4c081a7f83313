from __future__ import annotations

from typing import Any, Callable

import pytest
from rasa.shared.exceptions import InvalidConfigException

from emotion_component.rasa import EmotionComponent

OWN = ["order rage", "fear of fraud"]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"bundel": None}, "unknown option 'bundel'; did you mean 'bundle'?"),
        ({"colour": 1}, "unknown option 'colour'; the options are bundle, context_turns"),
        ({"bundle": 5}, "option 'bundle': expected the path"),
        ({"bundle": "no/such/folder"}, "option 'bundle': no/such/folder: no bundle here"),
        ({"context_turns": -1}, "option 'context_turns': expected a whole number"),
        ({"context_turns": "4"}, "option 'context_turns': expected a whole number"),
        ({"context_turns": True}, "option 'context_turns': expected a whole number"),
        ({"labels": "plutchik"}, "option 'labels': expected one of goemotions, ekman, sentiment"),
        ({"labels": ["joy"]}, "option 'labels': expected"),
        ({"labels": ["joy", "joy"]}, "option 'labels': expected"),
        ({"labels": ["joy", 3]}, "option 'labels': expected"),
        ({"labels": None}, "option 'labels': expected"),
        ({"multi_label": "yes"}, "option 'multi_label': expected true or false"),
        ({"thresholds": "high"}, "option 'thresholds': expected a number from 0 to 1"),
        ({"thresholds": 2}, "option 'thresholds': expected a number from 0 to 1"),
        ({"thresholds": {"joy": None}}, "option 'thresholds': expected a number from 0 to 1"),
        ({"thresholds": {"joi": 0.5}}, "thresholds: unknown label 'joi'"),
        ({"labels": OWN, "thresholds": {"joy": 0.5}}, "option 'thresholds': expected one number"),
        ({"entities": "emotion"}, "option 'entities': expected a list of none, one or both"),
        ({"entities": ["mood"]}, "option 'entities': expected a list of none, one or both"),
        ({"endpoint": "localhost:8000"}, "option 'endpoint': expected the sidecar's URL"),
        ({"timeout": 0}, "option 'timeout': expected seconds"),
        ({"timeout": "1s"}, "option 'timeout': expected seconds"),
        ({"on_failure": "crash"}, "option 'on_failure': expected one of local, neutral"),
        ({"on_failure": []}, "option 'on_failure': expected one of local, neutral"),
        ({"threads": 0}, "option 'threads': expected a whole number from 1"),
    ],
)
def test_a_wrong_option_is_named_with_its_fix(
    make_component: Callable[..., Any], options: dict[str, Any], message: str
) -> None:
    with pytest.raises(InvalidConfigException) as caught:
        make_component(**options)
    assert str(caught.value).startswith(f"EmotionComponent: {message}")


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"context_turns": 0, "thresholds": 0.3, "threads": 1, "entities": []},
        {"labels": "ekman", "thresholds": {"joy": 0.1, "fear": 1}},
        {"labels": OWN, "multi_label": False, "thresholds": 0.4},
        {"endpoint": "http://localhost:1", "timeout": 1, "on_failure": "neutral"},
    ],
)
def test_right_options_are_taken(
    make_component: Callable[..., Any], options: dict[str, Any]
) -> None:
    make_component(**options)


def test_every_option_has_a_default_and_is_documented() -> None:
    documentation = (EmotionComponent.__doc__ or "").split("Options:")[1]
    documented = [line.split(":")[0].strip() for line in documentation.splitlines() if ":" in line]
    assert set(EmotionComponent.get_default_config()) <= set(documented)


def test_without_local_model_none_is_loaded(
    make_component: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*args: object, **kwargs: object) -> None:
        raise AssertionError("a model was loaded")

    monkeypatch.setattr("emotion_component.rasa.EmotionModel.load", fail)
    make_component(endpoint="http://localhost:1", on_failure="neutral")
