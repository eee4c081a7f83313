"""Utterances with contexts and targets: what the classifiers are trained and scored on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypedDict

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.utils.data import Dataset

from training.tokenization import TextTokenizer, TokenizedText

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Corpus:
    """Utterances of one part of a data set.

    Attributes:
        texts: n utterances.
        contexts: What was said before each, if anything.
        targets: (n, labels), in [0, 1].
    """

    texts: list[str]
    contexts: list[str | None]
    targets: Floats

    def __len__(self) -> int:
        return len(self.texts)

    def without_context(self) -> Corpus:
        """Returns the utterances alone."""
        return Corpus(self.texts, [None] * len(self), self.targets)

    def take(self, rows: Sequence[int] | npt.NDArray[np.integer]) -> Corpus:
        """Returns the utterances of these rows, in this order."""
        return Corpus(
            [self.texts[row] for row in rows],
            [self.contexts[row] for row in rows],
            self.targets[np.asarray(rows, dtype=int)],
        )


class Item(TypedDict):
    """One utterance; `input_ids` tell the sampler its length."""

    input_ids: list[int]
    text: TokenizedText
    targets: Floats


class TokenizedCorpus(Dataset[Item]):
    """A corpus as the trainer reads it.

    Args:
        corpus: Utterances, contexts, targets.
        tokenizer: Of the encoder.
        context_dropout: Probability that an utterance is read without its context, drawn anew
            each time.
    """

    def __init__(
        self, corpus: Corpus, tokenizer: TextTokenizer, context_dropout: float = 0.0
    ) -> None:
        self._texts = tokenizer.encode(corpus.texts, corpus.contexts)
        self._alone = tokenizer.encode(corpus.texts) if context_dropout else self._texts
        self._targets = corpus.targets
        self._context_dropout = context_dropout

    def __len__(self) -> int:
        return len(self._texts)

    def __getitem__(self, index: int) -> Item:
        # By torch's generator, whose state the trainer's checkpoints keep.
        alone = float(torch.rand(())) < self._context_dropout
        text = (self._alone if alone else self._texts)[index]
        return {"input_ids": text.input_ids, "text": text, "targets": self._targets[index]}


@dataclass(frozen=True)
class Collator:
    """Makes batches.

    Attributes:
        padder: Pads the texts (the trainer would save a collator's `tokenizer` its own way).
    """

    padder: TextTokenizer

    def __call__(self, items: Sequence[Item]) -> dict[str, Tensor]:
        """Returns the padded texts and `targets`, (texts, labels)."""
        targets = torch.tensor(np.stack([item["targets"] for item in items]), dtype=torch.float32)
        return {**self.padder.pad([item["text"] for item in items]), "targets": targets}
