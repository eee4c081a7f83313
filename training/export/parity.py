"""Does the ONNX file compute what torch computes?"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import nn

from emotion_component import EmotionModel, Turn
from emotion_component.tokens import MessageTokenizer, pad
from training.errors import UserError

TOLERANCE = 1e-3

PROBES = (
    ("ok", ()),
    ("Where is my parcel? This is the third time I ask.", ()),
    ("found it behind the bins", (Turn("user", "it never came"), Turn("bot", "Look outside."))),
    ("so " * 200, (Turn("bot", "Tell me more."),)),
)


@dataclass(frozen=True)
class Parity:
    """Largest absolute differences between torch and ONNX Runtime.

    Attributes:
        logits: Of a class logit.
        embedding: Of a coordinate of a message's or label's unit vector.
    """

    logits: float
    embedding: float


def check_parity(text: nn.Module, label: nn.Module, folder: Path) -> Parity:
    """Compares a float32 bundle with the towers it was made of, on messages of several shapes.

    Raises:
        UserError: If a difference exceeds `TOLERANCE`.
    """
    model = EmotionModel.load(folder)
    tokenizer = MessageTokenizer.of_bundle(folder, model.manifest)
    encoded = model.encode([t for t, _ in PROBES], [c for _, c in PROBES])
    feeds = pad([tokenizer.encode(text, context) for text, context in PROBES])
    probe = model.labels[0] + " or something like it"  # not in the vocabulary: runs the encoder
    label_feeds = pad([tokenizer.encode_label(probe)])
    with torch.inference_mode():
        logits, embeddings = text(**{k: torch.from_numpy(v) for k, v in feeds.items()})
        vector = label(
            torch.from_numpy(label_feeds["input_ids"]),
            torch.from_numpy(label_feeds["attention_mask"]),
        )
    parity = Parity(
        logits=float(np.abs(logits.numpy() - encoded.logits).max()),
        embedding=max(
            float(np.abs(embeddings.numpy() - encoded.embeddings).max()),
            float(np.abs(vector.numpy() - model.label_vectors([probe])).max()),
        ),
    )
    if max(parity.logits, parity.embedding) > TOLERANCE:
        raise UserError(f"{folder}: ONNX differs from torch by {parity}; do not use this bundle")
    return parity
