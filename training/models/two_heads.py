"""One encoder, two heads: class logits and a vector of the emotion space from one pass."""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from torch.nn import functional
from transformers import BertConfig, BertModel

from training.models.pooling import MeanPooling


class TwoHeadModel(nn.Module):
    """The text tower: what the bundle's encoder.onnx computes.

    Args:
        encoder: A BERT encoder.
        pooling: From token states (n, tokens, width) and a mask (n, tokens) to (n, width).
        classifier: From pooled states (n, width) to logits (n, labels).
        projection: From pooled states to vectors of the emotion space (n, dimensions).
    """

    def __init__(
        self, encoder: BertModel, pooling: nn.Module, classifier: nn.Module, projection: nn.Module
    ) -> None:
        super().__init__()
        self.encoder = encoder
        self.pooling = pooling
        self.classifier = classifier
        self.projection = projection

    def forward(
        self,
        input_ids: Tensor,
        attention_mask: Tensor,
        token_type_ids: Tensor,
        pooling_mask: Tensor,
    ) -> tuple[Tensor, Tensor]:
        """Reads n messages; every argument is (n, tokens).

        Args:
            input_ids: Context and message as two segments, or the message alone.
            attention_mask: 0 on padding.
            token_type_ids: 1 on the second segment.
            pooling_mask: 1 on the tokens that are averaged: the message's alone.

        Returns:
            Class logits (n, labels) and unit vectors (n, dimensions).
        """
        states = self.encoder(
            input_ids=input_ids, attention_mask=attention_mask, token_type_ids=token_type_ids
        ).last_hidden_state
        pooled = self.pooling(states, pooling_mask)
        return self.classifier(pooled), functional.normalize(self.projection(pooled), dim=-1)


class LabelTower(nn.Module):
    """The label tower: what the bundle's label_encoder.onnx computes.

    Args:
        encoder: A BERT encoder.
        pooling: From token states (n, tokens, width) and a mask (n, tokens) to (n, width).
        projection: From pooled states (n, width) to vectors of the emotion space (n, dimensions).
    """

    def __init__(self, encoder: BertModel, pooling: nn.Module, projection: nn.Module) -> None:
        super().__init__()
        self.encoder = encoder
        self.pooling = pooling
        self.projection = projection

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """Maps n labels, both arguments (n, tokens), to unit vectors (n, dimensions)."""
        states = self.encoder(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state
        return functional.normalize(self.projection(self.pooling(states, attention_mask)), dim=-1)


def load_two_heads(checkpoint: str | Path, backbone: str | Path) -> tuple[TwoHeadModel, LabelTower]:
    """Reads a checkpoint of both towers.

    Args:
        checkpoint: A safetensors file with the text tower under `enc.`, the classifier under
            `out.`, the text projection under `tp.` and the label projection under `lp.`.
        backbone: The pretrained encoder (folder or hub name) that the label tower keeps frozen,
            and whose configuration the text tower has.

    Returns:
        The text tower and the label tower, in float32 and evaluation mode.

    Raises:
        RuntimeError: If a tensor is missing or of another shape.
    """
    tensors = {k: v.float() for k, v in load_file(checkpoint).items()}
    config = BertConfig.from_pretrained(backbone, attn_implementation="eager")
    width = config.hidden_size
    classifier, projection, label_projection = (
        nn.Linear(width, len(tensors[f"{head}.bias"])) for head in ("out", "tp", "lp")
    )
    text = TwoHeadModel(BertModel(config), MeanPooling(), classifier, projection)
    prefixes = {"enc.": "encoder.", "out.": "classifier.", "tp.": "projection."}
    text.load_state_dict(
        {
            new + name[len(old) :]: tensor
            for name, tensor in tensors.items()
            for old, new in prefixes.items()
            if name.startswith(old)
        }
    )
    frozen = BertModel.from_pretrained(backbone, attn_implementation="eager")
    label_projection.load_state_dict({"weight": tensors["lp.weight"], "bias": tensors["lp.bias"]})
    return text.eval(), LabelTower(frozen, MeanPooling(), label_projection).eval()


def pooling_mask(attention_mask: Tensor, token_type_ids: Tensor) -> Tensor:
    """Returns the mask of a message's own tokens: its segment, or all where there is one segment.

    Args:
        attention_mask: (n, tokens).
        token_type_ids: (n, tokens), 1 on the second segment.
    """
    has_context = token_type_ids.any(1, keepdim=True)
    return torch.where(has_context, token_type_ids, attention_mask)
