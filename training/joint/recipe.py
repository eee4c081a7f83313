"""The recipe of the model that ships."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from training.distill.recipe import LabelSettings, Phrase
from training.fit import FitSettings
from training.pillars.classifier_recipe import AsymmetricSettings
from training.pillars.sources import CorpusSource
from training.readers.sources import Source
from training.recipe import Recipe


class SpaceStage(Recipe):
    """The first stage: a dual encoder, by `distill train`; the key `space:`.

    Attributes:
        recipe: Its recipe.
        set: Keys of it to change, each "a.b=value".
        seed: Its seed.
    """

    recipe: str
    set: list[str] = Field(default_factory=list)
    seed: int = 0


class TeacherStage(Recipe):
    """The second stage: classifiers whose mean answer is learned; the key `teachers:`.

    Attributes:
        recipe: Of `pillars tune`; its `start` is the first stage's model.
        seeds: One classifier each.
        checkpoints: Classifiers that there are already; `recipe` and `seeds` are for new ones.
        weight: Share of the teachers' probabilities in the targets, 0 to 1; the rest is the
            human labels. Texts without any are learned from the teachers alone.
    """

    recipe: str | None = None
    seeds: list[int] = Field(default_factory=list)
    checkpoints: list[str] = Field(default_factory=list)
    weight: float = Field(default=0.5, ge=0, le=1)

    @model_validator(mode="after")
    def _somebody_teaches(self) -> TeacherStage:
        if bool(self.recipe) != bool(self.seeds) or not (self.recipe or self.checkpoints):
            raise ValueError("give `recipe` and `seeds`, `checkpoints`, or all three")
        return self


class ModelSettings(Recipe):
    """The joint model; the key `model:`.

    Attributes:
        pooling: Of the classifier: "mean", or "attention" with a query for each label.
        max_length: Most tokens of a text with its context.
    """

    pooling: Literal["mean", "attention"] = "attention"
    max_length: int = Field(default=96, ge=8)


class JointStage(Recipe):
    """One encoder and both heads; the keys `joint:` and `finish:`.

    Attributes:
        sources: Texts with labels of the emotion space.
        corpora: Utterances with the classifier's emotions. Unless `hold_out` is false, `dev` and
            `held_out` of the units are kept apart. A text that stands in `sources` too is read
            once, for both heads.
        asymmetric: The classifier's loss.
        space_weight: Weight of the space's loss; that of the classifier's, summed over the
            labels, is 1.
        logit_adjustment: Of the space's logits, as in `distill train`.
        label_phrases: Texts with {label} in them that stand for each label of the space, so that
            the text encoder learns to read labels.
        context_dropout: Share of the texts read without their context; contrast groups always
            keep theirs.
        unrelated_context: Share of the texts without context that get one of another text.
        training: How to train.
    """

    sources: list[Source] = Field(min_length=1)
    corpora: list[CorpusSource] = Field(min_length=1)
    asymmetric: AsymmetricSettings = AsymmetricSettings()
    space_weight: float = Field(default=0.5, ge=0)
    logit_adjustment: float = Field(default=1.0, ge=0)
    label_phrases: list[Phrase] = Field(default_factory=list)
    context_dropout: float = Field(default=0.5, ge=0, le=1)
    unrelated_context: float = Field(default=0.1, ge=0, le=1)
    training: FitSettings


class MixSettings(Recipe):
    """What is done to the weights once training is over; the key `mix:`.

    Attributes:
        start_share: Share of the weights that it all started from, the first stage's or `start`'s,
            in the encoder and the space (see `interpolation`).
        label_template: What the label tower reads for a label from then on, with {label} in it;
            None for what the first stage's model reads.
    """

    start_share: float = Field(default=0.0, ge=0, le=1)
    label_template: Phrase | None = None


class JointRecipe(Recipe):
    """Everything that the shipped bundle is made by.

    Attributes:
        data: Folder of the data files; a flag or EMOTION_DATA may name it instead.
        backbone: Folder or hub name of the encoder that all starts from.
        start: Folder of a checkpoint to go on from, such as `training restore` makes of a bundle:
            instead of `space`.
        space: The first stage.
        teachers: The second stage; None for none.
        model: What the third stage makes of the first.
        labels: Which labels of the space are trained on.
        development: Utterances to choose the epoch by, with the corpora's own dev parts.
        dev: Share of each corpus to choose by.
        held_out: Share of each corpus that the model card reports on.
        joint: The third stage; None for none.
        finish: The fourth, from the third's model, with the same teachers; None for none.
        mix: The fifth.
        bundle: The recipe of the last stage, `export`.
        seed: Of weights, order and dropout.
    """

    data: str | None = None
    backbone: str
    start: str | None = None
    space: SpaceStage | None = None
    teachers: TeacherStage | None = None
    model: ModelSettings = ModelSettings()
    labels: LabelSettings = LabelSettings()
    development: CorpusSource
    dev: float = Field(default=0.1, gt=0, lt=0.5)
    held_out: float = Field(default=0.1, gt=0, lt=0.5)
    joint: JointStage | None = None
    finish: JointStage | None = None
    mix: MixSettings = MixSettings()
    bundle: str
    seed: int = 0

    @model_validator(mode="after")
    def _somewhere_to_start(self) -> JointRecipe:
        if (self.start is None) == (self.space is None):
            raise ValueError("give one of `start` (a checkpoint) and `space` (a first stage)")
        if self.joint is None and self.finish is None:
            raise ValueError("give `joint`, `finish` or both: there is nothing to train")
        return self
