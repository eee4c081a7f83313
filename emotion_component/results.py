"""What a prediction is: frozen, typed, and plain JSON by `to_dict()`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Optional


@dataclass(frozen=True)
class BundleVersion:
    """The bundle that made a result."""

    name: str
    version: str


@dataclass(frozen=True)
class EmotionResult:
    """The emotions of one message, of the bundle's own label set.

    Attributes:
        label: The strongest emotion; "neutral" for a message without words, whatever the labels.
        score: Its score in [0, 1].
        labels: Every emotion above its threshold with its score, strongest first; may be empty.
            Of a single-label bundle, the strongest alone.
        scores: Every emotion's score in [0, 1], in the order of the bundle's labels; those of a
            single-label bundle sum to 1.
        group: Coarse group of `label`: positive, negative, ambiguous or neutral.
        valence: Unpleasant (-1) to pleasant (1).
        arousal: Calm (-1) to activated (1).
        truncated: Whether the message or an earlier turn was cut to fit the token budget.
        bundle: Name and version of the bundle.
    """

    label: str
    score: float
    labels: Mapping[str, float]
    scores: Mapping[str, float]
    group: str
    valence: float
    arousal: float
    truncated: bool
    bundle: BundleVersion

    def to_dict(self) -> dict[str, Any]:
        """Returns the result as plain JSON types."""
        return asdict(self)


@dataclass(frozen=True)
class RankResult:
    """How well each label of a caller's own set fits one message.

    Attributes:
        label: The best label; None for a message without words.
        labels: The labels that apply with their scores, best first: those above the threshold
            (multi-label) or the best alone (single-label).
        scores: Every label's score in [0, 1], in the caller's order; in single-label mode they
            sum to 1.
        truncated: Whether the message or an earlier turn was cut to fit the token budget.
        bundle: Name and version of the bundle.
    """

    label: Optional[str]
    labels: Mapping[str, float]
    scores: Mapping[str, float]
    truncated: bool
    bundle: BundleVersion

    def to_dict(self) -> dict[str, Any]:
        """Returns the result as plain JSON types."""
        return asdict(self)


@dataclass(frozen=True)
class DescribeResult:
    """The free-form descriptors nearest to one message in the emotion space.

    Attributes:
        descriptors: Descriptor to cosine similarity in [-1, 1], nearest first; empty for a
            message without words.
        truncated: Whether the message or an earlier turn was cut to fit the token budget.
        bundle: Name and version of the bundle.
    """

    descriptors: Mapping[str, float]
    truncated: bool
    bundle: BundleVersion

    def to_dict(self) -> dict[str, Any]:
        """Returns the result as plain JSON types."""
        return asdict(self)
