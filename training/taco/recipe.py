"""The recipe of `taco train`."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, PositiveInt

from training.fit import FitSettings
from training.readers.sources import Source
from training.recipe import Recipe


class LoraSettings(Recipe):
    """Low-rank adapters instead of all weights of the encoder; the key `model.lora:`.

    Attributes:
        rank: Of the adapters.
        alpha: Their outputs are scaled by alpha / rank.
        dropout: Before the adapters.
    """

    rank: PositiveInt = 8
    alpha: PositiveInt = 16
    dropout: float = Field(default=0.1, ge=0, lt=1)


class ModelSettings(Recipe):
    """The classifier; the key `model:`.

    Attributes:
        head: "labels" scores a text against the labels' own vectors; "linear" is a plain softmax
            layer trained by cross-entropy alone, the baseline without any of the three views.
        descriptions: Whether labels are read with their descriptions, or by their names alone.
        dimension: Width of the space in which texts and labels meet.
        pooling: A text's vector: "mean" of its tokens' states, or the state of the "first" token.
        max_length: Most tokens of a text.
        lora: Adapters to train in the encoder's stead; None to train the encoder itself.
    """

    head: Literal["labels", "linear"] = "labels"
    descriptions: bool = True
    dimension: PositiveInt = 128
    pooling: Literal["mean", "first"] = "mean"
    max_length: PositiveInt = 64
    lora: LoraSettings | None = None


class LossSettings(Recipe):
    """The two losses beside cross-entropy; the key `losses:`. Not used by the head "linear".

    Attributes:
        alpha: Weight of the clustering-guided contrastive loss (instance-instance view).
        beta: Weight of the label-aware disentangled loss (label-label view).
        temperature: Of the contrastive loss.
        clusters: How many clusters a batch has: as many as "labels" in it, by the "elbow", or
            "none", which makes it a supervised contrastive loss.
        warmup: Share of the steps in which alpha and beta rise from 0.
    """

    alpha: float = Field(ge=0)
    beta: float = Field(ge=0)
    temperature: float = Field(default=0.5, gt=0)
    clusters: Literal["labels", "elbow", "none"] = "labels"
    warmup: float = Field(default=0.0, ge=0, le=1)


class TacoRecipe(Recipe):
    """Triple-view classification with one label a text (ACL 2025, aclanthology 2025.acl-long.247).

    Attributes:
        dataset: Name of the data in tables.
        backbone: Folder or hub name of a Hugging Face encoder or decoder.
        data: Folder of the data files; a flag or EMOTION_DATA may name it instead.
        train: The texts to train on, each with one label.
        dev: Texts to choose the epoch by.
        test: Texts that the scores are reported on.
        labels: File of the labels' descriptions; labels that no training text has are left out.
        model: The classifier.
        losses: The two losses beside cross-entropy.
        training: How to train.
        seed: Of weights, order, dropout and clusters.
    """

    dataset: str
    backbone: str
    data: str | None = None
    train: list[Source] = Field(min_length=1)
    dev: Source
    test: Source
    labels: str
    model: ModelSettings = ModelSettings()
    losses: LossSettings
    training: FitSettings
    seed: int = 0
