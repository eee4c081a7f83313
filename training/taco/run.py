"""A run's folder: what is trained there, and whether it is done."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from training.errors import UserError
from training.taco.recipe import TacoRecipe

RECIPE, RESULTS, VECTORS = "recipe.json", "results.json", "test.npz"

WHERE = {"backbone", "data"}
"""Keys that say where something lies on this machine, not what is trained."""


def describe(recipe: TacoRecipe) -> dict[str, Any]:
    """Returns what a recipe trains, without the machine's paths."""
    return recipe.model_dump(mode="json", exclude=WHERE)


def differences(before: dict[str, Any], after: dict[str, Any]) -> dict[str, Any]:
    """Returns the keys of which two recipes differ, as paths, with their values in `after`."""
    old, new = _flat(before), _flat(after)
    return {key: new.get(key) for key in sorted({*old, *new}) if old.get(key) != new.get(key)}


def _flat(content: dict[str, Any], path: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in content.items():
        if isinstance(value, dict):
            flat |= _flat(value, f"{path}{key}.")
        else:
            flat[path + key] = value
    return flat


def folder_name(changes: dict[str, Any]) -> str:
    """Returns a folder's name for a recipe with changed keys: "full", or "beta-0" and the like."""
    parts = [f"{key.rsplit('.', 1)[-1]}-{value}" for key, value in changes.items()]
    name = "_".join(parts) or "full"
    return "".join(letter if letter.isalnum() or letter in "-_." else "-" for letter in name)


def open_run(output: Path, recipe: dict[str, Any], changes: dict[str, Any]) -> bool:
    """Prepares a run's folder.

    Args:
        output: The folder; made if missing.
        recipe: What is trained, see `describe`.
        changes: Where it differs from the recipe's file.

    Returns:
        Whether the run is done already.

    Raises:
        UserError: If the folder holds another recipe's run.
    """
    path = output / RECIPE
    if path.is_file():
        differing = differences(json.loads(path.read_text(encoding="utf-8"))["recipe"], recipe)
        if differing:
            raise UserError(
                f"--output: {output} holds a run of another recipe (it differs in "
                f"{', '.join(differing)}); give another folder, or remove this one"
            )
    output.mkdir(parents=True, exist_ok=True)
    write_json(path, {"recipe": recipe, "changes": changes})
    return (output / RESULTS).is_file()


def write_json(path: Path, content: dict[str, Any]) -> None:
    """Writes a file whole or not at all."""
    unfinished = path.with_name(f"{path.name}.{os.getpid()}.part")  # a name a process, under DDP
    unfinished.write_text(
        json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8"
    )
    unfinished.replace(path)
