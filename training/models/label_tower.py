"""The label tower: a frozen encoder and one linear projection; label in, unit vector out."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional
from transformers import PreTrainedModel

from training.models.backbone import token_states
from training.models.pooling import MeanPooling


class LabelTower(nn.Module):
    """Maps labels and free-form descriptors to unit vectors of the emotion space.

    The encoder never learns, so that words without training examples keep their meaning; its
    outputs (`features`) can be computed once for all labels (arXiv 2505.18040, section 3).

    Args:
        encoder: The frozen Hugging Face encoder.
        dimension: Width of the emotion space.
    """

    def __init__(self, encoder: PreTrainedModel, dimension: int) -> None:
        super().__init__()
        self.encoder = encoder.requires_grad_(False)
        self.pooling = MeanPooling()
        self.projection = nn.Linear(encoder.config.hidden_size, dimension)

    def features(
        self, input_ids: Tensor, attention_mask: Tensor, token_type_ids: Tensor | None = None
    ) -> Tensor:
        """Encodes n labels, every argument (n, tokens), to unit vectors (n, width), frozen."""
        states = token_states(self.encoder, input_ids, attention_mask, token_type_ids)
        return functional.normalize(self.pooling(states, attention_mask).float(), dim=-1)

    def project(self, features: Tensor) -> Tensor:
        """Maps frozen features (n, width) to unit vectors (n, dimension)."""
        return functional.normalize(self.projection(features).float(), dim=-1)

    def forward(
        self, input_ids: Tensor, attention_mask: Tensor, token_type_ids: Tensor | None = None
    ) -> Tensor:
        """Embeds n labels, every argument (n, tokens), as unit vectors (n, dimension)."""
        return self.project(self.features(input_ids, attention_mask, token_type_ids))
