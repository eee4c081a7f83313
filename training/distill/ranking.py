"""How well held-out texts rank their own descriptors: the score that chooses the model."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor
from transformers import EvalPrediction


def average_precision(logits: Tensor, targets: Tensor) -> Tensor:
    """Returns the average precision of each text's labels among all labels, (texts,).

    Args:
        logits: (texts, labels).
        targets: (texts, labels), 1 where the label describes the text; at least one a text.
    """
    order = logits.argsort(dim=1, descending=True)
    hits = targets.gather(1, order)
    ranks = torch.arange(1, logits.shape[1] + 1, device=logits.device)
    precision = hits.cumsum(1) / ranks
    return (precision * hits).sum(1) / hits.sum(1)


def mean_average_precision(prediction: EvalPrediction) -> dict[str, float]:
    """Averages what `average_precision` gave for each batch."""
    return {"map": float(np.mean(prediction.predictions))}
