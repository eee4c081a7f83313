"""The recipe of `distill train`."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from training.fit import FitSettings
from training.readers.sources import Source
from training.recipe import Recipe

Phrase = Annotated[str, Field(pattern=r"\{label\}")]
"""A text with {label} in it."""


class SpaceSettings(Recipe):
    """The emotion space; the key `model:`.

    Attributes:
        dimension: Its width; None for the encoder's.
        temperature: Cosine similarity is divided by it.
        pooling: "mean", or "q-former" with learned queries.
        queries: Queries of the Q-Former.
        layers: Layers of the Q-Former.
        max_length: Most tokens of a text with its context.
        label_template: What the label tower reads for a label, in training and after.
    """

    dimension: int | None = None
    temperature: float = 0.1
    pooling: Literal["mean", "q-former"] = "mean"
    queries: int = 4
    layers: int = 2
    max_length: int = 64
    label_template: Phrase = "{label}"


class LabelSettings(Recipe):
    """Which labels are trained on; the key `labels:`.

    Attributes:
        min_count: Labels of fewer texts are left out.
        leave_out: Labels that are left out, such as those whose zero-shot use is studied.
        dimension_words: Table of valence and activation (see config/training/dimension_words.yaml)
            by which "positivity", "negativity", "high activation" and "low activation" are added;
            None for no such words.
        dimension_share: Share of the texts that gets each pole's word.
    """

    min_count: int = 1
    leave_out: list[str] = Field(default_factory=list)
    dimension_words: str | None = None
    dimension_share: float = Field(default=0.33, gt=0, le=0.5)


class DistillRecipe(Recipe):
    """Contrastive distillation of emotion descriptors (arXiv 2505.18040).

    Attributes:
        name: Of the model in tables; runs of one name differ in seed and dimension alone.
        backbone: Folder or hub name of a Hugging Face encoder; starts both towers.
        data: Folder of the data files; a flag or EMOTION_DATA may name it instead.
        sources: The texts and their labels.
        held_out: Share of the texts held out for choosing the model.
        labels: Which labels.
        model: The emotion space.
        loss: "sigmoid" (the paper's) or "softmax".
        logit_adjustment: How much of each label's log frequency is added to its logits in
            training (https://arxiv.org/abs/2007.07314), so that similarities need not say that
            a label is rare: 0 none, 1 all of it.
        training: How to train.
        seed: Of weights, order and dropout; the held-out part does not depend on it.
    """

    name: str
    backbone: str
    data: str | None = None
    sources: list[Source] = Field(min_length=1)
    held_out: float = Field(default=0.2, gt=0, lt=1)
    labels: LabelSettings = LabelSettings()
    model: SpaceSettings = SpaceSettings()
    loss: Literal["sigmoid", "softmax"]
    logit_adjustment: float = Field(default=0.0, ge=0)
    training: FitSettings
    seed: int = 0
