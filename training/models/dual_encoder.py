"""The dual encoder: a text tower and a label tower that meet in one emotion space."""

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
from training.models.backbone import load_backbone
from training.models.checkpoint import TOKENIZER, WEIGHTS, read_config, save_checkpoint
from training.models.label_tower import LabelTower
from training.models.pooling import MeanPooling
from training.models.q_former import QFormer
from training.models.text_tower import TextTower
from training.tokenization import TextTokenizer


@dataclass(frozen=True)
class DualEncoderConfig:
    """What a checkpoint says of itself, beside its weights.

    Attributes:
        backbone: Configuration of the encoder, as `transformers` writes it.
        dimension: Width of the emotion space.
        temperature: Cosine similarity is divided by it.
        pooling: "mean" or "q-former".
        queries: Queries of the Q-Former.
        layers: Layers of the Q-Former.
        max_length: Most tokens of a text.
        pad_id: Token id of padding.
        label_template: What the label tower reads for a label, with {label} in it: a sentence
            encoder knows more of "feeling of guilt" than of "guilt".
    """

    backbone: dict[str, Any]
    dimension: int
    temperature: float
    pooling: Literal["mean", "q-former"]
    queries: int
    layers: int
    max_length: int
    pad_id: int
    label_template: str


class DualEncoder(nn.Module):
    """Texts and labels as unit vectors of one space; their cosine says how well they fit.

    Args:
        config: Sizes and settings.
        text_encoder: The encoder that learns.
        label_encoder: The encoder that stays frozen.
        tokenizer: Of both encoders.
    """

    def __init__(
        self,
        config: DualEncoderConfig,
        text_encoder: PreTrainedModel,
        label_encoder: PreTrainedModel,
        tokenizer: Tokenizer,
    ) -> None:
        super().__init__()
        self.config = config
        width = text_encoder.config.hidden_size
        for encoder in (text_encoder, label_encoder):
            if hasattr(encoder, "pooler"):
                encoder.register_module(
                    "pooler", None
                )  # its output is not used, and it must not be saved
        pooling = (
            MeanPooling()
            if config.pooling == "mean"
            else QFormer(width, config.queries, config.layers)
        )
        self.text_tower = TextTower(text_encoder, pooling, config.dimension)
        self.label_tower = LabelTower(label_encoder, config.dimension)
        token_types = getattr(text_encoder.config, "type_vocab_size", 0) > 1
        self.tokenizer = TextTokenizer(tokenizer, config.max_length, config.pad_id, token_types)

    @classmethod
    def from_backbone(
        cls,
        backbone: str,
        *,
        dimension: int | None = None,
        temperature: float = 0.1,
        pooling: Literal["mean", "q-former"] = "mean",
        queries: int = 4,
        layers: int = 2,
        max_length: int = 64,
        label_template: str = "{label}",
    ) -> DualEncoder:
        """Starts both towers from one pretrained encoder.

        Args:
            backbone: Folder or hub name of a Hugging Face encoder.
            dimension: Width of the emotion space; None for the encoder's.
            temperature: Cosine similarity is divided by it.
            pooling: "mean" or "q-former".
            queries: Queries of the Q-Former.
            layers: Layers of the Q-Former.
            max_length: Most tokens of a text.
            label_template: What the label tower reads for a label, with {label} in it.

        Returns:
            The model, its projections at random; see `align`.

        Raises:
            UserError: If there is no such encoder.
        """
        text_encoder, tokenizer = load_backbone(backbone)
        label_encoder, _ = load_backbone(backbone)
        config = DualEncoderConfig(
            backbone=text_encoder.config.to_dict(),
            dimension=dimension or text_encoder.config.hidden_size,
            temperature=temperature,
            pooling=pooling,
            queries=queries,
            layers=layers,
            max_length=max_length,
            pad_id=tokenizer.pad_token_id,
            label_template=label_template,
        )
        return cls(config, text_encoder, label_encoder, tokenizer.backend_tokenizer)

    @torch.no_grad()
    def align(self, label_features: Tensor) -> None:
        """Starts both projections from the labels' principal directions.

        Similarities then start as those of the plain encoder (exactly, if the dimension is the
        encoder's width; as near as so few dimensions allow, if smaller), so that training begins
        with what the encoder already knows.

        Args:
            label_features: Frozen features of the training labels, (labels, width).
        """
        directions = torch.linalg.svd(label_features.T @ label_features).Vh
        for projection in (self.text_tower.projection, self.label_tower.projection):
            projection.weight.zero_()
            projection.weight[: len(directions)] = directions[: self.config.dimension]
            projection.bias.zero_()

    @torch.no_grad()
    def label_features(self, labels: Sequence[str], batch_size: int = 256) -> Tensor:
        """Returns the frozen encoder's vectors of labels, (labels, width)."""
        self.eval()
        template = self.config.label_template
        encoded = self.tokenizer.encode([template.replace("{label}", label) for label in labels])
        features = [
            self.label_tower.features(
                **_without_pooling_mask(self.tokenizer.pad(encoded[start : start + batch_size]))
            )
            for start in range(0, len(encoded), batch_size)
        ]
        return torch.cat(features)

    @torch.inference_mode()
    def embed_labels(self, labels: Sequence[str]) -> Tensor:
        """Returns unit vectors of labels, (labels, dimension)."""
        return self.label_tower.project(self.label_features(labels))

    @torch.inference_mode()
    def embed_texts(
        self,
        texts: Sequence[str],
        contexts: Sequence[str | None] | None = None,
        batch_size: int = 128,
    ) -> Tensor:
        """Returns unit vectors of texts, (texts, dimension), in order."""
        self.eval()
        encoded = self.tokenizer.encode(texts, contexts)
        vectors = torch.empty(len(encoded), self.config.dimension)
        for rows, batch in self.tokenizer.batches(encoded, batch_size):
            vectors[rows] = self.text_tower(**batch)
        return vectors

    def save(self, folder: str | Path, notes: dict[str, Any] | None = None) -> None:
        """Writes a checkpoint: model.safetensors, model.json, tokenizer.json.

        Args:
            folder: Made if missing.
            notes: What to keep beside the configuration, such as the recipe.
        """
        content = {**asdict(self.config), "notes": notes or {}}
        save_checkpoint(folder, self, content, self.tokenizer.tokenizer)

    @staticmethod
    def read_config(folder: str | Path) -> dict[str, Any]:
        """Reads a checkpoint's model.json.

        Raises:
            UserError: If the folder is no checkpoint.
        """
        content = read_config(folder)
        if "dimension" not in content:
            raise UserError(f"{folder}: a checkpoint, but not of a dual encoder")
        return content

    @classmethod
    def load(cls, folder: str | Path) -> DualEncoder:
        """Reads a checkpoint, in evaluation mode.

        Raises:
            UserError: If the folder is no checkpoint.
        """
        folder = Path(folder)
        content = cls.read_config(folder)
        del content["notes"]
        config = DualEncoderConfig(**content)
        backbone = AutoConfig.for_model(**config.backbone)
        text_encoder = AutoModel.from_config(backbone)  # type: ignore[no-untyped-call]
        label_encoder = AutoModel.from_config(backbone)  # type: ignore[no-untyped-call]
        tokenizer = Tokenizer.from_file(str(folder / TOKENIZER))
        model = cls(config, text_encoder, label_encoder, tokenizer)
        model.load_state_dict(load_file(folder / WEIGHTS))
        return model.eval()


def _without_pooling_mask(batch: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name: tensor for name, tensor in batch.items() if name != "pooling_mask"}
