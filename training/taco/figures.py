"""The figures of TACO's evaluation."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path

import matplotlib
import numpy as np
import numpy.typing as npt
from matplotlib.figure import Figure
from sklearn.manifold import TSNE

Curve = Mapping[float, Sequence[float]]
"""x to the values of y, one a seed."""


def draw_curves(curves: Mapping[str, Curve], x: str, y: str, path: Path) -> None:
    """Draws means and standard deviations.

    Args:
        curves: Name to its points.
        x: What the horizontal axis is.
        y: What the vertical axis is.
        path: The PNG to write.
    """
    figure = Figure(figsize=(7, 4.5), layout="constrained")
    axes = figure.add_subplot()
    for name, curve in curves.items():
        points = sorted(curve)
        means = [statistics.fmean(curve[point]) for point in points]
        spreads = [statistics.stdev(v) if len(v := curve[point]) > 1 else 0.0 for point in points]
        axes.errorbar(points, means, spreads, marker="o", capsize=3, label=name)
    axes.set_xlabel(x)
    axes.set_ylabel(y)
    axes.legend()
    figure.savefig(path, dpi=110)


def draw_map(
    vectors: npt.NDArray[np.floating],
    targets: npt.NDArray[np.integer],
    labels: Sequence[str],
    path: Path,
) -> None:
    """Draws texts by t-SNE of their vectors' cosine distances, coloured by label.

    Args:
        vectors: (texts, width).
        targets: (texts,), the number of each text's label.
        labels: Their names.
        path: The PNG to write.
    """
    points = TSNE(
        metric="cosine", init="random", perplexity=min(30, len(vectors) / 4), random_state=0
    ).fit_transform(vectors)
    figure = Figure(figsize=(11, 8.5), layout="constrained")
    axes = figure.add_subplot()
    colours = matplotlib.colormaps["hsv"](np.linspace(0, 1, len(labels), endpoint=False))
    for number, label in enumerate(labels):
        own = points[targets == number]
        axes.scatter(own[:, 0], own[:, 1], s=7, color=colours[number], label=label)
    axes.set_axis_off()
    figure.legend(loc="outside right center", markerscale=2, fontsize=8)
    figure.savefig(path, dpi=90)
