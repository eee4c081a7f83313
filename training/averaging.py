"""An exponential moving average of the weights, evaluated and saved in place of the raw ones."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments
from transformers.trainer_utils import PREFIX_CHECKPOINT_DIR

RAW_WEIGHTS = "raw_weights.safetensors"


class WeightAverage(TrainerCallback):
    """Averages the weights over the steps of a `transformers.Trainer`.

    At the end of an epoch the averages take the weights' place, so that evaluation, checkpoints
    and the choice of the best model are theirs; training goes on from the raw weights, which a
    file in each checkpoint keeps for resuming. Expects evaluation and checkpoints at the ends of
    epochs, as `training.fit` sets them.

    Args:
        decay: Weight of the average so far at each step; lower in the first steps, so that the
            start is soon forgotten: min(decay, (1 + step) / (10 + step)).
    """

    def __init__(self, decay: float) -> None:
        self.decay = decay
        self._averages: dict[str, Tensor] = {}
        self._raw: dict[str, Tensor] = {}

    @torch.no_grad()
    def on_train_begin(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        **kwargs: Any,  # noqa: ANN401 - the trainer's own
    ) -> None:
        """Starts from the weights; when resuming, they are the averages, and the raw are read."""
        model = kwargs["model"]
        self._averages = _copy(model)
        if state.global_step:
            _load(model, load_file(_raw_file(args, state)))

    @torch.no_grad()
    def on_epoch_begin(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        **kwargs: Any,  # noqa: ANN401
    ) -> None:
        """Puts the raw weights back."""
        _load(kwargs["model"], self._raw)

    @torch.no_grad()
    def on_step_end(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        **kwargs: Any,  # noqa: ANN401
    ) -> None:
        """Moves the averages towards the weights."""
        decay = min(self.decay, (1 + state.global_step) / (10 + state.global_step))
        for name, weight in _trained(kwargs["model"]).items():
            self._averages[name].lerp_(weight, 1 - decay)

    @torch.no_grad()
    def on_epoch_end(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        **kwargs: Any,  # noqa: ANN401
    ) -> None:
        """Puts the averages in the weights' place."""
        self._raw = _copy(kwargs["model"])
        _load(kwargs["model"], self._averages)

    def on_save(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        **kwargs: Any,  # noqa: ANN401
    ) -> None:
        """Keeps the raw weights beside the checkpoint's averages."""
        if state.is_world_process_zero:
            save_file(self._raw, _raw_file(args, state))


def _raw_file(args: TrainingArguments, state: TrainerState) -> Path:
    checkpoint = f"{PREFIX_CHECKPOINT_DIR}-{state.global_step}"
    return Path(str(args.output_dir)) / checkpoint / RAW_WEIGHTS


def _trained(model: nn.Module) -> dict[str, Tensor]:
    return {name: weight for name, weight in model.named_parameters() if weight.requires_grad}


def _copy(model: nn.Module) -> dict[str, Tensor]:
    return {name: weight.detach().clone() for name, weight in _trained(model).items()}


def _load(model: nn.Module, weights: dict[str, Tensor]) -> None:
    trained = _trained(model)
    for name, weight in weights.items():
        trained[name].copy_(weight)
