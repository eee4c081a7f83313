"""TACO's instance-instance view: contrast where clusters and labels disagree."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional


class ClusteringGuidedContrastiveLoss(nn.Module):
    """InfoNCE over hard positives and hard negatives.

    A text's hard positives have its label but lie in other clusters; its hard negatives lie in its
    cluster but have other labels. For each text, the mean over its hard positives p of
    -log(exp(cos(i, p) / t) / sum over its hard positives and negatives j of exp(cos(i, j) / t));
    then the mean over the texts that have a hard positive. Without clusters, positives are all
    other texts of the label and negatives all of other labels (the paper's ablation).

    Inputs:
        vectors: (texts, width); of any length, cosines are taken.
        labels: (texts,), the class of each text.
        clusters: (texts,), the cluster of each text; None for none.

    Args:
        temperature: t, by which cosines are divided.

    Reference:
        "A Triple-View Framework for Fine-Grained Emotion Classification with Clustering-Guided
        Contrastive Learning" (https://aclanthology.org/2025.acl-long.247), equation 4.

    Example:
        >>> loss = ClusteringGuidedContrastiveLoss(temperature=0.5)
        >>> loss(torch.randn(4, 8), torch.tensor([0, 0, 1, 1]), torch.tensor([0, 1, 1, 1]))
    """

    def __init__(self, temperature: float = 0.5) -> None:
        super().__init__()
        self.temperature = temperature

    def forward(self, vectors: Tensor, labels: Tensor, clusters: Tensor | None) -> Tensor:
        """Returns the mean loss, a scalar; 0 if no text has a hard positive."""
        unit = functional.normalize(vectors, dim=1)
        logits = unit @ unit.T / self.temperature
        same_label = labels[:, None] == labels
        if clusters is None:
            positives, negatives = same_label.clone().fill_diagonal_(False), ~same_label
        else:
            same_cluster = clusters[:, None] == clusters
            positives, negatives = same_label & ~same_cluster, ~same_label & same_cluster
        counts = positives.sum(1)
        # Only texts with a positive have a denominator, so that no logarithm of 0 is taken.
        chosen = counts > 0
        logits, positives, negatives = logits[chosen], positives[chosen], negatives[chosen]
        others = logits.masked_fill(~(positives | negatives), -float("inf"))
        log_shares = logits - others.logsumexp(1, keepdim=True)
        per_text = -(log_shares * positives).sum(1) / counts[chosen]
        return per_text.sum() / chosen.sum().clamp(min=1)
