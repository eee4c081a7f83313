"""Mean pooling: one vector of a text's token states."""

from __future__ import annotations

from torch import Tensor, nn


class MeanPooling(nn.Module):
    """Averages the token states that the mask selects."""

    def forward(self, states: Tensor, mask: Tensor) -> Tensor:
        """Pools n texts.

        Args:
            states: (n, tokens, width).
            mask: (n, tokens), 1 where a token counts; at least one 1 a row.

        Returns:
            (n, width).
        """
        weights = mask.unsqueeze(-1).to(states.dtype)
        return (states * weights).sum(1) / weights.sum(1)


class FirstToken(nn.Module):
    """Takes the state of each text's first token, [CLS]."""

    def forward(self, states: Tensor, mask: Tensor) -> Tensor:
        """Pools n texts.

        Args:
            states: (n, tokens, width).
            mask: Not read; pooling modules have one signature.

        Returns:
            (n, width).
        """
        return states[:, 0]
