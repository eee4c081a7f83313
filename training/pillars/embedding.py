"""Unit vectors of texts, by a sentence encoder."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from sentence_transformers import SentenceTransformer

from training.errors import UserError

Vectors = NDArray[np.float32]


class Encoder:
    """A sentence encoder.

    Args:
        name: A model of sentence-transformers: a name on the hub or a folder.

    Raises:
        UserError: If it cannot be loaded.
    """

    def __init__(self, name: str) -> None:
        try:
            self._model = SentenceTransformer(name)
        except (OSError, ValueError) as error:
            raise UserError(f"encoder: cannot load {name!r}: {error}") from None

    def embed(self, texts: Sequence[str]) -> Vectors:
        """Encodes texts, equal ones once.

        Args:
            texts: Any number, also none.

        Returns:
            A unit vector each, shape (texts, dimensions).
        """
        distinct = {text: row for row, text in enumerate(dict.fromkeys(texts))}
        vectors = np.asarray(
            self._model.encode(list(distinct) or [""], normalize_embeddings=True), np.float32
        )
        return vectors[[distinct[text] for text in texts]]
