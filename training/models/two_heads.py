"""One encoder, two heads: class logits and a vector of the emotion space from one pass."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional
from transformers import PreTrainedModel

from training.models.backbone import token_states


class PooledHead(nn.Module):
    """A head that reads the pooled states.

    Args:
        pooling: From token states (n, tokens, width) and a mask (n, tokens) to (n, width).
        network: From pooled states to logits (n, labels).
    """

    def __init__(self, pooling: nn.Module, network: nn.Module) -> None:
        super().__init__()
        self.pooling = pooling
        self.network = network

    def forward(self, states: Tensor, mask: Tensor) -> Tensor:
        """Returns logits (n, labels) of states (n, tokens, width) and a mask (n, tokens)."""
        logits: Tensor = self.network(self.pooling(states, mask))
        return logits


class TwoHeadModel(nn.Module):
    """The text tower: what the bundle's encoder.onnx computes.

    Args:
        encoder: A Hugging Face encoder with `last_hidden_state`.
        head: From token states (n, tokens, width) and a mask (n, tokens) to logits (n, labels).
        pooling: From token states and a mask to (n, width).
        projection: From pooled states to vectors of the emotion space (n, dimensions).
    """

    def __init__(
        self, encoder: PreTrainedModel, head: nn.Module, pooling: nn.Module, projection: nn.Module
    ) -> None:
        super().__init__()
        self.encoder = encoder
        self.head = head
        self.pooling = pooling
        self.projection = projection

    def forward(
        self,
        input_ids: Tensor,
        attention_mask: Tensor,
        token_type_ids: Tensor | None,
        pooling_mask: Tensor,
    ) -> tuple[Tensor, Tensor]:
        """Reads n messages; every argument is (n, tokens).

        Args:
            input_ids: Context and message as two segments, or the message alone.
            attention_mask: 0 on padding.
            token_type_ids: 1 on the second segment; None for encoders without token types.
            pooling_mask: 1 on the tokens that the heads read: the message's alone.

        Returns:
            Class logits (n, labels) and unit vectors (n, dimensions), in float32.
        """
        states = token_states(self.encoder, input_ids, attention_mask, token_type_ids)
        vectors = self.projection(self.pooling(states, pooling_mask)).float()
        return self.head(states, pooling_mask).float(), functional.normalize(vectors, dim=-1)


class LabelTower(nn.Module):
    """The label tower of one encoder for both: what the bundle's label_encoder.onnx computes.

    Args:
        encoder: A Hugging Face encoder with `last_hidden_state`.
        pooling: From token states (n, tokens, width) and a mask (n, tokens) to (n, width).
        projection: From pooled states (n, width) to vectors of the emotion space (n, dimensions).
    """

    def __init__(self, encoder: PreTrainedModel, pooling: nn.Module, projection: nn.Module) -> None:
        super().__init__()
        self.encoder = encoder
        self.pooling = pooling
        self.projection = projection

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """Maps n labels, both arguments (n, tokens), to unit vectors (n, dimensions)."""
        states = token_states(self.encoder, input_ids, attention_mask)
        return functional.normalize(self.projection(self.pooling(states, attention_mask)), dim=-1)


class OwnLabelTower(nn.Module):
    """The text tower as label tower: how encoder.onnx reads a label.

    Args:
        text: The text tower.
    """

    def __init__(self, text: TwoHeadModel) -> None:
        super().__init__()
        self.text = text

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """Maps n labels, both arguments (n, tokens), to unit vectors (n, dimensions)."""
        types = torch.zeros_like(input_ids)
        vectors: Tensor = self.text(input_ids, attention_mask, types, attention_mask)[1]
        return vectors
