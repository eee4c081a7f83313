"""The recipe of `pillars tune`."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from training.pillars.classifier_recipe import ClassifierRecipe
from training.recipe import Recipe


class IsearSettings(Recipe):
    """ISEAR; the key `isear:`.

    Attributes:
        folds: Folds; no person and no text is in two.
        nonresponse: Whether to keep the answers that tell nothing, such as "no response".
    """

    folds: int = Field(default=5, ge=2)
    nonresponse: bool = True


class EmoContextSettings(Recipe):
    """EmoContext; the key `emocontext:`.

    Attributes:
        context: Whether the first two turns are read.
        relabel: Whether 'others' gets the label that the start model finds best, else neutral.
        neutral_below: Where the start model's best probability is below it, neutral.
        spell_emoji: Whether emoji are replaced by their names, for encoders that know none.
    """

    context: bool = True
    relabel: bool = True
    neutral_below: float = Field(default=0.3, ge=0, le=1)
    spell_emoji: bool = True


class TuneRecipe(ClassifierRecipe):
    """Tuning to a task (arXiv 2504.16856, section 5).

    Attributes:
        task: What to tune to.
        thresholds: Of GoEmotions, and what chooses its epoch: "one" for all classes (the
            paper's), "per_class", or "smoothed", per class from a smoothed curve; the results
            report all three.
        isear: ISEAR's own settings.
        emocontext: EmoContext's own settings.
    """

    task: Literal["goemotions", "isear", "emocontext"]
    thresholds: Literal["one", "per_class", "smoothed"] = "one"
    isear: IsearSettings = IsearSettings()
    emocontext: EmoContextSettings = EmoContextSettings()
