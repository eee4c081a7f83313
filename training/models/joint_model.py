"""The model that ships: a dual encoder whose text encoder also feeds a classifier head."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, Literal

import torch
from safetensors.torch import load_file
from tokenizers import Tokenizer
from torch import Tensor, nn
from transformers import AutoConfig, AutoModel

from training.errors import UserError
from training.models.checkpoint import TOKENIZER, WEIGHTS, read_config, save_checkpoint
from training.models.dual_encoder import DualEncoder, DualEncoderConfig
from training.models.emotion_classifier import (
    HEADS,
    EmotionClassifier,
    EmotionClassifierConfig,
)
from training.models.two_heads import TwoHeadModel

Pooling = Literal["mean", "attention"]


class JointModel(nn.Module):
    """One text encoder for a fixed set of labels and for the emotion space.

    Args:
        space: The dual encoder; its text tower's encoder is the shared one.
        labels: Names of the classifier's outputs.
        pooling: Of the classifier: "mean", or "attention" with a query for each label.
    """

    def __init__(self, space: DualEncoder, labels: Sequence[str], pooling: Pooling) -> None:
        super().__init__()
        self.space = space
        self.labels = tuple(labels)
        self.pooling = pooling
        self.head = HEADS[pooling](space.text_tower.encoder.config.hidden_size, len(labels))

    @classmethod
    def from_dual_encoder(
        cls, start: DualEncoder, labels: Sequence[str], *, pooling: Pooling, max_length: int
    ) -> JointModel:
        """Adds a new head to a dual encoder, which then reads texts of up to `max_length` tokens.

        Raises:
            UserError: If the dual encoder pools its tokens otherwise than by their mean.
        """
        if start.config.pooling != "mean":
            raise UserError("start: the joint model needs a space with model.pooling=mean")
        config = replace(start.config, max_length=max_length)
        space = DualEncoder(
            config,
            start.text_tower.encoder,
            start.label_tower.encoder,
            start.tokenizer.tokenizer,
        )
        space.load_state_dict(start.state_dict())
        return cls(space, labels, pooling)

    def tower(self) -> TwoHeadModel:
        """Returns the text tower with both heads; its weights are this model's own."""
        text = self.space.text_tower
        return TwoHeadModel(text.encoder, self.head, text.pooling, text.projection)

    def classifier(self) -> EmotionClassifier:
        """Returns the encoder and the class head; its weights are this model's own."""
        space = self.space
        config = EmotionClassifierConfig(
            backbone=space.config.backbone,
            labels=self.labels,
            pooling=self.pooling,
            max_length=space.config.max_length,
            token_types=space.tokenizer.token_types,
            pad_id=space.config.pad_id,
        )
        encoder = space.text_tower.encoder
        classifier = EmotionClassifier(config, encoder, space.tokenizer.tokenizer)
        classifier.head = self.head
        return classifier.eval()

    @torch.inference_mode()
    def predict(
        self,
        texts: Sequence[str],
        contexts: Sequence[str | None] | None = None,
        batch_size: int = 128,
    ) -> Tensor:
        """Returns class logits of n texts, (n, labels), in order."""
        self.eval()
        tower = self.tower()
        encoded = self.space.tokenizer.encode(texts, contexts)
        logits = torch.empty(len(encoded), len(self.labels))
        for rows, batch in self.space.tokenizer.batches(encoded, batch_size):
            logits[rows] = tower(**{"token_type_ids": None, **batch})[0]
        return logits

    def save(self, folder: str | Path, notes: dict[str, Any] | None = None) -> None:
        """Writes a checkpoint: model.safetensors, model.json, tokenizer.json.

        Args:
            folder: Made if missing.
            notes: What to keep beside the configuration, such as the recipe.
        """
        content = {
            "space": asdict(self.space.config),
            "labels": self.labels,
            "pooling": self.pooling,
            "notes": notes or {},
        }
        save_checkpoint(folder, self, content, self.space.tokenizer.tokenizer)

    @staticmethod
    def is_saved_in(folder: Path) -> bool:
        """Returns whether a checkpoint is one of a joint model.

        Raises:
            UserError: If the folder holds no checkpoint.
        """
        return "space" in read_config(folder)

    @classmethod
    def load(cls, folder: str | Path) -> JointModel:
        """Reads a checkpoint, in evaluation mode, with plain attention, which ONNX can express.

        Raises:
            UserError: If the folder is no checkpoint of a joint model.
        """
        folder = Path(folder)
        if not cls.is_saved_in(folder):
            raise UserError(f"{folder}: a checkpoint, but not of a joint model")
        content = read_config(folder)
        config = DualEncoderConfig(**content["space"])
        text_encoder, label_encoder = (
            AutoModel.from_config(  # type: ignore[no-untyped-call]
                AutoConfig.for_model(**config.backbone), attn_implementation="eager"
            )
            for _ in range(2)
        )
        tokenizer = Tokenizer.from_file(str(folder / TOKENIZER))
        space = DualEncoder(config, text_encoder, label_encoder, tokenizer)
        model = cls(space, content["labels"], content["pooling"])
        model.load_state_dict(load_file(folder / WEIGHTS))
        return model.eval()


def load_classifier(folder: str | Path) -> EmotionClassifier:
    """Reads the classifier of a checkpoint: all of `pillars tune`'s, a part of a joint model's.

    Raises:
        UserError: If the folder is a checkpoint of neither.
    """
    if JointModel.is_saved_in(Path(folder)):
        return JointModel.load(folder).classifier()
    return EmotionClassifier.load(folder)
