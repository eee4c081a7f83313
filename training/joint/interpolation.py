"""The fifth stage: part of the way back to the start, which keeps what it knew of other texts."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import torch

from training.joint.recipe import MixSettings
from training.models.checkpoint import read_config
from training.models.dual_encoder import DualEncoder
from training.models.joint_model import JointModel


def mix(settings: MixSettings, trained: Path, start: Path, output: Path) -> Path:
    """Writes the model whose bundle is made.

    Args:
        settings: What to do to the weights.
        trained: Checkpoint of the joint model.
        start: Checkpoint of the dual encoder or joint model that it was trained from.
        output: The stage's folder.

    Returns:
        The checkpoint's folder.

    Raises:
        UserError: If a checkpoint is none.
    """
    model = JointModel.load(trained)
    interpolate(model.space, _space(start), settings.start_share)
    if settings.label_template is not None:
        model.space.config = replace(model.space.config, label_template=settings.label_template)
    model.save(output / "model", read_config(trained)["notes"])
    return output / "model"


def _space(folder: Path) -> DualEncoder:
    return (
        JointModel.load(folder).space
        if JointModel.is_saved_in(folder)
        else DualEncoder.load(folder)
    )


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
