"""The mean answer of several classifiers: what the joint model learns beside the human labels."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from scipy.special import expit
from tqdm import tqdm

from training.joint.texts import JointText
from training.models.emotion_classifier import EmotionClassifier
from training.pillars.corpus import Floats


def softened(
    targets: Floats, texts: Sequence[JointText], teachers: Sequence[Path], weight: float, bf16: bool
) -> Floats:
    """Mixes the teachers' probabilities into the targets of texts read without context.

    The teachers know no context; where one may decide, the human labels stand alone.

    Args:
        targets: Human labels, (texts, labels).
        texts: What was labelled.
        teachers: Folders of classifiers' checkpoints.
        weight: Share of the teachers, 0 to 1.
        bf16: Whether they answer in mixed precision.

    Returns:
        (texts, labels), in [0, 1].
    """
    rows = [row for row, text in enumerate(texts) if text.emotions and not text.context]
    mixed = targets.copy()
    mixed[rows] = (1 - weight) * targets[rows]
    for folder in tqdm(teachers, desc="Teachers", unit="model"):
        classifier = EmotionClassifier.load(folder)
        with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
            logits = classifier.predict([texts[row].text for row in rows]).double().numpy()
        mixed[rows] += weight / len(teachers) * expit(logits)
    return np.clip(mixed, 0, 1)
