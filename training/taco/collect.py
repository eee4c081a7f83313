"""Runs of `taco train`, read from their folders and grouped into variants that differ by seed."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from training.errors import UserError
from training.taco.run import RESULTS, differences

PLAIN, FULL = "Plain head, cross-entropy", "TACO"
TITLES: dict[tuple[tuple[str, Any], ...], str] = {
    (("model.head", "linear"),): PLAIN,
    (): FULL,
    (("losses.beta", 0.0),): "without LDL",
    (("losses.alpha", 0.0),): "without CCL",
    (("losses.clusters", "none"),): "without clustering",
    (("model.descriptions", False),): "without descriptions",
}
"""Changes to the recipe that the paper has a name for, in the order of its tables."""


NAMED = {key for changes in TITLES for key, _ in changes}


@dataclass(frozen=True)
class Run:
    """One trained and scored model.

    Attributes:
        folder: Of the run.
        results: The content of its results.json.
        changes: Keys in which it differs from the recipe's file and from the other runs.
    """

    folder: Path
    results: dict[str, Any]
    changes: dict[str, Any]

    @property
    def variant(self) -> str:
        """The paper's name of what the changes make, else the changes themselves."""
        named = TITLES.get(tuple(sorted(self.changes.items(), key=str)))
        return named or ", ".join(f"{key}={value}" for key, value in self.changes.items())


Groups = dict[str, list[Run]]
"""Variant to its runs, one a seed."""


@dataclass(frozen=True)
class Dataset:
    """All runs on one dataset.

    Attributes:
        name: Of the data.
        shared: Changes to the recipe's file that all runs have, and that make no variant.
        groups: The variants in the order of `TITLES`, others after them.
    """

    name: str
    shared: dict[str, Any]
    groups: Groups


def read_runs(folders: Iterable[Path]) -> list[Run]:
    """Reads all runs in or under some folders.

    Raises:
        UserError: If a folder holds none.
    """
    runs = []
    for folder in folders:
        files = sorted(folder.rglob(RESULTS))
        if not files:
            raise UserError(f"{folder}: holds no finished run ({RESULTS}) of `taco train`")
        for file in files:
            results = json.loads(file.read_text(encoding="utf-8"))
            runs.append(Run(file.parent, results, results["changes"]))
    return runs


def by_dataset(runs: Sequence[Run]) -> list[Dataset]:
    """Groups runs by data and variant.

    Raises:
        UserError: If two runs of a variant have one seed, or differ in more than their seeds.
    """
    names = dict.fromkeys(run.results["recipe"]["dataset"] for run in runs)
    return [
        _dataset(name, [run for run in runs if run.results["recipe"]["dataset"] == name])
        for name in names
    ]


def _dataset(name: str, runs: Sequence[Run]) -> Dataset:
    shared = {
        key: value
        for key, value in runs[0].changes.items()
        if key not in NAMED and all(run.changes.get(key) == value for run in runs)
    }
    groups: Groups = {title: [] for title in TITLES.values()}
    for run in runs:
        own = {key: value for key, value in run.changes.items() if key not in shared}
        run = replace(run, changes=own)
        group = groups.setdefault(run.variant, [])
        for other in group:
            _check_alike(other, run)
        group.append(run)
    return Dataset(name, shared, {title: group for title, group in groups.items() if group})


def _check_alike(one: Run, other: Run) -> None:
    keys = differences(one.results["recipe"], other.results["recipe"])
    if set(keys) != {"seed"}:
        what = ", ".join(key for key in keys if key != "seed") or "nothing, not even their seed"
        raise UserError(
            f"{one.folder} and {other.folder} are both {one.variant!r} but differ in {what}; "
            "leave one of them out"
        )
