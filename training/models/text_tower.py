"""The text tower: an encoder, a pooling and a projection; text in, unit vector out."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional
from transformers import PreTrainedModel

from training.models.backbone import token_states


class TextTower(nn.Module):
    """Maps tokens to a unit vector of the emotion space (arXiv 2505.18040, section 3).

    Args:
        encoder: Any Hugging Face encoder with `last_hidden_state`.
        pooling: From token states (n, tokens, width) and a mask (n, tokens) to (n, width).
        dimension: Width of the emotion space.
    """

    def __init__(self, encoder: PreTrainedModel, pooling: nn.Module, dimension: int) -> None:
        super().__init__()
        self.encoder = encoder
        self.pooling = pooling
        self.projection = nn.Linear(encoder.config.hidden_size, dimension)

    def forward(
        self,
        input_ids: Tensor,
        attention_mask: Tensor,
        pooling_mask: Tensor,
        token_type_ids: Tensor | None = None,
    ) -> Tensor:
        """Embeds n texts; every argument is (n, tokens).

        Args:
            input_ids: Context and text as two segments, or the text alone.
            attention_mask: 0 on padding.
            pooling_mask: 1 on the tokens that are pooled: those of the text, not of its context.
            token_type_ids: 1 on the second segment; None for encoders without token types.

        Returns:
            Unit vectors (n, dimension) in float32.
        """
        states = token_states(self.encoder, input_ids, attention_mask, token_type_ids)
        vectors = self.projection(self.pooling(states, pooling_mask))
        return functional.normalize(vectors.float(), dim=-1)
