"""Softmax over all labels with several positives: the alternative that ranks labels better."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional


class SoftmaxContrastiveLoss(nn.Module):
    """Cross-entropy against the uniform distribution over a text's positives.

    For each text, the mean of -log softmax(s) over its positives; then the mean over the texts
    that have any (L_out of supervised contrastive learning, with labels as the other view).

    Inputs:
        logits: (texts, labels), cosine similarity over the temperature.
        targets: (texts, labels), 1 where the label describes the text, else 0.

    Reference:
        https://arxiv.org/abs/2004.11362, equation 2.

    Example:
        >>> loss = SoftmaxContrastiveLoss()
        >>> loss(torch.tensor([[2.0, -1.0, 0.5]]), torch.tensor([[1.0, 0.0, 1.0]]))
    """

    def forward(self, logits: Tensor, targets: Tensor) -> Tensor:
        """Returns the mean loss, a scalar; 0 if no text has a positive."""
        counts = targets.sum(1)
        per_text = -(functional.log_softmax(logits, dim=1) * targets).sum(1) / counts.clamp(min=1)
        return per_text.sum() / (counts > 0).sum().clamp(min=1)
