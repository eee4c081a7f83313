"""A classifier whose classes are vectors: the labels' own, read by the encoder, or free ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import torch
from safetensors.torch import load_file
from tokenizers import AddedToken, Tokenizer
from torch import Tensor, nn
from transformers import AutoConfig, AutoModel, PreTrainedModel

from training.errors import UserError
from training.models.backbone import load_backbone, token_states
from training.models.checkpoint import TOKENIZER, WEIGHTS, read_config, save_checkpoint
from training.models.pooling import FirstToken, MeanPooling
from training.tokenization import TextTokenizer

SEPARATOR = "[EMO]"
"""Stands between a label's name and its description; a token of its own."""

POOLINGS: dict[str, type[nn.Module]] = {"mean": MeanPooling, "first": FirstToken}


@dataclass(frozen=True)
class SingleLabelConfig:
    """What a checkpoint says of itself, beside its weights.

    Attributes:
        backbone: Configuration of the encoder, as `transformers` writes it.
        labels: Names of the classes.
        label_texts: What the encoder reads for each label; empty for the head "linear".
        head: "labels" or "linear".
        dimension: Width of the space of texts and labels; the encoder's for the head "linear".
        pooling: "mean" or "first".
        max_length: Most tokens of a text.
        pad_id: Token id of padding.
    """

    backbone: dict[str, Any]
    labels: tuple[str, ...]
    label_texts: tuple[str, ...]
    head: Literal["labels", "linear"]
    dimension: int
    pooling: Literal["mean", "first"]
    max_length: int
    pad_id: int


class SingleLabelClassifier(nn.Module):
    """Scores a text against each label by the dot product of two vectors (TACO, equations 1, 2).

    With the head "labels" one encoder reads texts and labels, and a two-layer ReLU network each
    maps them into one space. With the head "linear" the encoder's pooled state is scored against
    free vectors and biases: a plain softmax layer.

    Args:
        config: Sizes and settings.
        encoder: Any Hugging Face encoder or decoder with `last_hidden_state`.
        tokenizer: Of the encoder.
    """

    def __init__(
        self, config: SingleLabelConfig, encoder: PreTrainedModel, tokenizer: Tokenizer
    ) -> None:
        super().__init__()
        self.config = config
        self.encoder = encoder
        if hasattr(encoder, "pooler"):
            encoder.register_module("pooler", None)  # its output is not used
        width = encoder.config.hidden_size
        self.pooling = POOLINGS[config.pooling]()
        token_types = getattr(encoder.config, "type_vocab_size", 0) > 1
        self.tokenizer = TextTokenizer(tokenizer, config.max_length, config.pad_id, token_types)
        if config.head == "linear":
            self.output = nn.Linear(width, len(config.labels))
            return
        self.text_network, self.label_network = (_network(width, config.dimension) for _ in "tl")
        padded = self.tokenizer.pad(self.tokenizer.encode(config.label_texts))
        for name, tensor in padded.items():
            self.register_buffer(f"label_{name}", tensor, persistent=False)
        self._label_inputs = tuple(padded)

    @classmethod
    def from_backbone(
        cls,
        backbone: str,
        descriptions: Mapping[str, str],
        *,
        head: Literal["labels", "linear"] = "labels",
        with_descriptions: bool = True,
        dimension: int = 128,
        pooling: Literal["mean", "first"] = "mean",
        max_length: int = 64,
    ) -> SingleLabelClassifier:
        """Starts from a pretrained encoder, the heads at random.

        Args:
            backbone: Folder or hub name of a Hugging Face encoder or decoder.
            descriptions: Label to description; in the order of the classes.
            head: "labels" or "linear".
            with_descriptions: Whether labels are read with their descriptions.
            dimension: Width of the space of texts and labels; not used by the head "linear".
            pooling: "mean" or "first".
            max_length: Most tokens of a text.

        Raises:
            UserError: If there is no such encoder.
        """
        encoder, loaded = load_backbone(backbone)
        tokenizer = loaded.backend_tokenizer
        texts: list[str] = []
        if head == "labels":
            texts = [label_text(*pair, with_descriptions) for pair in descriptions.items()]
            if with_descriptions:
                tokenizer.add_special_tokens([AddedToken(SEPARATOR, special=True)])
                encoder.resize_token_embeddings(tokenizer.get_vocab_size())
        # Decoders often have no token for padding; what is masked may be any.
        pad_id = loaded.eos_token_id if loaded.pad_token_id is None else loaded.pad_token_id
        config = SingleLabelConfig(
            backbone=encoder.config.to_dict(),
            labels=tuple(descriptions),
            label_texts=tuple(texts),
            head=head,
            dimension=dimension if head == "labels" else encoder.config.hidden_size,
            pooling=pooling,
            max_length=max_length,
            pad_id=pad_id,
        )
        return cls(config, encoder, tokenizer)

    def forward(self, **texts: Tensor) -> Tensor:
        """Returns scores (n, labels) of n texts; the arguments are those of `embed`."""
        return self.score(self.embed(**texts), self.label_vectors())

    def embed(
        self,
        input_ids: Tensor,
        attention_mask: Tensor,
        pooling_mask: Tensor,
        token_type_ids: Tensor | None = None,
    ) -> Tensor:
        """Returns the vectors of n texts, (n, dimension); every argument is (n, tokens).

        Args:
            input_ids: Context and text as two segments, or the text alone.
            attention_mask: 0 on padding.
            pooling_mask: 1 on the tokens that are pooled.
            token_type_ids: 1 on the second segment; None for encoders without token types.
        """
        pooled = self._pool(input_ids, attention_mask, pooling_mask, token_type_ids)
        vectors: Tensor = pooled if self.config.head == "linear" else self.text_network(pooled)
        return vectors

    def label_vectors(self) -> Tensor:
        """Returns the vectors of the labels, (labels, dimension); encodes them anew."""
        if self.config.head == "linear":
            return self.output.weight
        batch = {name: self.get_buffer(f"label_{name}") for name in self._label_inputs}
        vectors: Tensor = self.label_network(self._pool(**batch))
        return vectors

    def score(self, texts: Tensor, labels: Tensor) -> Tensor:
        """Returns scores (n, labels) in float32 of vectors (n, dimension), (labels, dimension)."""
        biases = self.output.bias if self.config.head == "linear" else None
        return nn.functional.linear(texts, labels, biases).float()

    def _pool(
        self,
        input_ids: Tensor,
        attention_mask: Tensor,
        pooling_mask: Tensor,
        token_type_ids: Tensor | None = None,
    ) -> Tensor:
        states = token_states(self.encoder, input_ids, attention_mask, token_type_ids)
        pooled: Tensor = self.pooling(states, pooling_mask)
        return pooled

    @torch.inference_mode()
    def predict(
        self,
        texts: Sequence[str],
        contexts: Sequence[str | None] | None = None,
        batch_size: int = 128,
    ) -> tuple[Tensor, Tensor]:
        """Reads n texts, each with what was said before it, if anything; encodes labels once.

        Returns:
            Scores (n, labels) and vectors (n, dimension); in order, in float32, on the CPU.
        """
        self.eval()
        device = next(self.parameters()).device
        labels = self.label_vectors()
        encoded = self.tokenizer.encode(texts, contexts)
        scores = torch.empty(len(encoded), len(self.config.labels))
        vectors = torch.empty(len(encoded), labels.shape[1])
        for rows, padded in self.tokenizer.batches(encoded, batch_size):
            found = self.embed(**{name: tensor.to(device) for name, tensor in padded.items()})
            vectors[rows] = found.float().cpu()
            scores[rows] = self.score(found, labels).cpu()
        return scores, vectors

    def save(self, folder: str | Path, notes: dict[str, Any] | None = None) -> None:
        """Writes a checkpoint: model.safetensors, model.json, tokenizer.json.

        Args:
            folder: Made if missing.
            notes: What to keep beside the configuration, such as the recipe.
        """
        content = {**asdict(self.config), "notes": notes or {}}
        save_checkpoint(folder, self, content, self.tokenizer.tokenizer)

    @classmethod
    def load(cls, folder: str | Path, attention: str | None = None) -> SingleLabelClassifier:
        """Reads a checkpoint, in evaluation mode.

        Args:
            folder: The checkpoint.
            attention: Implementation of the encoder's attention; None for the usual one.

        Raises:
            UserError: If the folder is no checkpoint of a single-label classifier.
        """
        folder = Path(folder)
        content = read_config(folder)
        if "label_texts" not in content:
            raise UserError(f"{folder}: a checkpoint, but not of a single-label classifier")
        del content["notes"]
        texts = {key: tuple(content[key]) for key in ("labels", "label_texts")}
        config = SingleLabelConfig(**{**content, **texts})
        encoder = AutoModel.from_config(  # type: ignore[no-untyped-call]
            AutoConfig.for_model(**config.backbone), attn_implementation=attention
        )
        model = cls(config, encoder, Tokenizer.from_file(str(folder / TOKENIZER)))
        model.load_state_dict(load_file(folder / WEIGHTS))
        return model.eval()


def label_text(label: str, description: str, with_description: bool = True) -> str:
    """Returns what the encoder reads for a label: "name [EMO] description", or the name alone."""
    return f"{label} {SEPARATOR} {description}" if with_description else label


def _network(width: int, dimension: int) -> nn.Sequential:
    return nn.Sequential(nn.Linear(width, width), nn.ReLU(), nn.Linear(width, dimension))
