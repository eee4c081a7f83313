"""The Emo Pillars classifier: an encoder and one sigmoid output for each emotion."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from safetensors.torch import load_file
from tokenizers import Tokenizer
from torch import Tensor, nn
from transformers import AutoConfig, AutoModel, PreTrainedModel

from training.errors import UserError
from training.models.backbone import token_states
from training.models.checkpoint import TOKENIZER, WEIGHTS, read_config, save_checkpoint
from training.models.dual_encoder import DualEncoder
from training.models.label_attention import LabelAttention
from training.models.linear_head import LinearHead
from training.models.pooling import MeanPooling
from training.tokenization import TextTokenizer

HEADS: dict[str, type[nn.Module]] = {"mean": LinearHead, "attention": LabelAttention}


@dataclass(frozen=True)
class EmotionClassifierConfig:
    """What a checkpoint says of itself, beside its weights.

    Attributes:
        backbone: Configuration of the encoder, as `transformers` writes it.
        labels: Names of the outputs.
        pooling: "mean", or "attention" with a query for each label.
        max_length: Most tokens of a text with its context.
        token_types: Whether context and text are told apart by token types.
        pad_id: Token id of padding.
    """

    backbone: dict[str, Any]
    labels: tuple[str, ...]
    pooling: Literal["mean", "attention"]
    max_length: int
    token_types: bool
    pad_id: int


class EmotionClassifier(nn.Module):
    """Emotions of an utterance, given what was said before it (arXiv 2504.16856, section 4).

    Context and utterance are two segments; the head pools the utterance's tokens alone.

    Args:
        config: Sizes and settings.
        encoder: Any Hugging Face encoder with `last_hidden_state`.
        tokenizer: Of the encoder.
    """

    def __init__(
        self, config: EmotionClassifierConfig, encoder: PreTrainedModel, tokenizer: Tokenizer
    ) -> None:
        super().__init__()
        self.config = config
        self.encoder = encoder
        if hasattr(encoder, "pooler"):
            encoder.register_module("pooler", None)  # its output is not used
        self.head = HEADS[config.pooling](encoder.config.hidden_size, len(config.labels))
        self.tokenizer = TextTokenizer(
            tokenizer, config.max_length, config.pad_id, config.token_types
        )
        self._embedding = MeanPooling()

    @classmethod
    def from_dual_encoder(
        cls,
        start: DualEncoder,
        labels: Sequence[str],
        *,
        pooling: Literal["mean", "attention"] = "mean",
        max_length: int = 64,
        token_types: bool = True,
    ) -> EmotionClassifier:
        """Takes the text tower's encoder, with a new head.

        Args:
            start: Untrained (`DualEncoder.from_backbone`) or trained.
            labels: Names of the outputs.
            pooling: "mean" or "attention".
            max_length: Most tokens of a text with its context.
            token_types: Whether context and text are told apart by token types, where the encoder
                has them.
        """
        config = EmotionClassifierConfig(
            backbone=start.config.backbone,
            labels=tuple(labels),
            pooling=pooling,
            max_length=max_length,
            token_types=token_types and start.tokenizer.token_types,
            pad_id=start.config.pad_id,
        )
        return cls(config, start.text_tower.encoder, start.tokenizer.tokenizer)

    def forward(
        self,
        input_ids: Tensor,
        attention_mask: Tensor,
        pooling_mask: Tensor,
        token_type_ids: Tensor | None = None,
    ) -> Tensor:
        """Returns logits (n, labels) in float32; every argument is (n, tokens).

        Args:
            input_ids: Context and text as two segments, or the text alone.
            attention_mask: 0 on padding.
            pooling_mask: 1 on the tokens that are pooled: those of the text, not of its context.
            token_type_ids: 1 on the second segment; None for no token types.
        """
        states = token_states(self.encoder, input_ids, attention_mask, token_type_ids)
        logits: Tensor = self.head(states, pooling_mask).float()
        return logits

    def predict(self, texts: Sequence[str], contexts: Sequence[str | None] | None = None) -> Tensor:
        """Returns logits of n texts, (n, labels), in order, on the CPU."""
        return self.embed(texts, contexts)[0]

    @torch.inference_mode()
    def embed(
        self,
        texts: Sequence[str],
        contexts: Sequence[str | None] | None = None,
        batch_size: int = 128,
    ) -> tuple[Tensor, Tensor]:
        """Reads n texts, each with what was said before it, if anything.

        Returns:
            Logits (n, labels) and embeddings, the mean states of the texts' tokens (n, width);
            in order, in float32, on the CPU.
        """
        self.eval()
        device = self.encoder.device
        encoded = self.tokenizer.encode(texts, contexts)
        logits = torch.empty(len(encoded), len(self.config.labels))
        embeddings = torch.empty(len(encoded), self.encoder.config.hidden_size)
        for rows, padded in self.tokenizer.batches(encoded, batch_size):
            batch = {name: tensor.to(device) for name, tensor in padded.items()}
            mask = batch.pop("pooling_mask")
            states = token_states(self.encoder, **batch)
            logits[rows] = self.head(states, mask).float().cpu()
            embeddings[rows] = self._embedding(states, mask).float().cpu()
        return logits, embeddings

    def save(self, folder: str | Path, notes: dict[str, Any] | None = None) -> None:
        """Writes a checkpoint: model.safetensors, model.json, tokenizer.json.

        Args:
            folder: Made if missing.
            notes: What to keep beside the configuration, such as the recipe.
        """
        content = {**asdict(self.config), "notes": notes or {}}
        save_checkpoint(folder, self, content, self.tokenizer.tokenizer)

    @classmethod
    def load(cls, folder: str | Path) -> EmotionClassifier:
        """Reads a checkpoint, in evaluation mode.

        Raises:
            UserError: If the folder is no checkpoint of a classifier.
        """
        folder = Path(folder)
        content = read_config(folder)
        if "labels" not in content:
            raise UserError(f"{folder}: a checkpoint, but not of a classifier")
        del content["notes"]
        config = EmotionClassifierConfig(**{**content, "labels": tuple(content["labels"])})
        backbone = AutoConfig.for_model(**config.backbone)
        encoder = AutoModel.from_config(backbone)  # type: ignore[no-untyped-call]
        model = cls(config, encoder, Tokenizer.from_file(str(folder / TOKENIZER)))
        model.load_state_dict(load_file(folder / WEIGHTS))
        return model.eval()
