"""Something that embeds texts and labels in one space: what zero-shot evaluation needs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt
import torch

from emotion_component import EmotionModel
from training.models.dual_encoder import DualEncoder

Floats = npt.NDArray[np.float64]


class Embedder(Protocol):
    """Texts and labels to unit vectors of one space."""

    def embed_texts(self, texts: Sequence[str]) -> Floats:
        """Returns (texts, dimension)."""

    def embed_labels(self, labels: Sequence[str]) -> Floats:
        """Returns (labels, dimension)."""


class CheckpointEmbedder:
    """A dual encoder.

    Args:
        model: The dual encoder.
        bf16: Whether texts are embedded in mixed precision.
    """

    def __init__(self, model: DualEncoder, bf16: bool = False) -> None:
        self._model = model
        self._bf16 = bf16

    def embed_texts(self, texts: Sequence[str]) -> Floats:
        """Returns (texts, dimension)."""
        with torch.autocast("cpu", torch.bfloat16, enabled=self._bf16):
            return self._model.embed_texts(texts).double().numpy()

    def embed_labels(self, labels: Sequence[str]) -> Floats:
        """Returns (labels, dimension)."""
        return self._model.embed_labels(labels).double().numpy()


class BundleEmbedder:
    """A bundle, through the runtime that ships.

    Args:
        folder: The bundle.
    """

    def __init__(self, folder: Path) -> None:
        self._model = EmotionModel.load(folder)

    def embed_texts(self, texts: Sequence[str]) -> Floats:
        """Returns (texts, dimension)."""
        return self._model.encode(texts).embeddings.astype(np.float64)

    def embed_labels(self, labels: Sequence[str]) -> Floats:
        """Returns (labels, dimension)."""
        return self._model.label_vectors(labels).astype(np.float64)
