"""Recipes: YAML files that say what to run, checked before any work begins."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeVar, get_args

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError


class RecipeError(ValueError):
    """A recipe that cannot be run; the text names the file, the key's path and the fix."""


class Recipe(BaseModel):
    """Base of every recipe and of its parts: immutable, no unknown keys, no silent conversions."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


RecipeT = TypeVar("RecipeT", bound=Recipe)


def _describe(error: Any, recipe: type[Recipe]) -> str:  # noqa: ANN401 - pydantic's ErrorDetails
    path = ".".join(str(part) for part in error["loc"]) or "(whole file)"
    if error["type"] == "extra_forbidden":
        known = ", ".join(_keys_at(recipe, error["loc"][:-1]))
        return f"{path}: unknown key; known here: {known}"
    if error["type"] == "missing":
        return f"{path}: missing; add it"
    return f"{path}: {error['msg']} (got {error['input']!r})"


def _keys_at(recipe: type[Recipe], path: tuple[str | int, ...]) -> list[str]:
    for part in path:
        if isinstance(part, str) and part in recipe.model_fields:
            annotation = recipe.model_fields[part].annotation
            for kind in (annotation, *get_args(annotation)):  # X, list[X] or X | None
                if isinstance(kind, type) and issubclass(kind, Recipe):
                    recipe = kind
    return sorted(recipe.model_fields)


def _change(content: dict[str, Any], change: str) -> None:
    """Sets the key that `change` ("a.b=value", the value in YAML) names."""
    keys, separator, value = change.partition("=")
    if not separator:
        raise RecipeError(f"{change}: expected KEY=VALUE, such as training.epochs=3")
    *parents, last = keys.split(".")
    for number, parent in enumerate(parents, 1):
        content = content.setdefault(parent, {})
        if not isinstance(content, dict):
            raise RecipeError(f"{change}: {'.'.join(parents[:number])} holds no keys")
    content[last] = yaml.safe_load(value)


def load_recipe(path: str | Path, recipe: type[RecipeT], changes: Sequence[str] = ()) -> RecipeT:
    """Reads and checks a YAML recipe.

    Args:
        path: The YAML file.
        recipe: The class that describes it.
        changes: Keys to set before the check, each "a.b=value".

    Returns:
        The recipe, every key checked.

    Raises:
        RecipeError: If the file is missing, no YAML mapping, or a key is unknown, missing or
            ill-typed; the message has one line a mistake, each opening with the key's path.
    """
    path = Path(path)
    if not path.is_file():
        raise RecipeError(f"{path}: no such recipe; see config/ for those that come along")
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        raise RecipeError(f"{path}: not valid YAML: {error}") from None
    if not isinstance(content, dict):
        raise RecipeError(f"{path}: expected a mapping of keys to values")
    for change in changes:
        _change(content, change)
    try:
        # As JSON, so that a list may fill a tuple while everything else stays strict.
        return recipe.model_validate_json(json.dumps(content, default=str))
    except ValidationError as error:
        lines = [f"{path}: {_describe(e, recipe)}" for e in error.errors()]
        raise RecipeError("\n".join(lines)) from None
