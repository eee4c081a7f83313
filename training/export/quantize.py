"""Float32 ONNX to int8: weights per output channel, activations by their range in each run."""

from __future__ import annotations

from pathlib import Path

import onnx
from onnxruntime.quantization import QuantType, quantize_dynamic


def quantize(source: Path, target: Path, exclude: tuple[str, ...] = ()) -> None:
    """Writes the int8 form of an optimised ONNX model.

    Weights take 7 of the 8 bits (`reduce_range`): processors without VNNI add products in 16 bits,
    which full-range weights overflow.

    Args:
        source: The float32 model.
        target: The int8 model to write.
        exclude: Names of nodes that stay in float32.
    """
    quantize_dynamic(
        str(source),
        str(target),
        weight_type=QuantType.QInt8,
        per_channel=True,
        reduce_range=True,
        nodes_to_exclude=list(exclude),
        # The optimiser's fused operators carry no inferred types.
        extra_options={"DefaultTensorType": onnx.TensorProto.FLOAT},
    )
