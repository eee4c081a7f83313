"""Going part of the way back to the first stage, which keeps what it knew of other texts."""

from __future__ import annotations

import torch

from training.models.dual_encoder import DualEncoder


@torch.no_grad()
def interpolate(model: DualEncoder, start: DualEncoder, share: float) -> None:
    """Moves the weights of a model toward those it started from.

    Training on a task takes from the space what the task does not need; between the two weights
    lies a model that has nearly all of both.

    Args:
        model: Changed in place.
        start: What it was before training.
        share: Of the start, 0 to 1.

    Reference:
        https://arxiv.org/abs/2109.01903 (WiSE-FT), section 3.
    """
    before = dict(start.named_parameters())
    for name, weight in model.named_parameters():
        weight.lerp_(before[name], share)
