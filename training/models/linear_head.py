"""Mean pooling and one linear layer: the plain classification head."""

from __future__ import annotations

from torch import Tensor, nn

from training.models.pooling import MeanPooling


class LinearHead(nn.Module):
    """Scores labels from the mean of the token states.

    Args:
        width: Width of the token states.
        labels: Number of labels.
    """

    def __init__(self, width: int, labels: int) -> None:
        super().__init__()
        self.pooling = MeanPooling()
        self.output = nn.Linear(width, labels)

    def forward(self, states: Tensor, mask: Tensor) -> Tensor:
        """Scores n texts.

        Args:
            states: (n, tokens, width).
            mask: (n, tokens), 1 where a token counts; at least one 1 a row.

        Returns:
            Logits (n, labels).
        """
        logits: Tensor = self.output(self.pooling(states, mask))
        return logits
