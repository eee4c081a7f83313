"""From emotions with levels to the targets of the outputs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np

from training.pillars.corpus import Floats

Kind = Literal["soft", "thresholded"]


def make_targets(
    emotions: Sequence[Mapping[str, float]], labels: Sequence[str], kind: Kind, threshold: float
) -> Floats:
    """Returns targets, (utterances, labels).

    Args:
        emotions: Each utterance's emotions, label to expressiveness in (0, 1].
        labels: Names of the outputs.
        kind: "soft": the levels themselves; "thresholded": 1 from the threshold on, and for an
            utterance's strongest emotion however weak.
        threshold: 0.3 in the paper (arXiv 2504.16856, section 3).
    """
    columns = {label: column for column, label in enumerate(labels)}
    targets = np.zeros((len(emotions), len(labels)))
    for row, levels in enumerate(emotions):
        for label, level in levels.items():
            targets[row, columns[label]] = level
    if kind == "soft":
        return targets
    strongest = targets.max(1, keepdims=True)
    present = (targets >= np.minimum(threshold, strongest)) & (targets > 0)
    return np.where(present, 1.0, 0.0)
