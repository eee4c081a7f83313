"""Baseline: similarity of a text with the definitions of labels, under a plain encoder."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from training.errors import UserError
from training.evaluation.embedder import CheckpointEmbedder
from training.models.dual_encoder import DualEncoder

Floats = npt.NDArray[np.float64]


class DefinitionEmbedder:
    """Embeds a text as itself and a label as its definition, by one sentence encoder.

    After "Cross Domain Emotion Recognition using Few Shot Knowledge Transfer" (Olah et al. 2021,
    https://arxiv.org/abs/2110.05021), without its few shots, as the distillation paper has it.

    Args:
        encoder: An untrained dual encoder: both its towers are the plain encoder.
        definitions: Label to definition.
    """

    def __init__(self, encoder: DualEncoder, definitions: Mapping[str, str]) -> None:
        self._encoder = CheckpointEmbedder(encoder)
        self._definitions = definitions

    def embed_texts(self, texts: Sequence[str]) -> Floats:
        """Returns (texts, width)."""
        return self._encoder.embed_texts(texts)

    def embed_labels(self, labels: Sequence[str]) -> Floats:
        """Returns (labels, width), the definitions' vectors.

        Raises:
            UserError: If a label has no definition.
        """
        missing = [label for label in labels if label not in self._definitions]
        if missing:
            raise UserError(f"definitions.{missing[0]}: missing; every label needs a definition")
        return self._encoder.embed_labels([self._definitions[label] for label in labels])
