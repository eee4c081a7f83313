"""Low-rank adapters: how a large decoder is trained (TACO, appendix E)."""

from __future__ import annotations

from typing import Any

from peft import LoraConfig, TaskType, get_peft_model
from transformers import PreTrainedModel

from training.taco.recipe import LoraSettings


def add_adapters(encoder: PreTrainedModel, settings: LoraSettings) -> Any:  # noqa: ANN401
    """Returns the encoder with adapters at all its linear layers; nothing else of it learns."""
    return get_peft_model(
        encoder,
        LoraConfig(
            task_type=TaskType.FEATURE_EXTRACTION,
            r=settings.rank,
            lora_alpha=settings.alpha,
            lora_dropout=settings.dropout,
            target_modules="all-linear",
        ),
    )


def merge_adapters(encoder: Any) -> PreTrainedModel:  # noqa: ANN401
    """Returns the plain encoder, the adapters added to its weights."""
    merged: PreTrainedModel = encoder.merge_and_unload()
    return merged
