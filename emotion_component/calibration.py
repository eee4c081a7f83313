"""Logits to calibrated logits."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.floating]


def calibrated_logits(
    logits: FloatArray, scales: FloatArray, biases: FloatArray, bends: FloatArray
) -> FloatArray:
    """Returns scale * logit + bend * softplus(-logit) + bias.

    Its sigmoid is beta calibration (Kull et al. 2017, section 3) of the logits' sigmoid: the slope
    is `scale` far above 0 and `scale - bend` far below. A bend of 0 is Platt's scaling.

    Args:
        logits: (n, labels).
        scales: (labels,), as the following.
        biases: Added to each label.
        bends: How much each slope changes around a logit of 0.

    Returns:
        (n, labels).
    """
    straight: FloatArray = logits * scales + biases
    if not bends.any():
        return straight
    curved: FloatArray = straight + bends * np.logaddexp(0.0, -logits)
    return curved
