"""The mean answer of several classifiers: what the joint model learns beside the human labels."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from scipy.special import expit
from tqdm import tqdm

from training.joint.texts import JointText
from training.models.joint_model import load_classifier
from training.pillars.corpus import Floats


def softened(
    targets: Floats, texts: Sequence[JointText], teachers: Sequence[Path], weight: float, bf16: bool
) -> Floats:
    """Mixes the teachers' probabilities into the targets of texts read without context.

    The teachers know no context; where one may decide, the human labels stand alone.

    Args:
        targets: Human labels, (texts, labels); NaN in rows without any.
        texts: What was labelled.
        teachers: Folders of classifiers' checkpoints, at least one.
        weight: Share of the teachers, 0 to 1; where no human has labelled, all.
        bf16: Whether they answer in mixed precision.

    Returns:
        (texts, labels), in [0, 1]; NaN in rows of texts with context that nobody has labelled.
    """
    rows = [row for row, text in enumerate(texts) if not text.context]
    answers = np.zeros((len(rows), targets.shape[1]))
    for folder in tqdm(teachers, desc="Teachers", unit="model"):
        classifier = load_classifier(folder)
        with torch.autocast("cpu", torch.bfloat16, enabled=bf16):
            logits = classifier.predict([texts[row].text for row in rows]).double().numpy()
        answers += expit(logits) / len(teachers)
    mixed = targets.copy()
    blend = (1 - weight) * targets[rows] + weight * answers
    mixed[rows] = np.where(np.isnan(blend), answers, blend)
    return mixed.clip(0, 1)
