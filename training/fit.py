"""Training on `transformers.Trainer`: what every paper's training shares."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Literal

import torch
from pydantic import Field
from torch import nn
from torch.utils.data import Dataset, Sampler
from transformers import (
    EvalPrediction,
    PreTrainedModel,
    Trainer,
    TrainerCallback,
    TrainingArguments,
)
from transformers.trainer_pt_utils import LengthGroupedSampler

from training.averaging import WeightAverage
from training.recipe import Recipe


class FitSettings(Recipe):
    """How to train; the key `training:` of every recipe.

    Attributes:
        epochs: Passes over the training texts.
        batch_size: Texts of one step on one device.
        gradient_accumulation: Steps whose gradients are summed before the weights change.
        learning_rate: Of the encoder's top layer.
        head_learning_rate: Of everything that is not the pretrained encoder.
        layer_decay: Each layer below the top has this times the learning rate of the one above.
        freeze_embeddings: Whether the encoder's word embeddings stay as they are.
        weight_decay: Of AdamW; not for biases and norms.
        warmup: Share of the steps in which the learning rate rises; it falls linearly after.
        precision: "fp32", "bf16" or "fp16" (mixed precision).
        average: Decay a step of an exponential moving average of the weights, which is evaluated
            and saved in their place; 0 for none. 0.999 averages about a thousand steps.
        log_steps: Steps between two lines of the log.
        keep_checkpoints: How many checkpoints are kept beside the best, to resume from.
    """

    epochs: float
    batch_size: int = 64
    gradient_accumulation: int = 1
    learning_rate: float
    head_learning_rate: float = 1e-3
    layer_decay: float = 1.0
    freeze_embeddings: bool = False
    weight_decay: float = 0.01
    warmup: float = 0.1
    precision: Literal["fp32", "bf16", "fp16"] = "fp32"
    average: float = Field(default=0.0, ge=0, lt=1)
    log_steps: int = 50
    keep_checkpoints: int = 1


def training_arguments(
    settings: FitSettings, output: Path, seed: int, metric: str
) -> TrainingArguments:
    """Returns the arguments of a run.

    The model is evaluated and saved after each epoch, and the best by `metric` is kept. Texts of
    like length are batched together.

    Args:
        settings: How to train.
        output: The run's folder: checkpoints and TensorBoard's log.
        seed: Of weights, order and dropout.
        metric: Name of the metric that chooses the model; higher is better.
    """
    return TrainingArguments(
        output_dir=str(output),
        num_train_epochs=settings.epochs,
        per_device_train_batch_size=settings.batch_size,
        per_device_eval_batch_size=2 * settings.batch_size,
        gradient_accumulation_steps=settings.gradient_accumulation,
        learning_rate=settings.learning_rate,
        warmup_steps=settings.warmup,
        bf16=settings.precision == "bf16",
        fp16=settings.precision == "fp16",
        train_sampling_strategy="group_by_length",
        eval_strategy="epoch",
        save_strategy="epoch",
        save_total_limit=settings.keep_checkpoints,
        load_best_model_at_end=True,
        metric_for_best_model=metric,
        greater_is_better=True,
        logging_steps=settings.log_steps,
        report_to=["tensorboard"],
        remove_unused_columns=False,
        label_names=["targets"],
        ddp_find_unused_parameters=False,
        use_cpu=not torch.cuda.is_available(),
        dataloader_pin_memory=torch.cuda.is_available(),
        seed=seed,
        disable_tqdm=False,
    )


def optimizer(
    model: nn.Module, encoder: PreTrainedModel, settings: FitSettings
) -> torch.optim.AdamW:
    """Returns AdamW with a learning rate a layer and without decay of biases and norms.

    Args:
        model: The whole model; parameters that do not require gradients are left out.
        encoder: Its pretrained part. Its layers are its longest `ModuleList`; parameters outside
            them, such as the token embeddings, lie below the lowest layer.
        settings: Learning rates, decay.
    """
    stack = _layers(encoder)
    layers = {
        id(parameter): number
        for number, layer in enumerate(stack, 1)
        for parameter in layer.parameters()
    }
    encoder_parameters = {id(parameter) for parameter in encoder.parameters()}
    groups: dict[tuple[float, float], list[nn.Parameter]] = {}
    for parameter in model.parameters():
        if not parameter.requires_grad:
            continue
        rate = settings.head_learning_rate
        if id(parameter) in encoder_parameters:
            below_top = len(stack) - layers.get(id(parameter), 0)
            rate = settings.learning_rate * settings.layer_decay**below_top
        decay = settings.weight_decay if parameter.ndim > 1 else 0.0
        groups.setdefault((rate, decay), []).append(parameter)
    return torch.optim.AdamW(
        [
            {"params": parameters, "lr": rate, "weight_decay": decay}
            for (rate, decay), parameters in groups.items()
        ],
        fused=True,
    )


def _layers(encoder: nn.Module) -> nn.ModuleList:
    lists = [module for module in encoder.modules() if isinstance(module, nn.ModuleList)]
    return max(lists, key=len)


class _Trainer(Trainer):
    """Gives several processes the batches that one with accumulation would have."""

    def _get_train_sampler(self, train_dataset: Dataset[Any] | None = None) -> Sampler[int]:
        arguments = self.args
        together = arguments.gradient_accumulation_steps * arguments.world_size
        texts = train_dataset or self.train_dataset
        return LengthGroupedSampler(arguments.train_batch_size * together, texts)


def fit(
    model: nn.Module,
    encoder: PreTrainedModel,
    train: Dataset[Any],
    held_out: Dataset[Any],
    collate: Callable[[list[Any]], dict[str, Any]],
    settings: FitSettings,
    arguments: TrainingArguments,
    score: Callable[[EvalPrediction], dict[str, float]],
    reduce: Callable[[torch.Tensor, torch.Tensor], torch.Tensor] | None = None,
    callbacks: Sequence[TrainerCallback] = (),
) -> Trainer:
    """Trains `model`, resuming from the run's last checkpoint if there is one.

    Under `torchrun` each process takes its share of every step's batches: two processes do what
    one does with twice the gradient accumulation.

    Args:
        model: Its forward takes a collated batch and returns a dict with `loss` and `logits`.
        encoder: The pretrained part of `model`.
        train: Training examples; each a mapping with `input_ids`, for the lengths.
        held_out: Examples to choose the model by.
        collate: Makes a batch.
        settings: How to train.
        arguments: See `training_arguments`.
        score: Metrics of the held-out part.
        reduce: Makes logits and targets of a batch small before they are gathered.
        callbacks: What the trainer calls beside its own.

    Returns:
        The trainer, its model the best one.
    """
    if settings.freeze_embeddings:
        encoder.get_input_embeddings().requires_grad_(False)
    trainer = _Trainer(
        model=model,
        args=arguments,
        train_dataset=train,
        eval_dataset=held_out,
        data_collator=collate,
        compute_metrics=score,
        preprocess_logits_for_metrics=reduce,
        optimizers=(optimizer(model, encoder, settings), None),
        callbacks=[*callbacks, *([WeightAverage(settings.average)] if settings.average else [])],
    )
    trainer.accelerator.rng_types = ["torch"]  # at each epoch, one order of texts for all processes
    interrupted = any(Path(str(arguments.output_dir)).glob("checkpoint-*"))
    trainer.train(resume_from_checkpoint=interrupted)
    return trainer
