"""The asymmetric loss against a plain loop in float64, and its gradients."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from training.losses.asymmetric import AsymmetricLoss

SETTINGS = [(4.0, 0.0, 0.05), (2.0, 1.0, 0.2), (3.0, 2.0, 0.0), (1.0, 0.0, 0.0)]


def reference(
    logits: list[list[float]],
    targets: list[list[float]],
    gamma_negative: float,
    gamma_positive: float,
    margin: float,
) -> float:
    terms = []
    for scores, wanted in zip(logits, targets):
        for s, y in zip(scores, wanted):
            p = 1 / (1 + math.exp(-s))
            shifted = max(p - margin, 0.0)
            positive = (1 - p) ** gamma_positive * math.log(p)
            negative = shifted**gamma_negative * math.log(1 - shifted)
            terms.append(-y * positive - (1 - y) * negative)
    return sum(terms) / len(terms)


def batch() -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(3)
    logits = 3 * torch.randn(6, 7, generator=generator, dtype=torch.float64)
    targets = (torch.rand(6, 7, generator=generator) < 0.3).double()
    targets[2] = torch.linspace(0, 1, 7)  # soft
    return logits, targets


@pytest.mark.parametrize("settings", SETTINGS)
def test_equals_the_loop(settings: tuple[float, float, float]) -> None:
    logits, targets = batch()
    expected = reference(logits.tolist(), targets.tolist(), *settings)
    assert AsymmetricLoss(*settings)(logits, targets).item() == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("settings", SETTINGS)
def test_gradients(settings: tuple[float, float, float]) -> None:
    logits, targets = batch()
    loss = AsymmetricLoss(*settings)
    assert torch.autograd.gradcheck(lambda x: loss(x, targets), logits.requires_grad_())


def test_without_focusing_it_is_binary_cross_entropy() -> None:
    logits, targets = batch()
    expected = functional.binary_cross_entropy_with_logits(logits, targets)
    torch.testing.assert_close(AsymmetricLoss(0.0, 0.0, 0.0)(logits, targets), expected)


@pytest.mark.parametrize("settings", SETTINGS)
def test_extreme_logits_stay_finite(settings: tuple[float, float, float]) -> None:
    logits = torch.tensor([[1e4, -1e4, 0.0, 1e4, -1e4]], requires_grad=True)
    value = AsymmetricLoss(*settings)(logits, torch.tensor([[0.0, 1.0, 0.0, 1.0, 0.0]]))
    value.backward()
    assert torch.isfinite(value)
    assert logits.grad is not None
    assert torch.isfinite(logits.grad).all()


def test_negatives_below_the_margin_cost_nothing() -> None:
    loss = AsymmetricLoss(gamma_negative=1.0, margin=0.2)
    below, above = (torch.logit(torch.tensor([[p]], requires_grad=True)) for p in (0.19, 0.21))
    assert loss(below, torch.zeros(1, 1)).item() == 0
    assert loss(above, torch.zeros(1, 1)).item() > 0
