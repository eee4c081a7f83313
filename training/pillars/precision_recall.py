"""Precision-recall curves of every class."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from matplotlib.figure import Figure
from sklearn.metrics import average_precision_score, precision_recall_curve

from training.pillars.corpus import Floats

COLUMNS = 7


def draw_precision_recall(
    scores: Floats, targets: Floats, thresholds: Floats, labels: Sequence[str], path: Path
) -> None:
    """Draws one curve for each class, with the chosen threshold's point on it.

    Args:
        scores: Probabilities, (texts, labels).
        targets: (texts, labels), 0 or 1.
        thresholds: Chosen on dev, (labels,).
        labels: Names of the classes.
        path: The image to write.
    """
    rows = -(-len(labels) // COLUMNS)
    figure = Figure(figsize=(2.2 * COLUMNS, 2.2 * rows), layout="constrained")
    grid = figure.subplots(rows, COLUMNS, sharex=True, sharey=True, squeeze=False)
    for axes in grid.flat[len(labels) :]:
        axes.set_visible(False)
    for column, (axes, label) in enumerate(zip(grid.flat, labels, strict=False)):
        true, score = targets[:, column] == 1, scores[:, column]
        if not true.any():
            axes.set_title(f"{label}: none", fontsize=8)
            continue
        precision, recall, _ = precision_recall_curve(true, score)
        axes.step(recall, precision, where="post", linewidth=1)
        predicted = score >= thresholds[column]
        hits = (predicted & true).sum()
        axes.plot(hits / true.sum(), hits / max(predicted.sum(), 1), "o", markersize=4)
        axes.set_title(f"{label}: AP {average_precision_score(true, score):.2f}", fontsize=8)
    figure.supxlabel("recall (dots: at the thresholds from dev)")
    figure.supylabel("precision")
    figure.savefig(path, dpi=110)
