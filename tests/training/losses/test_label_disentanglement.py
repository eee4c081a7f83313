"""The loss of the label-label view against plain loops in float64, and its gradients."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from training.losses.label_disentanglement import LabelDisentanglementLoss


def cosine(a: list[float], b: list[float]) -> float:
    dot = sum(x * y for x, y in zip(a, b, strict=True))
    return dot / math.sqrt(sum(x * x for x in a)) / math.sqrt(sum(x * x for x in b))


def reference(scores: list[list[float]], labels: list[list[float]]) -> float:
    columns = [[row[label] for row in scores] for label in range(len(labels))]
    weights, cosines = [], []
    for j in range(len(labels)):
        for k in range(j + 1, len(labels)):
            weights.append(max(0.0, cosine(columns[j], columns[k])))
            cosines.append(cosine(labels[j], labels[k]))
    total = sum(weights)
    return math.exp(sum(w / total * c for w, c in zip(weights, cosines, strict=True)))


def batch() -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(2)
    scores = 3 * torch.randn(6, 5, generator=generator, dtype=torch.float64)
    return scores, 2 * torch.randn(5, 4, generator=generator, dtype=torch.float64)


def test_equals_the_loop() -> None:
    scores, labels = batch()
    value = LabelDisentanglementLoss()(scores, labels)
    assert value.item() == pytest.approx(reference(scores.tolist(), labels.tolist()), abs=1e-12)


def test_gradients() -> None:
    scores, labels = (tensor.requires_grad_() for tensor in batch())
    assert torch.autograd.gradcheck(LabelDisentanglementLoss(), (scores, labels))


def test_only_confusable_labels_are_moved_apart() -> None:
    # The texts score labels 0 and 1 alike, and label 2 by what they do not share with these.
    scores = torch.tensor([[1.0, 1.0, 0.0], [2.0, 2.0, 0.0], [0.0, 0.0, 3.0]])
    labels = torch.tensor([[1.0, 0.0], [0.6, 0.8], [0.8, 0.6]])
    value = LabelDisentanglementLoss()(scores, labels)
    assert value.item() == pytest.approx(math.exp(0.6))


@pytest.mark.parametrize(
    "scores",
    [
        pytest.param(torch.tensor([[1.0, -1.0], [2.0, -2.0]]), id="opposite columns"),
        pytest.param(torch.zeros(2, 2), id="no scores at all"),
    ],
)
def test_without_confusable_labels_there_is_nothing_to_learn(scores: Tensor) -> None:
    labels = torch.randn(2, 3, requires_grad=True)
    value = LabelDisentanglementLoss()(scores, labels)
    value.backward()
    assert value.item() == 1
    assert labels.grad is not None
    assert torch.equal(labels.grad, torch.zeros(2, 3))


def test_one_label_alone() -> None:
    assert LabelDisentanglementLoss()(torch.randn(3, 1), torch.randn(1, 4)).item() == 1
