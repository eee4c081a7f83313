"""Every figure of the model card, from the files of a bundle."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from emotion_component import EmotionModel
from emotion_component.bundle import ENCODER, MANIFEST, file_hash
from training.card.calibration import measure_calibration
from training.card.dialogues import measure_dialogues
from training.card.emocontext import measure_emocontext
from training.card.fairness import measure_fairness, read_axes
from training.card.goemotions import confusion, frequent_confusions, measure_classes
from training.card.neutral_unless_sure import measure_operating_points
from training.card.predictions import predict_scores
from training.card.probes import measure_probes, read_probes
from training.card.zero_shot import measure_zero_shot
from training.evaluation.embedder import BundleEmbedder
from training.evaluation.similarity import SimilarityScorer
from training.readers.benchmarks import Benchmark

log = logging.getLogger(__name__)

Card = dict[str, Any]


def measure_card(
    folder: Path, benchmarks: Mapping[str, Benchmark], data: Path | None, template: str
) -> Card:
    """Measures a bundle with GoEmotions' labels.

    Args:
        folder: The bundle.
        benchmarks: Those of `training.readers.benchmarks`, by name.
        data: The data folder, for EmoContext.
        template: What stands for a label of a zero-shot benchmark.

    Returns:
        Plain JSON: `bundle`, `goemotions`, `calibration`, `neutral_unless_sure`, `zero_shot`,
        `emocontext`, `dialogues`, `fairness`, `probes`. Figures are rounded to four digits.

    Raises:
        UserError: If data are missing or ill-formed.
    """
    model = EmotionModel.load(folder)
    log.info("Model card: GoEmotions")
    card = {"bundle": _describe(folder, model), **_measure_goemotions(model, benchmarks)}
    log.info("Model card: zero-shot benchmarks")
    scorer = SimilarityScorer(BundleEmbedder(folder))
    card["zero_shot"] = {
        "template": template,
        "benchmarks": measure_zero_shot(benchmarks, scorer, template),
    }
    log.info("Model card: EmoContext")
    card["emocontext"] = measure_emocontext(model, data)
    log.info("Model card: dialogues, fairness, probes")
    card["dialogues"] = measure_dialogues(model)
    card["fairness"] = measure_fairness(model, read_axes())
    card["probes"] = measure_probes(model, read_probes())
    rounded: Card = _rounded(card)
    return rounded


def _describe(folder: Path, model: EmotionModel) -> Card:
    manifest = model.manifest
    return {
        "name": manifest.name,
        "version": manifest.version,
        "sha256": file_hash(folder / MANIFEST),
        "encoder_megabytes": (folder / ENCODER).stat().st_size / 1e6,
        "window": asdict(manifest.window),
        "training": dict(manifest.training),
    }


def _measure_goemotions(model: EmotionModel, benchmarks: Mapping[str, Benchmark]) -> Card:
    splits = benchmarks["goemotions"].splits
    dev, test = (
        (predict_scores(model, splits[name].texts), splits[name].targets)
        for name in ("dev", "test")
    )
    ways = {"own": np.array(model.manifest.thresholds), "0.5": np.full(len(model.labels), 0.5)}
    counts = confusion(*test)
    trained_on = set(splits["train"].texts)
    return {
        "goemotions": {
            "texts": len(test[0]),
            "also_in_train": sum(text in trained_on for text in splits["test"].texts),
            "labels": list(model.labels),
            "thresholds": {
                name: measure_classes(*test, thresholds, model.labels)
                for name, thresholds in ways.items()
            },
            "confusion": counts.tolist(),
            "frequent_confusions": frequent_confusions(counts, model.labels),
        },
        "calibration": measure_calibration(*test),
        "neutral_unless_sure": measure_operating_points(dev, test, model.labels.index("neutral")),
    }


def _rounded(value: Any) -> Any:  # noqa: ANN401 - any JSON
    if isinstance(value, float):
        return round(value, 4)
    if isinstance(value, dict):
        return {key: _rounded(entry) for key, entry in value.items()}
    if isinstance(value, list):
        return [_rounded(entry) for entry in value]
    return value
