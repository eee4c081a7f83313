"""A bundle's scores of many messages, as an array."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from emotion_component import EmotionModel, Turn

Floats = npt.NDArray[np.float64]


def predict_scores(
    model: EmotionModel,
    texts: Sequence[str],
    contexts: Sequence[Sequence[Turn]] | None = None,
    context_turns: int | None = None,
) -> Floats:
    """Returns every label's score as `predict` gives it, rounded alike, (texts, labels)."""
    results = model.predict_batch(texts, contexts, context_turns=context_turns)
    return np.array([list(result.scores.values()) for result in results])
