"""Checkpoint to optimised float32 ONNX."""

from __future__ import annotations

import warnings
from pathlib import Path

import onnx
import torch
from onnxruntime.transformers import optimizer
from torch import nn
from transformers import PreTrainedModel

# The oldest onnxruntime that the runtime allows (Python 3.9) reads these.
OPSET = 17
IR_VERSION = 8

TEXT_INPUTS = ("input_ids", "attention_mask", "token_type_ids", "pooling_mask")
LABEL_INPUTS = ("input_ids", "attention_mask")


def export_onnx(
    model: nn.Module, path: Path, inputs: tuple[str, ...], outputs: tuple[str, ...]
) -> None:
    """Writes a tower as ONNX with BERT's operators fused (attention, layer norm, GELU).

    Args:
        model: A tower, whose `encoder` is a BERT with the attention implementation "eager", whose
            operators the optimiser recognises. Every argument is an int64 array (n, tokens).
        path: The file to write.
        inputs: Names of the arguments, in order.
        outputs: Names of the returned tensors, in order.
    """
    example = torch.ones((2, 9), dtype=torch.int64)
    axes = {name: {0: "messages", 1: "tokens"} for name in inputs}
    axes |= {name: {0: "messages"} for name in outputs}
    with warnings.catch_warnings():
        # The TorchScript exporter: the newer one writes graphs that the optimiser cannot fuse.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            model,
            tuple(example for _ in inputs),
            str(path),
            input_names=list(inputs),
            output_names=list(outputs),
            dynamic_axes=axes,
            opset_version=OPSET,
            dynamo=False,
        )
    encoder = model.encoder
    assert isinstance(encoder, PreTrainedModel)
    config = encoder.config
    optimised = optimizer.optimize_model(
        str(path),
        model_type="bert",
        num_heads=config.num_attention_heads,
        hidden_size=config.hidden_size,
        opt_level=0,
    )
    optimised.model.ir_version = IR_VERSION
    optimised.save_model_to_file(str(path))
    onnx.checker.check_model(str(path))
