"""Writes a bundle's model card: text, figures and plots."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from emotion_component.bundle import read_manifest
from training.card.measure import measure_card
from training.card.plots import draw_calibration, draw_confusion
from training.card.text import CALIBRATION_PLOT, CONFUSION_PLOT, card_text
from training.readers.benchmarks import PUBLISHED, Benchmark

log = logging.getLogger(__name__)


def has_card(folder: Path) -> bool:
    """Tells whether a card can be written: of a bundle with GoEmotions' 28 labels."""
    manifest = read_manifest(folder)
    return manifest.labels == PUBLISHED["goemotions"].labels and not manifest.single_label


def write_card(
    folder: Path,
    benchmarks: Mapping[str, Benchmark],
    data: Path | None,
    template: str,
    output: Path,
) -> None:
    """Measures a bundle and writes model_card.md, model_card.json and two plots.

    Args:
        folder: The bundle.
        benchmarks: By name.
        data: The data folder, for EmoContext.
        template: What stands for a label of a zero-shot benchmark.
        output: An existing folder.

    Raises:
        UserError: If data are missing or ill-formed.
    """
    card = measure_card(folder, benchmarks, data, template)
    content = json.dumps(card, indent=2, ensure_ascii=False)
    (output / "model_card.json").write_text(content + "\n", encoding="utf-8")
    draw_calibration(card["calibration"], output / CALIBRATION_PLOT)
    counts = np.array(card["goemotions"]["confusion"])
    draw_confusion(counts, card["goemotions"]["labels"], output / CONFUSION_PLOT)
    (output / "model_card.md").write_text(card_text(card), encoding="utf-8")
    log.info("Wrote model_card.md, model_card.json and plots to %s", output)
