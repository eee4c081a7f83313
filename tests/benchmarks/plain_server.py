"""What one writes first: FastAPI and a transformers pipeline, one message a call.

The network is that of the shipped bundle (MiniLM, 28 classes) in torch, with random weights, which
do not change its speed.
"""

from __future__ import annotations

import sys
from typing import Any

import torch
import uvicorn
from fastapi import FastAPI
from transformers import (
    BertConfig,
    BertForSequenceClassification,
    PreTrainedTokenizerFast,
    pipeline,
)

from emotion_component.bundle import DEFAULT_BUNDLE, TOKENIZER

app = FastAPI()
classify: Any = None


@app.post("/v1/emotions")
def emotions(body: dict[str, Any]) -> dict[str, Any]:
    """Every label's score of each message."""
    return {"results": classify([entry["text"] for entry in body["inputs"]], top_k=None)}


def network() -> tuple[BertForSequenceClassification, PreTrainedTokenizerFast]:
    """Makes the model and its tokenizer."""
    torch.manual_seed(0)
    config = BertConfig(
        hidden_size=384,
        num_hidden_layers=6,
        num_attention_heads=12,
        intermediate_size=1536,
        num_labels=28,
        problem_type="multi_label_classification",
    )
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_file=str(DEFAULT_BUNDLE / TOKENIZER), pad_token="[PAD]", model_max_length=192
    )
    return BertForSequenceClassification(config).eval(), tokenizer


def main(port: int) -> None:
    """Serves on a port of loopback."""
    global classify
    model, tokenizer = network()
    classify = pipeline("text-classification", model=model, tokenizer=tokenizer)
    uvicorn.run(app, host="127.0.0.1", port=port, access_log=False, log_level="warning")


if __name__ == "__main__":
    main(int(sys.argv[1]))
