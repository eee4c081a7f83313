"""Baseline: a text entails a sentence that names the label, says an NLI model."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch
from transformers import AutoModelForSequenceClassification, AutoTokenizer

from training.errors import UserError

Floats = npt.NDArray[np.float64]


class EntailmentScorer:
    """Probability that the text entails the hypothesis, against that it contradicts it.

    After "English Prompts are Better for NLI-based Zero-Shot Emotion Classification than
    Target-Language Prompts" (Bareiß et al. 2024, https://arxiv.org/abs/2402.03223). The model
    runs once a text and label.

    Args:
        model: Folder or hub name of an NLI model with the labels entailment and contradiction.
        hypothesis: A sentence with {label}.
        max_length: Most tokens of text and hypothesis.
        batch_size: Pairs of one run.
    """

    def __init__(
        self,
        model: str,
        hypothesis: str = "This person feels {label}.",
        max_length: int = 128,
        batch_size: int = 64,
    ) -> None:
        try:
            self._tokenizer = AutoTokenizer.from_pretrained(model)
            self._model = AutoModelForSequenceClassification.from_pretrained(model).eval()
        except (OSError, ValueError) as error:
            raise UserError(f"entailment.model: cannot load {model!r}: {error}") from None
        names = {name.lower(): row for name, row in self._model.config.label2id.items()}
        if not {"entailment", "contradiction"} <= set(names):
            raise UserError(f"entailment.model: {model!r} is no NLI model: it has {sorted(names)}")
        self._rows = [names["contradiction"], names["entailment"]]
        self._hypothesis = hypothesis
        self._max_length = max_length
        self._batch_size = batch_size

    def scores(self, texts: Sequence[str], labels: Sequence[str]) -> Floats:
        """Returns probabilities of entailment, (texts, labels)."""
        pairs = [(text, self._hypothesis.format(label=label)) for text in texts for label in labels]
        probabilities = [
            self._entailment(pairs[start : start + self._batch_size])
            for start in range(0, len(pairs), self._batch_size)
        ]
        return np.concatenate(probabilities).reshape(len(texts), len(labels))

    def probabilities(self, scores: Floats) -> Floats:
        """Returns `scores`, which are probabilities."""
        return scores

    @torch.inference_mode()
    def _entailment(self, pairs: Sequence[tuple[str, str]]) -> Floats:
        batch = self._tokenizer(
            [text for text, _ in pairs],
            [hypothesis for _, hypothesis in pairs],
            truncation="only_first",
            max_length=self._max_length,
            padding=True,
            return_tensors="pt",
        )
        logits = self._model(**batch).logits[:, self._rows]
        probabilities: Floats = logits.double().softmax(1)[:, 1].numpy()
        return probabilities
