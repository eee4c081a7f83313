"""Logits and similarities to numbers that people can use: probabilities, thresholds, axes."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy.ndimage import gaussian_filter1d
from scipy.optimize import minimize_scalar
from scipy.special import logit, logsumexp
from sklearn.linear_model import LogisticRegression

Floats = npt.NDArray[np.floating]
Bools = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.integer]

GRID = np.arange(0.01, 1.0, 0.01)
SMOOTHING = 6
"""Width in steps of `GRID`. In two-fold trials on GoEmotions dev (6 splits, thresholds from one
half, macro-F1 on the other) smoothing gave .526 against .508 for the bare grid and .520 for the
best point of the precision-recall curve: rare labels have a dozen cases, and their F1 jumps."""

SHRINKAGE = 10
"""Texts of a label at which its own threshold weighs as much as that of all labels. In two-fold
trials on GoEmotions dev (6 splits, thresholds from one half, macro-F1 on the other) .547 against
.544 for own thresholds alone, .538 for the common one, .545 for 30 and 100 texts."""


def sigmoid(x: Floats) -> Floats:
    """Returns the logistic function of `x`."""
    y: Floats = 0.5 * (1.0 + np.tanh(0.5 * x))
    return y


def platt_scale(logits: Floats, present: Bools, *, balanced: bool = False) -> tuple[float, float]:
    """Fits sigmoid(scale * logit + bias) to the truth (Platt 1999), barely regularised.

    Args:
        logits: (n,).
        present: Whether the label applies, (n,); both values must occur.
        balanced: Weigh the cases as if the label applied to half of them: for similarities to
            labels whose frequency nobody knows.

    Returns:
        Scale and bias.
    """
    weights = "balanced" if balanced else None
    fit = LogisticRegression(C=1e3, class_weight=weights).fit(logits.reshape(-1, 1), present)
    return float(fit.coef_[0, 0]), float(fit.intercept_[0])


def beta_scale(logits: Floats, present: Bools) -> tuple[float, float, float]:
    """Fits beta calibration (Kull et al. 2017, section 3.2), barely regularised.

    Losses that treat positives and negatives apart, such as the asymmetric one, bend the
    probabilities; a curve with one slope a side of 0 unbends them. Scores must not fall where
    logits rise: a slope that comes out negative is 0, and the other one is fitted alone.

    Args:
        logits: (n,).
        present: Whether the label applies, (n,); both values must occur.

    Returns:
        Scale, bias and bend; see `emotion_component.calibration`.
    """
    sides = np.stack([-np.logaddexp(0, -logits), np.logaddexp(0, logits)], axis=1)
    slopes, bias = _slopes(sides, present)
    rising = slopes > 0
    if not rising.any():
        return (*platt_scale(logits, present), 0.0)
    if not rising.all():
        slopes = np.zeros(2)
        slopes[rising], bias = _slopes(sides[:, rising], present)
    below, above = slopes
    return float(above), bias, float(above - below)


def _slopes(features: Floats, present: Bools) -> tuple[Floats, float]:
    fit = LogisticRegression(C=1e3).fit(features, present)
    return fit.coef_[0], float(fit.intercept_[0])


def temperature_scale(logits: Floats, targets: Ints) -> float:
    """Returns the factor of logits that makes their softmax most likely (Guo et al. 2017).

    Args:
        logits: (n, labels).
        targets: (n,), the number of the label that applies.
    """

    def surprise(log_scale: float) -> float:
        scaled = np.exp(log_scale) * logits
        return float((logsumexp(scaled, axis=1) - scaled[np.arange(len(scaled)), targets]).mean())

    return float(np.exp(minimize_scalar(surprise, bounds=(-5, 5), method="bounded").x))


def best_threshold(scores: Floats, present: Bools) -> float:
    """Returns the threshold at which F1, smoothed over neighbouring thresholds, is highest.

    Args:
        scores: (n,) in [0, 1].
        present: Whether the label applies, (n,).
    """
    predicted = scores[:, None] >= GRID
    hits = (predicted & present[:, None]).sum(0)
    f1 = 2 * hits / (predicted.sum(0) + max(1, present.sum()))
    return float(GRID[gaussian_filter1d(f1, SMOOTHING, mode="nearest").argmax()])


def shrunk_thresholds(scores: Floats, present: Bools) -> Floats:
    """Returns each label's best threshold, moved toward the best for all: far where it is rare.

    The mean is that of log-odds; a label of n texts keeps n / (n + `SHRINKAGE`) of its own.

    Args:
        scores: (n, labels) in [0, 1].
        present: Whether each label applies, (n, labels).

    Returns:
        (labels,).
    """
    own = [best_threshold(s, p) for s, p in zip(scores.T, present.T, strict=True)]
    counts = present.sum(0)
    macro_f1 = []
    for threshold in GRID:
        predicted = scores >= threshold
        hits = (predicted & present).sum(0)
        macro_f1.append((2 * hits / np.maximum(predicted.sum(0) + counts, 1)).mean())
    common = logit(GRID[int(np.argmax(macro_f1))])
    trust = counts / (counts + SHRINKAGE)
    return sigmoid(trust * logit(np.array(own)) + (1 - trust) * common)


def axis_scale(differences: Floats, share: float = 0.9, reach: float = 0.8) -> float:
    """Returns the scale with which tanh(scale * difference) spreads over [-1, 1].

    Args:
        differences: Similarity to the one pole less similarity to the other, (n,).
        share: This share of the texts
        reach: lies within -reach and reach.
    """
    return float(np.arctanh(reach) / np.quantile(np.abs(differences), share))
