"""The Rasa component's options: their defaults, and a clear answer to a wrong one."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Callable, Optional, Union

from emotion_component.dialogue import InputError

EMOTION = "emotion"
EMOTION_GROUP = "emotion_group"
ENTITIES = (EMOTION, EMOTION_GROUP)
LABEL_SETS = ("goemotions", "ekman", "sentiment")
ON_FAILURE = ("local", "neutral")


def _is_number(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _is_score(value: object) -> bool:
    return _is_number(value) and 0 <= value <= 1  # type: ignore[operator]


def _is_integer(value: object, least: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= least


def _are_labels(value: object) -> bool:
    if isinstance(value, str):
        return value in LABEL_SETS
    return (
        isinstance(value, list)
        and len(value) > 1
        and all(isinstance(label, str) and label.strip() for label in value)
        and len(set(value)) == len(value)
    )


def _are_thresholds(value: object) -> bool:
    if isinstance(value, dict):
        return all(isinstance(k, str) and _is_score(v) for k, v in value.items())
    return value is None or _is_score(value)


def _are_entities(value: object) -> bool:
    return isinstance(value, list) and all(entity in ENTITIES for entity in value)


def _is_url(value: object) -> bool:
    return isinstance(value, str) and value.startswith(("http://", "https://"))


_Check = Callable[[Any], bool]
_CHECKS: dict[str, tuple[_Check, str]] = {
    "bundle": (
        lambda v: v is None or (isinstance(v, str) and bool(v)),
        "the path of a bundle's folder, or null for the bundle in the package",
    ),
    "context_turns": (
        lambda v: v is None or _is_integer(v, 0),
        "a whole number of earlier turns, 0 or more, or null for the bundle's own",
    ),
    "labels": (
        _are_labels,
        f"one of {', '.join(LABEL_SETS)}, or a list of two or more different labels of your own",
    ),
    "multi_label": (lambda v: isinstance(v, bool), "true or false"),
    "thresholds": (
        _are_thresholds,
        "a number from 0 to 1, or a mapping of labels to such numbers, or null for the bundle's",
    ),
    "entities": (_are_entities, f"a list of none, one or both of {', '.join(ENTITIES)}"),
    "endpoint": (
        lambda v: v is None or _is_url(v),
        "the sidecar's URL, such as http://localhost:8100, or null to compute in the bot",
    ),
    "timeout": (lambda v: _is_number(v) and 0 < v <= 60, "seconds, above 0 and up to 60"),
    "on_failure": (lambda v: v in ON_FAILURE, f"one of {', '.join(ON_FAILURE)}"),
    "threads": (lambda v: v is None or _is_integer(v, 1), "a whole number from 1, or null"),
}


@dataclass(frozen=True)
class Options:
    """What a designer can set; `EmotionComponent` says what each option means."""

    bundle: Optional[str] = None
    context_turns: Optional[int] = None
    labels: Union[str, tuple[str, ...]] = "goemotions"
    multi_label: bool = True
    thresholds: Union[float, Mapping[str, float], None] = None
    entities: tuple[str, ...] = ENTITIES
    endpoint: Optional[str] = None
    timeout: float = 0.5
    on_failure: str = "local"
    threads: Optional[int] = None

    @classmethod
    def defaults(cls) -> dict[str, Any]:
        """Returns every option with its default, as YAML would give it."""
        return {
            f.name: list(f.default) if isinstance(f.default, tuple) else f.default
            for f in fields(cls)
        }

    @classmethod
    def parse(cls, config: Mapping[str, Any]) -> Options:
        """Reads options.

        Raises:
            InputError: If an option is unknown or ill-typed; the message names it and the fix.
        """
        for name in config:
            if name not in _CHECKS:
                raise InputError(f"unknown option '{name}'{_hint(str(name))}")
        values: dict[str, Any] = {**cls.defaults(), **config}
        for name, (is_valid, expected) in _CHECKS.items():
            if not is_valid(values[name]):
                raise InputError(f"option '{name}': expected {expected}; got {values[name]!r}")
        if isinstance(values["labels"], list) and isinstance(values["thresholds"], dict):
            raise InputError("option 'thresholds': expected one number for your own labels")
        values.update({k: tuple(v) for k, v in values.items() if isinstance(v, list)})
        return cls(**values)

    @property
    def ranking(self) -> Optional[dict[str, Any]]:
        """How to rank the designer's own labels; None if `labels` names a known set."""
        if isinstance(self.labels, str):
            return None
        ranking = {"labels": list(self.labels), "multi_label": self.multi_label}
        if self.thresholds is not None:
            ranking["threshold"] = self.thresholds
        return ranking

    @property
    def runs_locally(self) -> bool:
        """Whether the bot itself may have to compute emotions."""
        return self.endpoint is None or self.on_failure == "local"


def _hint(name: str) -> str:
    close = difflib.get_close_matches(name, _CHECKS, n=1)
    if close:
        return f"; did you mean '{close[0]}'?"
    return f"; the options are {', '.join(_CHECKS)}"
