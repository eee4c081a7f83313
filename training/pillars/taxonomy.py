"""The 28 emotions with their definitions, and where labels outside of them belong."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from training.errors import UserError

NEUTRAL = "neutral"

_SEPARATOR = re.compile(r"\s*(?:[/,;&+|]|\b(?:and|or|with|of|for|at|about|over|towards?)\b)\s*")
_NEGATION = re.compile(r"\b(?:not|no|non|lack|without)\b")


class Taxonomy:
    """Emotions and their synonyms.

    Args:
        definitions: Each emotion's definition.
        synonyms: For emotions, the labels outside the taxonomy that belong to them.

    Raises:
        UserError: If synonyms belong to an unknown emotion or to two.
    """

    def __init__(self, definitions: dict[str, str], synonyms: dict[str, list[str]]) -> None:
        self.definitions = definitions
        self.emotion_of = {emotion: emotion for emotion in definitions}
        for emotion, labels in synonyms.items():
            if emotion not in definitions:
                raise UserError(f"label_mapping: {emotion!r} is not among the emotions")
            for label in labels:
                if label in self.emotion_of:
                    raise UserError(f"label_mapping: {label!r} comes twice")
                self.emotion_of[label] = emotion

    def resolve(self, label: str) -> str | None:
        """The emotion that a label means.

        Args:
            label: As a model wrote it.

        Returns:
            The emotion itself; that of a synonym; of a compound ("anger/disgust", "mild
            annoyance", "fear of loss") that of its first known part; None if there is none.

        Example:
            >>> Taxonomy({"anger": "..."}, {"anger": ["rage"]}).resolve("Blind rage")
            'anger'
        """
        lowered = re.sub(r"[^a-z/,;&+|]+", " ", label.lower()).strip()
        if _NEGATION.search(lowered) and lowered not in self.emotion_of:  # 'no emotion' is known
            return None
        for part in _parts(lowered):
            if part in self.emotion_of:
                return self.emotion_of[part]
        return None

    def listing(self) -> str:
        """The emotions with their definitions, one a line, for a prompt."""
        return "\n".join(f"- {name}: {text}" for name, text in self.definitions.items())


def _parts(label: str) -> Iterator[str]:
    yield label
    for part in _SEPARATOR.split(label):
        words = part.split()
        if words:  # English puts the noun last: 'mild annoyance'
            yield part
            yield words[-1]


def load_taxonomy(definitions: Path, synonyms: Path) -> Taxonomy:
    """Reads the taxonomy's two YAML files.

    Raises:
        UserError: If a file is missing or ill-formed.
    """
    return Taxonomy(_mapping(definitions, str), _mapping(synonyms, list))


def _mapping(path: Path, kind: type) -> dict[str, Any]:
    if not path.is_file():
        raise UserError(f"{path}: no such file")
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        raise UserError(f"{path}: not valid YAML: {error}") from None
    if not isinstance(content, dict) or not all(isinstance(v, kind) for v in content.values()):
        raise UserError(f"{path}: expected a mapping of emotions to {kind.__name__}s")
    return content
