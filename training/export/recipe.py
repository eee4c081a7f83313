"""What a bundle is made of: the recipe of `python -m training export`."""

from __future__ import annotations

from typing import Any

from training.recipe import Recipe


class WindowRecipe(Recipe):
    """What of a conversation the runtime reads; see `emotion_component.bundle.Window`."""

    max_tokens: int
    message_tokens: int
    context_turns: int
    user_prefix: str
    bot_prefix: str


class VocabularyRecipe(Recipe):
    """Which descriptors the bundle knows.

    Attributes:
        descriptors: File of `{"descriptors": [...]}` lines.
        times: A descriptor must stand there at least so often.
        valence: Labels of the pleasant and the unpleasant pole.
        arousal: Labels of the activated and the calm pole.
    """

    descriptors: str
    times: int
    valence: tuple[str, str]
    arousal: tuple[str, str]


class ExportRecipe(Recipe):
    """A whole bundle.

    Attributes:
        name: The bundle's name.
        version: The weights' version.
        dev: Labelled texts for calibration and thresholds.
        test: Labelled texts for the reported scores.
        one_tower: Whether the text encoder reads labels too, so that the bundle has no second
            network; the poles of valence and arousal stay those of the label tower.
        dialogues: Contrast groups, as messages with context for the int8 ranges.
        window: What of a conversation is read.
        vocabulary: Which descriptors are known.
        training: Data, licences and method, for people; copied into bundle.json.
    """

    name: str
    version: str
    dev: str
    test: str
    dialogues: str
    one_tower: bool = False
    window: WindowRecipe
    vocabulary: VocabularyRecipe
    training: dict[str, Any]
