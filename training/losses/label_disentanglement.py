"""TACO's label-label view: labels that are easily confused are moved apart."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

SMALLEST = 1e-8


class LabelDisentanglementLoss(nn.Module):
    """The label-aware disentangled loss.

    Two labels are confusable where the texts of a batch score them alike: the cosine of their
    columns of the score matrix. exp(sum over pairs j < k of w_jk cos(l_j, l_k)), w being the
    confusabilities over their sum, makes the labels' vectors unlike where that matters most.
    Columns that point away from each other (negative cosines) are not confusable and weigh 0, so
    that the weights are shares whatever the scores.

    Inputs:
        scores: (texts, labels).
        labels: (labels, width), the labels' vectors.

    Reference:
        "A Triple-View Framework for Fine-Grained Emotion Classification with Clustering-Guided
        Contrastive Learning" (https://aclanthology.org/2025.acl-long.247), equations 5 and 6.

    Example:
        >>> LabelDisentanglementLoss()(torch.randn(4, 3), torch.randn(3, 8))
    """

    def forward(self, scores: Tensor, labels: Tensor) -> Tensor:
        """Returns the loss, a scalar; 1, which asks for nothing, if no two are confusable."""
        columns = functional.normalize(scores.T, dim=1)
        vectors = functional.normalize(labels, dim=1)
        pairs = torch.triu_indices(len(labels), len(labels), offset=1, device=labels.device)
        confusability = (columns[pairs[0]] * columns[pairs[1]]).sum(1).clamp(min=0)
        weights = confusability / confusability.sum().clamp(min=SMALLEST)
        return (weights * (vectors[pairs[0]] * vectors[pairs[1]]).sum(1)).sum().exp()
