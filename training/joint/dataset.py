"""Tokenized texts with the targets of both heads, and batches of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypedDict

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from training.joint.texts import JointText
from training.pillars.corpus import Floats
from training.tokenization import TextTokenizer, TokenizedText


class Item(TypedDict):
    """One text; `input_ids` tell the sampler its length.

    Attributes:
        targets: The classifier's, (labels,); None where they are not known.
        terms: Numbers of its labels in the emotion space.
    """

    input_ids: list[int]
    text: TokenizedText
    targets: Floats | None
    terms: list[int]


class JointTexts(Dataset[Item]):
    """Texts as the trainer reads them.

    Args:
        texts: n texts.
        targets: The classifier's, (n, labels); NaN in rows that are not known.
        terms: The labels of the space.
        tokenizer: Of the encoder.
    """

    def __init__(
        self,
        texts: Sequence[JointText],
        targets: Floats,
        terms: Sequence[str],
        tokenizer: TextTokenizer,
    ) -> None:
        rows = {term: row for row, term in enumerate(terms)}
        self._texts = tokenizer.encode([t.text for t in texts], [t.context for t in texts])
        self._targets = targets
        self._known = [not np.isnan(row).any() for row in targets]
        self._terms = [[rows[term] for term in text.terms if term in rows] for text in texts]
        self._count = len(terms)

    def log_priors(self) -> Tensor:
        """Returns the logarithm of each term's share among all terms given, (terms,)."""
        counts = torch.zeros(self._count)
        for terms in self._terms:
            counts[terms] += 1
        return (counts.clamp(min=1) / counts.sum().clamp(min=1)).log()

    def __len__(self) -> int:
        return len(self._texts)

    def __getitem__(self, index: int) -> Item:
        text = self._texts[index]
        targets = self._targets[index] if self._known[index] else None
        return {
            "input_ids": text.input_ids,
            "text": text,
            "targets": targets,
            "terms": self._terms[index],
        }


@dataclass(frozen=True)
class Collator:
    """Makes batches for `JointObjective`.

    Attributes:
        padder: Pads the texts.
        labels: Number of the classifier's labels.
        terms: Number of the space's labels.
    """

    padder: TextTokenizer
    labels: int
    terms: int

    def __call__(self, items: Sequence[Item]) -> dict[str, Tensor]:
        """Returns the padded texts and, by text: `targets`, `classed`, `terms`."""
        targets = torch.zeros(len(items), self.labels)
        terms = torch.zeros(len(items), self.terms)
        for row, item in enumerate(items):
            terms[row, item["terms"]] = 1
            if item["targets"] is not None:
                targets[row] = torch.from_numpy(item["targets"].astype(np.float32))
        classed = torch.tensor([item["targets"] is not None for item in items])
        texts = self.padder.pad([item["text"] for item in items])
        return {**texts, "targets": targets, "classed": classed, "terms": terms}
