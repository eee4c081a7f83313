"""The recipe of `taco export`."""

from __future__ import annotations

from typing import Any

from pydantic import Field, model_validator

from training.readers.sources import Source
from training.recipe import Recipe


class Axis(Recipe):
    """Two opposite poles, each the mean of labels' vectors; the key `axes.valence:` or so.

    Attributes:
        upper: Labels of the pole at +1.
        lower: Labels of the pole at -1.
    """

    upper: list[str] = Field(min_length=1)
    lower: list[str] = Field(min_length=1)


class Axes(Recipe):
    """What valence and arousal are read from; the key `axes:`.

    Attributes:
        valence: Pleasant and unpleasant labels.
        arousal: Activated and calm labels.
    """

    valence: Axis
    arousal: Axis


class TacoExportRecipe(Recipe):
    """A bundle of a checkpoint of `taco train`.

    Attributes:
        name: The bundle's name.
        version: The weights' version.
        dev: Texts with one label each, for calibration and the ranges of int8.
        test: Texts that the scores are reported on.
        context_turns: Earlier turns that the runtime reads unless the caller says otherwise: 0
            for a model trained without context.
        user_prefix: What leads a turn of the user.
        bot_prefix: What leads a turn of the bot.
        axes: What valence and arousal are read from.
        training: Data, licences and method, for people; copied into bundle.json.
    """

    name: str
    version: str
    dev: Source
    test: Source
    context_turns: int = Field(default=0, ge=0)
    user_prefix: str = "user: "
    bot_prefix: str = "bot: "
    axes: Axes
    training: dict[str, Any]

    @model_validator(mode="after")
    def _poles_apart(self) -> TacoExportRecipe:
        for name in ("valence", "arousal"):
            axis: Axis = getattr(self.axes, name)
            both = sorted(set(axis.upper) & set(axis.lower))
            if both:
                raise ValueError(f"axes.{name}: {both[0]!r} stands at both poles")
        return self
