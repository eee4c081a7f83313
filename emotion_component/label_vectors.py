"""Vectors of labels: looked up in the bundle's vocabulary, else encoded once and kept."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Sequence
from pathlib import Path
from typing import Optional

import numpy as np

from emotion_component.bundle import VOCABULARY
from emotion_component.session import FloatArray, Session
from emotion_component.tokens import MessageTokenizer, pad

CACHE_SIZE = 10_000
"""Labels kept in memory (15 MB at 384 dimensions); the least recently used go first."""


class LabelVectors:
    """Unit vectors of labels and descriptors in the emotion space. Thread-safe.

    Args:
        folder: The bundle.
        tokenizer: The bundle's tokenizer.
        encoder: What reads labels that the vocabulary does not know.
        poles: Labels of the pleasant, unpleasant, activated and calm pole.

    Attributes:
        axes: Pleasant, unpleasant, activated, calm: (4, dimensions).
    """

    def __init__(
        self, folder: Path, tokenizer: MessageTokenizer, encoder: Session, poles: Sequence[str]
    ) -> None:
        self._tokenizer = tokenizer
        self._encoder = encoder
        self._lock = threading.Lock()
        self._cache: OrderedDict[str, FloatArray] = OrderedDict()
        with np.load(folder / VOCABULARY, allow_pickle=False) as archive:
            self._terms: list[str] = archive["terms"].tolist()
            self._vectors: FloatArray = archive["vectors"].astype(np.float32)
            self.axes: FloatArray = archive["axes"].astype(np.float32)
        self._known = dict(zip([*self._terms, *poles], [*self._vectors, *self.axes]))

    def vocabulary(self) -> tuple[list[str], FloatArray]:
        """Returns the descriptors and their vectors, (descriptors, dimensions)."""
        return self._terms, self._vectors

    def of(self, labels: Sequence[str]) -> FloatArray:
        """Returns the vectors of labels, (labels, dimensions), in order."""
        return np.stack([self._vector(label) for label in labels])

    def _vector(self, label: str) -> FloatArray:
        known: Optional[FloatArray] = self._known.get(label.replace("_", " ").strip().lower())
        if known is not None:
            return known
        with self._lock:
            if label in self._cache:
                self._cache.move_to_end(label)
                return self._cache[label]
        outputs = self._encoder.run(pad([self._tokenizer.encode_label(label)]))
        vector: FloatArray = outputs["embedding"][0]
        with self._lock:
            self._cache[label] = vector
            if len(self._cache) > CACHE_SIZE:
                self._cache.popitem(last=False)
        return vector
