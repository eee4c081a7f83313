"""The distillation paper's loss: sigmoid scores, positives and negatives averaged apart."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional


class SigmoidContrastiveLoss(nn.Module):
    """Binary cross-entropy over all labels; the few positives weigh as much as all negatives.

    For each text, the mean of -log sigmoid(s) over its positives plus the mean of
    -log sigmoid(-s) over its negatives; then the mean over the texts. A text without positives
    (or without negatives) contributes the other term alone.

    Inputs:
        logits: (texts, labels), cosine similarity over the temperature.
        targets: (texts, labels), 1 where the label describes the text, else 0.

    Reference:
        https://arxiv.org/abs/2505.18040, section 3.

    Example:
        >>> loss = SigmoidContrastiveLoss()
        >>> loss(torch.tensor([[2.0, -1.0, 0.5]]), torch.tensor([[1.0, 0.0, 0.0]]))
    """

    def forward(self, logits: Tensor, targets: Tensor) -> Tensor:
        """Returns the mean loss, a scalar."""
        positives, negatives = targets, 1 - targets
        positive = _mean_where(-functional.logsigmoid(logits), positives)
        negative = _mean_where(-functional.logsigmoid(-logits), negatives)
        return (positive + negative).mean()


def _mean_where(values: Tensor, mask: Tensor) -> Tensor:
    return (values * mask).sum(1) / mask.sum(1).clamp(min=1)
