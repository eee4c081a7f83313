"""Both losses against plain loops in float64, and their gradients."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor, nn

from training.losses.sigmoid_contrastive import SigmoidContrastiveLoss
from training.losses.softmax_contrastive import SoftmaxContrastiveLoss


def sigmoid_reference(logits: list[list[float]], targets: list[list[float]]) -> float:
    total = 0.0
    for scores, wanted in zip(logits, targets):
        positive = [math.log1p(math.exp(-s)) for s, t in zip(scores, wanted) if t == 1]
        negative = [math.log1p(math.exp(s)) for s, t in zip(scores, wanted) if t == 0]
        for part in (positive, negative):
            total += sum(part) / len(part) if part else 0.0
    return total / len(logits)


def softmax_reference(logits: list[list[float]], targets: list[list[float]]) -> float:
    each = []
    for scores, wanted in zip(logits, targets):
        total = sum(math.exp(s) for s in scores)
        positive = [-math.log(math.exp(s) / total) for s, t in zip(scores, wanted) if t == 1]
        if positive:
            each.append(sum(positive) / len(positive))
    return sum(each) / len(each)


CASES = [
    (SigmoidContrastiveLoss(), sigmoid_reference),
    (SoftmaxContrastiveLoss(), softmax_reference),
]


def batch() -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(3)
    logits = 3 * torch.randn(6, 7, generator=generator, dtype=torch.float64)
    targets = (torch.rand(6, 7, generator=generator) < 0.3).double()
    targets[0], targets[1] = 0, 1  # a text without positives, one without negatives
    return logits, targets


@pytest.mark.parametrize(("loss", "reference"), CASES)
def test_equals_the_loop(loss: nn.Module, reference: object) -> None:
    logits, targets = batch()
    assert callable(reference)
    assert loss(logits, targets).item() == pytest.approx(
        reference(logits.tolist(), targets.tolist()), abs=1e-12
    )


@pytest.mark.parametrize("loss", [loss for loss, _ in CASES])
def test_gradients(loss: nn.Module) -> None:
    logits, targets = batch()
    assert torch.autograd.gradcheck(lambda x: loss(x, targets), logits.requires_grad_())


@pytest.mark.parametrize("loss", [loss for loss, _ in CASES])
def test_extreme_similarities_stay_finite(loss: nn.Module) -> None:
    logits = torch.tensor([[1e4, -1e4, 0.0]], requires_grad=True)
    value = loss(logits, torch.tensor([[0.0, 1.0, 0.0]]))
    value.backward()
    assert torch.isfinite(value)
    assert logits.grad is not None
    assert torch.isfinite(logits.grad).all()


def test_positives_and_negatives_weigh_alike_however_many() -> None:
    loss = SigmoidContrastiveLoss()
    few = loss(torch.zeros(1, 2), torch.tensor([[1.0, 0.0]]))
    many = loss(torch.zeros(1, 100), torch.tensor([[1.0] + [0.0] * 99]))
    assert few.item() == pytest.approx(many.item(), abs=1e-6)


def test_softmax_of_no_positives_is_zero() -> None:
    assert SoftmaxContrastiveLoss()(torch.randn(2, 3), torch.zeros(2, 3)).item() == 0
