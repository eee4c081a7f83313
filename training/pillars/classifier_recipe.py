"""What the recipes of `pillars train` and `pillars tune` share."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from training.fit import FitSettings
from training.recipe import Recipe


class ClassifierSettings(Recipe):
    """The classifier; the key `model:`.

    Attributes:
        pooling: "mean" of the utterance's tokens, or "attention" with a query for each label.
        max_length: Most tokens of an utterance with its context.
        token_types: Whether context and utterance are told apart by token types.
    """

    pooling: Literal["mean", "attention"] = "mean"
    max_length: int = Field(default=64, ge=8)
    token_types: bool = True


class AsymmetricSettings(Recipe):
    """The asymmetric loss; the key `asymmetric:`.

    Attributes:
        gamma_negative: Focusing of the negatives.
        gamma_positive: Focusing of the positives.
        margin: Negatives of a probability below it cost nothing.
    """

    gamma_negative: float = Field(default=2.0, ge=1)
    gamma_positive: float = Field(default=0.0, ge=0)
    margin: float = Field(default=0.05, ge=0, lt=1)


class ClassifierRecipe(Recipe):
    """A classifier and how it is trained.

    Attributes:
        name: Of the model in tables; runs of one name differ in their seed alone.
        backbone: Folder or hub name of a Hugging Face encoder; not needed with `start`.
        start: Folder of a checkpoint to start from, of `pillars train`, `pillars tune`, `joint` or
            `restore` (their outputs are kept) or `distill train` (its text encoder is taken).
        data: Folder of the data files; a flag or EMOTION_DATA may name it instead.
        model: The classifier.
        loss: "bce" or "asymmetric".
        asymmetric: Settings of the asymmetric loss.
        r_drop: Weight of R-Drop; 0 for none. It doubles the time of a step.
        training: How to train.
        seed: Of weights, order and dropout; splits do not depend on it.
    """

    name: str
    backbone: str | None = None
    start: str | None = None
    data: str | None = None
    model: ClassifierSettings = ClassifierSettings()
    loss: Literal["bce", "asymmetric"] = "bce"
    asymmetric: AsymmetricSettings = AsymmetricSettings()
    r_drop: float = Field(default=0.0, ge=0)
    training: FitSettings
    seed: int = 0

    @model_validator(mode="after")
    def _somewhere_to_start(self) -> ClassifierRecipe:
        if self.backbone is None and self.start is None:
            raise ValueError("give `backbone` (an encoder) or `start` (a checkpoint)")
        return self
