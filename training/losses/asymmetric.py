"""Asymmetric loss: easy negatives count less than in binary cross-entropy."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional


class AsymmetricLoss(nn.Module):
    """Binary cross-entropy with focusing for positives and negatives apart.

    With p = sigmoid(logit) and p_m = max(p - margin, 0), the mean over texts and labels of
    -y (1 - p)^gamma_positive log(p) - (1 - y) p_m^gamma_negative log(1 - p_m). Targets may be
    soft; with both gammas and the margin 0 it is binary cross-entropy.

    Args:
        gamma_negative: Focusing of the negatives.
        gamma_positive: Focusing of the positives.
        margin: Negatives of a probability below it cost nothing.

    Inputs:
        logits: (texts, labels).
        targets: (texts, labels), in [0, 1].

    Reference:
        https://arxiv.org/abs/2009.14119, equations 4 to 7.

    Example:
        >>> loss = AsymmetricLoss(gamma_negative=2.0, margin=0.05)
        >>> loss(torch.tensor([[2.0, -1.0, 0.5]]), torch.tensor([[1.0, 0.0, 0.0]]))
    """

    def __init__(
        self, gamma_negative: float = 4.0, gamma_positive: float = 0.0, margin: float = 0.05
    ) -> None:
        super().__init__()
        self.gamma_negative = gamma_negative
        self.gamma_positive = gamma_positive
        self.log_margin = math.log(margin) if margin else -math.inf

    def forward(self, logits: Tensor, targets: Tensor) -> Tensor:
        """Returns the mean loss, a scalar."""
        log_present, log_absent = functional.logsigmoid(logits), functional.logsigmoid(-logits)
        # log(1 - p_m) = log(min(1 - p + margin, 1)); by logarithms, so that p near 1 is no trouble.
        shifted = torch.logaddexp(log_absent, log_absent.new_tensor(self.log_margin)).clamp(max=0)
        positive = log_present * log_absent.exp() ** self.gamma_positive
        negative = shifted * (1 - shifted.exp()) ** self.gamma_negative
        return -(targets * positive + (1 - targets) * negative).mean()
