"""Tokenized texts with their labels as rows of a table, and batches of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypedDict

import torch
from torch import Tensor
from torch.utils.data import Dataset

from training.errors import UserError
from training.readers.example import Example
from training.tokenization import TextTokenizer, TokenizedText


def vocabulary(
    examples: Sequence[Example], min_count: int, leave_out: Sequence[str] = ()
) -> list[str]:
    """Returns the labels to train on, the most frequent first.

    Raises:
        UserError: If a label of `leave_out` is not in the data, or none is left.
    """
    counts = Counter(label for example in examples for label in example.labels)
    for label in leave_out:
        if label not in counts:
            near = ", ".join(label for label, _ in counts.most_common(10))
            raise UserError(f"labels.leave_out: {label!r} is not in the data; it has {near}, ...")
    labels = [
        label
        for label, count in sorted(counts.items(), key=lambda item: (-item[1], item[0]))
        if count >= min_count and label not in leave_out
    ]
    if not labels:
        raise UserError(f"labels.min_count: no label has {min_count} texts; lower it")
    return labels


class Item(TypedDict):
    """One training text; `input_ids` tell the sampler its length."""

    input_ids: list[int]
    text: TokenizedText
    labels: list[int]


class LabelledTexts(Dataset[Item]):
    """Texts with at least one label of the vocabulary.

    Args:
        examples: Texts and labels.
        labels: The vocabulary.
        tokenizer: Of the text tower.
    """

    def __init__(
        self, examples: Sequence[Example], labels: Sequence[str], tokenizer: TextTokenizer
    ) -> None:
        rows = {label: row for row, label in enumerate(labels)}
        kept = [example for example in examples if any(label in rows for label in example.labels)]
        self._texts = tokenizer.encode([e.text for e in kept], [e.context for e in kept])
        self._labels = [[rows[label] for label in e.labels if label in rows] for e in kept]

    def log_priors(self, count: int) -> Tensor:
        """Returns the logarithm of each label's share among all labels given, (count,)."""
        counts = torch.zeros(count)
        for labels in self._labels:
            counts[labels] += 1
        return (counts.clamp(min=1) / counts.sum()).log()

    def __len__(self) -> int:
        return len(self._texts)

    def __getitem__(self, index: int) -> Item:
        text = self._texts[index]
        return {"input_ids": text.input_ids, "text": text, "labels": self._labels[index]}


@dataclass(frozen=True)
class Collator:
    """Makes batches for `DistillationModel`.

    Attributes:
        padder: Pads the texts.
        labels: Size of the vocabulary.
    """

    padder: TextTokenizer
    labels: int

    def __call__(self, items: Sequence[Item]) -> dict[str, Tensor]:
        """Returns the padded texts and `targets`, (texts, labels), 1 where a label applies."""
        batch = self.padder.pad([item["text"] for item in items])
        targets = torch.zeros(len(items), self.labels)
        for row, item in enumerate(items):
            targets[row, item["labels"]] = 1
        return {**batch, "targets": targets}
