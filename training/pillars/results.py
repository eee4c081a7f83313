"""Results of classifiers: precision, recall and F1, as JSON and as tables."""

from __future__ import annotations

import json
import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.metrics import precision_recall_fscore_support

from training.evaluation.report import table

FIGURES = ("precision", "recall", "f1")
Figures = dict[str, float]
Matrix = npt.NDArray[Any]


@dataclass(frozen=True)
class Result:
    """What one run reached on its test part.

    Attributes:
        run: Its name, such as "seed 0" or "seed 0, fold 1".
        scores: Name of a way to average (or to decide) to precision, recall and F1.
        classes: Class to precision, recall, F1 and support.
        measures: Name to share in [0, 1], where there are others.
        notes: Whatever else is worth keeping: thresholds, the dev score.
    """

    run: str
    scores: dict[str, Figures]
    classes: dict[str, Figures]
    measures: dict[str, float] = field(default_factory=dict)
    notes: dict[str, Any] = field(default_factory=dict)


def averaged(targets: Matrix, predicted: Matrix, average: str = "macro") -> Figures:
    """Returns averaged precision, recall and F1.

    Args:
        targets: (texts, classes), 0 or 1.
        predicted: (texts, classes), 0 or 1.
        average: "macro" or "micro".
    """
    figures = precision_recall_fscore_support(
        targets, predicted, average=average, zero_division=0.0
    )
    return {name: float(value) for name, value in zip(FIGURES, figures, strict=False)}


def by_class(targets: Matrix, predicted: Matrix, classes: Sequence[str]) -> dict[str, Figures]:
    """Returns precision, recall, F1 and support of each class; arguments as `averaged`."""
    columns = precision_recall_fscore_support(targets, predicted, average=None, zero_division=0.0)
    rows = np.stack(columns, axis=1).tolist()
    return {
        name: dict(zip((*FIGURES, "support"), row, strict=True))
        for name, row in zip(classes, rows, strict=True)
    }


def write_results(folder: Path, title: str, results: Sequence[Result]) -> None:
    """Writes results.json and results.md: means, and deviations where there are several runs."""
    folder.mkdir(parents=True, exist_ok=True)
    content = json.dumps([asdict(result) for result in results], indent=2)
    (folder / "results.json").write_text(content + "\n", encoding="utf-8")
    (folder / "results.md").write_text(_markdown(title, results), encoding="utf-8")


def read_results(folder: Path) -> list[Result]:
    """Reads the results.json of a folder; an empty list if there is none."""
    path = folder / "results.json"
    if not path.is_file():
        return []
    return [Result(**entry) for entry in json.loads(path.read_text(encoding="utf-8"))]


def _markdown(title: str, results: Sequence[Result]) -> str:
    header = ["", "precision", "recall", "F1"]
    scores = [
        [name, *(_mean([result.scores[name][figure] for result in results]) for figure in FIGURES)]
        for name in results[0].scores
    ]
    classes = [
        [
            name,
            *(_mean([result.classes[name][figure] for result in results]) for figure in FIGURES),
            f"{statistics.fmean(result.classes[name]['support'] for result in results):g}",
        ]
        for name in results[0].classes
    ]
    runs = ", ".join(result.run for result in results)
    parts = [f"# {title}", "", f"Runs: {runs}. Mean ± standard deviation where several.", ""]
    parts += [table(header, scores)]
    if results[0].measures:
        measures = [
            [name, _mean([result.measures[name] for result in results])]
            for name in results[0].measures
        ]
        parts += ["## Measures", "", table(["", "share"], measures)]
    parts += ["## Classes", "", table([*header, "support"], classes)]
    return "\n".join(parts)


def _mean(values: Sequence[float]) -> str:
    mean = f"{statistics.fmean(values):.3f}"
    return f"{mean} ±{statistics.stdev(values):.3f}" if len(values) > 1 else mean
