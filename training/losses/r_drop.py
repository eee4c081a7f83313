"""R-Drop: two dropout passes over one text shall agree."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class RDropLoss(nn.Module):
    """Mean of the two Kullback-Leibler divergences between sigmoid outputs of two passes.

    For Bernoulli distributions p and q, KL(p, q) + KL(q, p) = (p - q) (logit p - logit q); half
    of it, averaged over texts and labels.

    Inputs:
        first: Logits of one pass, (texts, labels).
        second: Logits of another with other dropout, (texts, labels).

    Reference:
        https://arxiv.org/abs/2106.14448, equation 2; here for independent sigmoid outputs.

    Example:
        >>> RDropLoss()(torch.tensor([[2.0, -1.0]]), torch.tensor([[1.5, -1.0]]))
    """

    def forward(self, first: Tensor, second: Tensor) -> Tensor:
        """Returns the mean divergence, a scalar."""
        return 0.5 * ((torch.sigmoid(first) - torch.sigmoid(second)) * (first - second)).mean()
