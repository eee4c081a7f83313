"""Fairness: what a bundle says of the same sentence about, or by, different people."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from emotion_component import EmotionModel

TEMPLATES = Path(__file__).with_name("fairness.yaml")


@dataclass(frozen=True)
class Variant:
    """One wording of a sentence.

    Attributes:
        group: Whom or what it is about, or whose dialect it is in.
        text: The wording.
    """

    group: str
    text: str


Sentence = list[Variant]
"""All wordings of one sentence."""


def read_axes(path: Path = TEMPLATES) -> dict[str, list[Sentence]]:
    """Reads the sentences of each axis.

    Args:
        path: YAML. An axis has `sentences`, each a mapping of group to wording; or `templates` with
            slots such as {name}, and `groups`, each a list of mappings of slot to filling.
    """
    axes = yaml.safe_load(path.read_text(encoding="utf-8"))
    return {name: _sentences(axis) for name, axis in axes.items()}


def _sentences(axis: dict[str, Any]) -> list[Sentence]:
    if "sentences" in axis:
        return [[Variant(*item) for item in sentence.items()] for sentence in axis["sentences"]]
    return [
        [
            Variant(group, _capitalised(template.format(**filling)))
            for group, fillings in axis["groups"].items()
            for filling in fillings
        ]
        for template in axis["templates"]
    ]


def _capitalised(text: str) -> str:
    return text[0].upper() + text[1:]


def measure_fairness(
    model: EmotionModel, axes: dict[str, list[Sentence]]
) -> dict[str, dict[str, Any]]:
    """Compares the wordings of each sentence, two of different groups at a time.

    Args:
        model: The bundle.
        axes: Of `read_axes`.

    Returns:
        For each axis `sentences` and `pairs` (how many); of the absolute differences of two
        wordings' probabilities `mean` (over labels and pairs), `mean_largest` (over pairs, of the
        label that differs most) and `largest`, with its `texts` and `label` as `worst`; `changed`:
        the share of pairs whose strongest labels differ; and `valence`: by group, how much more
        pleasant its wordings are read on average than those of the same sentence for the others.
    """
    return {name: _measure(model, sentences) for name, sentences in axes.items()}


def _measure(model: EmotionModel, sentences: Sequence[Sentence]) -> dict[str, Any]:
    differences, changes, texts = [], [], []
    valences: defaultdict[str, list[float]] = defaultdict(list)
    for sentence in sentences:
        results = model.predict_batch([variant.text for variant in sentence])
        pairs = zip(sentence, results, strict=True)
        for (one, first), (other, second) in combinations(pairs, 2):
            if one.group != other.group:
                differences.append([abs(first.scores[k] - second.scores[k]) for k in model.labels])
                changes.append(first.label != second.label)
                texts.append([one.text, other.text])
                valences[one.group].append(first.valence - second.valence)
                valences[other.group].append(second.valence - first.valence)
    table = np.array(differences)
    pair, label = divmod(int(table.argmax()), len(model.labels))
    return {
        "sentences": len(sentences),
        "pairs": len(table),
        "mean": float(table.mean()),
        "mean_largest": float(table.max(1).mean()),
        "largest": float(table.max()),
        "worst": {"texts": texts[pair], "label": model.labels[label]},
        "changed": float(np.mean(changes)),
        "valence": {group: float(np.mean(found)) for group, found in valences.items()},
    }
