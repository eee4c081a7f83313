"""The plots of the model card."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.figure import Figure


def draw_calibration(calibration: Mapping[str, Any], path: Path) -> None:
    """Draws reliability diagrams: of a perfect model all points lie on the diagonal.

    Args:
        calibration: Of `measure_calibration`.
        path: The PNG to write.
    """
    figure = Figure(figsize=(9, 4.5), layout="constrained")
    panels = figure.subplots(1, len(calibration), sharey=True)
    for axes, (name, measures) in zip(panels, calibration.items(), strict=True):
        bins = measures["bins"]
        cases = np.array([found["cases"] for found in bins])
        axes.plot([0, 1], [0, 1], color="grey", linewidth=1, linestyle="--")
        axes.plot([b["probability"] for b in bins], [b["applies"] for b in bins], linewidth=1)
        axes.scatter(
            [b["probability"] for b in bins],
            [b["applies"] for b in bins],
            s=8 + 240 * np.sqrt(cases / cases.max()),
            alpha=0.6,
        )
        axes.set_title(f"{name}: expected calibration error {measures['error']['value']:.3f}")
        axes.set_xlabel("mean probability of a bin (area: its cases, by square root)")
        axes.set_aspect("equal")
    panels[0].set_ylabel("share to which the label applies")
    figure.savefig(path, dpi=80)


def draw_confusion(counts: npt.NDArray[np.integer], labels: Sequence[str], path: Path) -> None:
    """Draws which labels are taken for which, as shares of each gold label's texts.

    Args:
        counts: (gold labels, predicted labels).
        labels: Their names.
        path: The PNG to write.
    """
    figure = Figure(figsize=(9, 8), layout="constrained")
    axes = figure.subplots()
    shares = counts / np.maximum(counts.sum(1, keepdims=True), 1)
    image = axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    ticks = range(len(labels))
    axes.set_xticks(ticks, labels, rotation=90)
    names = [f"{label} ({n})" for label, n in zip(labels, counts.sum(1).tolist(), strict=True)]
    axes.set_yticks(ticks, names)
    axes.set_xlabel("strongest label")
    axes.set_ylabel("gold label (texts)")
    figure.colorbar(image, label="share of the gold label's texts", shrink=0.6)
    figure.savefig(path, dpi=80)
