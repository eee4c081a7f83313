"""Emotion middleware for chatbots: a message and the turns before it in, emotions out."""

from emotion_component.bundle import BundleError
from emotion_component.dialogue import InputError, Turn
from emotion_component.model import EmotionModel
from emotion_component.results import BundleVersion, DescribeResult, EmotionResult, RankResult

__version__ = "0.1.0"

__all__ = [
    "BundleError",
    "BundleVersion",
    "DescribeResult",
    "EmotionModel",
    "EmotionResult",
    "InputError",
    "RankResult",
    "Turn",
]
