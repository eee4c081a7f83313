"""The plots of the analysis."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from training.pillars.diversity import Similarity


def plot_coverage(coverage: Mapping[str, Any], path: Path) -> None:
    """Examples by primary emotion, and by any label."""
    names = list(coverage["primary"])
    figure = Figure(figsize=(10, 5), layout="constrained")
    axes = figure.subplots()
    rows = range(len(names))
    soft = [coverage["soft"].get(name, 0) for name in names]
    axes.bar([row - 0.2 for row in rows], coverage["primary"].values(), 0.4, label="primary")
    axes.bar([row + 0.2 for row in rows], soft, 0.4, label="any label over 0.3")
    axes.set_xticks(rows, names, rotation=90)
    axes.set_ylabel("examples")
    axes.legend()
    figure.savefig(path)


def plot_similarity(similarity: Similarity, path: Path) -> None:
    """Mean cosine of the utterances of each two emotions."""
    figure = Figure(figsize=(9, 8), layout="constrained")
    axes = figure.subplots()
    image = axes.imshow(similarity.matrix)
    rows = range(len(similarity.emotions))
    axes.set_xticks(rows, similarity.emotions, rotation=90)
    axes.set_yticks(rows, similarity.emotions)
    figure.colorbar(image, label="mean cosine of utterances")
    figure.savefig(path)


def plot_changes(changes: Mapping[str, Mapping[str, Sequence[float]]], path: Path) -> None:
    """How much cleaning and rewriting left as it was."""
    figure = Figure(figsize=(9, 4), layout="constrained")
    for axes, measure in zip(figure.subplots(1, 2), ("cosine", "levenshtein"), strict=True):
        for name, values in changes.items():
            axes.hist(values[measure], bins=20, range=(0, 1), alpha=0.6, label=name)
        axes.set_xlabel(f"{measure}, before and after")
        axes.set_ylabel("examples")
        axes.legend()
    figure.savefig(path)
