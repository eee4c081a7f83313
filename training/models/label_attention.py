"""Attention pooling with a query for each label: every label reads the tokens that speak of it."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class LabelAttention(nn.Module):
    """Scores labels by pooling the token states once for each.

    A label's learned query weighs the tokens by a softmax of scaled dot products, and the label's
    row of a linear layer reads the weighted mean. Queries start at zero: the layer starts as mean
    pooling and a linear layer. (Label-wise attention as in CAML,
    https://arxiv.org/abs/1802.05695, section 2.2.)

    Args:
        width: Width of the token states.
        labels: Number of labels.
    """

    def __init__(self, width: int, labels: int) -> None:
        super().__init__()
        self.queries = nn.Linear(width, labels, bias=False)
        nn.init.zeros_(self.queries.weight)
        self.output = nn.Linear(width, labels)
        self._scale = width**-0.5

    def forward(self, states: Tensor, mask: Tensor) -> Tensor:
        """Scores n texts.

        Args:
            states: (n, tokens, width).
            mask: (n, tokens), 1 where a token counts; at least one 1 a row.

        Returns:
            Logits (n, labels).
        """
        relevance = self.queries(states) * self._scale
        weights = relevance.masked_fill(mask.unsqueeze(-1) == 0, -torch.inf).softmax(dim=1)
        # The output layer is linear, so it may read each token before the mean is taken.
        values = self.output(states)
        logits: Tensor = (weights * values).sum(1)
        return logits
