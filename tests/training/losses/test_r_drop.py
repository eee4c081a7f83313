"""R-Drop's divergence against a plain loop in float64, and its gradients."""

from __future__ import annotations

import math

import pytest
import torch

from training.losses.r_drop import RDropLoss


def divergence(p: float, q: float) -> float:
    return p * math.log(p / q) + (1 - p) * math.log((1 - p) / (1 - q))


def test_is_the_mean_of_both_divergences() -> None:
    generator = torch.Generator().manual_seed(5)
    first, second = 2 * torch.randn(2, 4, 3, generator=generator, dtype=torch.float64)
    pairs = zip(first.sigmoid().flatten().tolist(), second.sigmoid().flatten().tolist())
    terms = [(divergence(p, q) + divergence(q, p)) / 2 for p, q in pairs]
    assert RDropLoss()(first, second).item() == pytest.approx(sum(terms) / len(terms), abs=1e-12)


def test_gradients() -> None:
    generator = torch.Generator().manual_seed(5)
    first, second = torch.randn(2, 3, 4, generator=generator, dtype=torch.float64)
    inputs = first.requires_grad_(), second.requires_grad_()
    assert torch.autograd.gradcheck(RDropLoss(), inputs)


def test_equal_passes_cost_nothing() -> None:
    logits = torch.tensor([[1e4, -3.0, 0.0]])
    assert RDropLoss()(logits, logits).item() == 0
