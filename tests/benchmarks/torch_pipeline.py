"""The peer: the same network run by torch through a `transformers` pipeline."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from transformers import BertConfig, BertModel, Pipeline, PreTrainedTokenizerFast

from emotion_component.bundle import TOKENIZER
from training.models.joint_model import JointModel
from training.models.linear_head import LinearHead
from training.models.pooling import MeanPooling
from training.models.two_heads import TwoHeadModel


class EmotionPipeline(Pipeline):  # type: ignore[misc]
    """Text and context to the score of every label."""

    def _sanitize_parameters(self, **_: object) -> tuple[dict[str, Any], ...]:
        return {}, {}, {}

    def preprocess(self, inputs: dict[str, str]) -> dict[str, torch.Tensor]:
        """Tokenizes one message, its context as first segment."""
        segments = [inputs["context"], inputs["text"]] if inputs["context"] else [inputs["text"]]
        encoding = self.tokenizer(*segments, return_tensors="pt", truncation=True, max_length=192)
        second = encoding["token_type_ids"]  # the message, where there is context
        mask = second if inputs["context"] else encoding["attention_mask"]
        return {**encoding, "pooling_mask": mask}

    def _forward(self, inputs: dict[str, torch.Tensor]) -> torch.Tensor:
        logits, _ = self.model.towers(**inputs)
        return logits

    def postprocess(self, outputs: torch.Tensor) -> list[float]:
        """Turns logits into scores."""
        scores: list[float] = outputs.sigmoid()[0].tolist()
        return scores


def random_tower(labels: int) -> TwoHeadModel:
    """Returns the network with random weights, which take as long as trained ones."""
    config = BertConfig(
        hidden_size=384, num_hidden_layers=6, num_attention_heads=12, intermediate_size=1536
    )
    head, projection = LinearHead(384, labels), torch.nn.Linear(384, 384)
    return TwoHeadModel(BertModel(config), head, MeanPooling(), projection).eval()


def load_pipeline(bundle: Path, labels: int, checkpoint: str | None) -> EmotionPipeline:
    """Builds the pipeline, with torch's fused attention.

    Args:
        bundle: Where tokenizer.json lies.
        labels: Number of classes.
        checkpoint: Folder of a joint model; without, random weights.
    """
    network = JointModel.load(checkpoint).tower().eval() if checkpoint else random_tower(labels)
    network.encoder.set_attn_implementation("sdpa")
    network.encoder.towers = network  # what the pipeline calls; it insists on a pretrained model
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_file=str(bundle / TOKENIZER),
        unk_token="[UNK]",
        cls_token="[CLS]",
        sep_token="[SEP]",
        pad_token="[PAD]",
        model_input_names=["input_ids", "token_type_ids", "attention_mask"],
    )
    return EmotionPipeline(model=network.encoder, tokenizer=tokenizer, device="cpu")
