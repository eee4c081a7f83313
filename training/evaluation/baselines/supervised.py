"""Baselines: supervised fine-tuning on a benchmark, and its heads reused on another."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TypedDict

import numpy as np
import numpy.typing as npt
import torch
from scipy.special import expit
from scipy.stats import pearsonr
from sklearn.metrics import f1_score
from torch import Tensor, nn
from torch.utils.data import Dataset
from transformers import EvalPrediction, set_seed

from training.evaluation.thresholds import calibrate
from training.evaluation.zero_shot import (
    Scores,
    multi_label_scores,
    regression_scores,
    single_label_scores,
)
from training.fit import FitSettings, fit, training_arguments
from training.models.dual_encoder import DualEncoder
from training.models.text_classifier import TextClassifier
from training.readers.benchmarks import Benchmark, Split
from training.tokenization import TextTokenizer, TokenizedText

Floats = npt.NDArray[np.float64]

LOSSES: dict[str, type[nn.Module]] = {
    "multi-label": nn.BCEWithLogitsLoss,
    "single-label": nn.CrossEntropyLoss,  # targets are distributions with all mass on one class
    "regression": nn.MSELoss,
}


class _Item(TypedDict):
    input_ids: list[int]
    text: TokenizedText
    targets: Floats


class _Rows(Dataset[_Item]):
    def __init__(self, split: Split, tokenizer: TextTokenizer) -> None:
        self._texts = tokenizer.encode(split.texts)
        self._targets = split.targets

    def __len__(self) -> int:
        return len(self._texts)

    def __getitem__(self, index: int) -> _Item:
        text = self._texts[index]
        return {"input_ids": text.input_ids, "text": text, "targets": self._targets[index]}


class SupervisedModel:
    """An encoder with a head for one benchmark's labels.

    Args:
        start: An untrained dual encoder, whose text encoder is trained.
        benchmark: What it is trained on: the train split, the best epoch chosen on dev.
        settings: How to train.
        output: The run's folder.
        seed: Of weights, order and dropout.
    """

    def __init__(
        self,
        start: DualEncoder,
        benchmark: Benchmark,
        settings: FitSettings,
        output: Path,
        seed: int,
    ) -> None:
        self._benchmark = benchmark
        self._tokenizer = start.tokenizer
        set_seed(seed)
        self._model = TextClassifier(start, len(benchmark.labels), LOSSES[benchmark.kind]())
        fit(
            self._model,
            self._model.encoder,
            _Rows(benchmark.splits["train"], self._tokenizer),
            _Rows(benchmark.splits["dev"], self._tokenizer),
            self._collate,
            settings,
            training_arguments(settings, output, seed, "score"),
            self._dev_score,
        )

    def _collate(self, items: Sequence[_Item]) -> dict[str, Tensor]:
        targets = torch.tensor(np.stack([item["targets"] for item in items]), dtype=torch.float32)
        return {**self._tokenizer.pad([item["text"] for item in items]), "targets": targets}

    def _dev_score(self, prediction: EvalPrediction) -> dict[str, float]:
        logits, targets = np.asarray(prediction.predictions), np.asarray(prediction.label_ids)
        if self._benchmark.kind == "regression":
            return {"score": float(np.mean(pearsonr(logits, targets).statistic))}
        if self._benchmark.kind == "single-label":
            return {"score": f1_score(targets.argmax(1), logits.argmax(1), average="macro")}
        predicted = expit(logits) >= calibrate(expit(logits), targets)
        return {"score": f1_score(targets, predicted, average="macro", zero_division=0.0)}

    @torch.inference_mode()
    def logits(self, texts: Sequence[str], batch_size: int = 128) -> Floats:
        """Returns (texts, labels)."""
        self._model.eval()
        encoded = self._tokenizer.encode(texts)
        logits = np.empty((len(encoded), len(self._benchmark.labels)))
        for rows, batch in self._tokenizer.batches(encoded, batch_size):
            logits[rows] = self._model.logits(**batch).numpy()
        return logits

    def evaluate(self) -> Scores:
        """Evaluates on the test split; see `zero_shot.evaluate`."""
        dev, test = self._benchmark.splits["dev"], self._benchmark.splits["test"]
        logits = self.logits(test.texts)
        if self._benchmark.kind == "regression":
            return regression_scores(logits, test.targets)
        if self._benchmark.kind == "single-label":
            return single_label_scores(self._benchmark.labels, logits, test.targets)
        thresholds = calibrate(expit(self.logits(dev.texts)), dev.targets)
        return multi_label_scores(self._benchmark.labels, expit(logits) >= thresholds, test.targets)


class ReusedHeadScorer:
    """Scores labels that the supervised model has by its own outputs; others score 0.

    Args:
        model: Trained on a benchmark.
        labels: The labels of its outputs.
    """

    def __init__(self, model: SupervisedModel, labels: Sequence[str]) -> None:
        self._model = model
        self._rows = {label: row for row, label in enumerate(labels)}

    def scores(self, texts: Sequence[str], labels: Sequence[str]) -> Floats:
        """Returns probabilities, (texts, labels)."""
        probabilities = expit(self._model.logits(texts))
        scores = np.zeros((len(texts), len(labels)))
        for column, label in enumerate(labels):
            if label in self._rows:
                scores[:, column] = probabilities[:, self._rows[label]]
        return scores

    def probabilities(self, scores: Floats) -> Floats:
        """Returns `scores`, which are probabilities."""
        return scores
