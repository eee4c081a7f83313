"""Float32 ONNX to int8: weights per output channel, activations by ranges measured once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnx
import onnxruntime
from onnx import helper, numpy_helper
from onnxruntime.quantization import QuantType, quantize_dynamic
from tqdm import tqdm

Feeds = Mapping[str, npt.NDArray[np.int64]]
Ranges = dict[str, tuple[float, float]]

CLIPPED = 0.01
"""Share of messages whose extremes a range may cut off; the float32 logits are met as well as by
ranges measured anew in each run (relative error .083 both; .085 with nothing cut off)."""


def quantize(source: Path, target: Path, messages: Sequence[Feeds]) -> None:
    """Writes the int8 form of an optimised ONNX model.

    ONNX Runtime's dynamic quantisation measures the range of each activation in each run, so that a
    message's scores would depend on its companions in a batch (by up to 0.6 of a logit). Here the
    ranges are measured once and become constants: a message has one answer, alone or in a batch.

    Weights take 7 of the 8 bits (`reduce_range`): processors without VNNI add products in 16 bits,
    which full-range weights overflow.

    Args:
        source: The float32 model.
        target: The int8 model to write.
        messages: The model's inputs for typical messages, one run each.
    """
    quantize_dynamic(
        str(source),
        str(target),
        weight_type=QuantType.QInt8,
        per_channel=True,
        reduce_range=True,
        # The optimiser's fused operators carry no inferred types.
        extra_options={"DefaultTensorType": onnx.TensorProto.FLOAT},
    )
    model = onnx.load(str(target))
    names = [n.input[0] for n in model.graph.node if n.op_type == "DynamicQuantizeLinear"]
    _fix_ranges(model.graph, _measure_ranges(source, names, messages))
    onnx.save(model, str(target))


def _measure_ranges(source: Path, names: Sequence[str], messages: Iterable[Feeds]) -> Ranges:
    """Returns the range of each named activation of a float32 model over some messages."""
    model = onnx.load(str(source))
    model.graph.output.extend(
        helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, None) for name in names
    )
    session = onnxruntime.InferenceSession(model.SerializeToString())
    read = [value.name for value in session.get_inputs()]  # a model may leave out a mask
    extremes = np.array(
        [
            [
                (values.min(), values.max())
                for values in session.run(names, {name: feeds[name] for name in read})
            ]
            for feeds in tqdm(messages, desc="Ranges", unit="message")
        ]
    )
    lowest = np.quantile(extremes[:, :, 0], CLIPPED, axis=0)
    highest = np.quantile(extremes[:, :, 1], 1 - CLIPPED, axis=0)
    return dict(zip(names, zip(lowest.tolist(), highest.tolist(), strict=True), strict=True))


def _fix_ranges(graph: onnx.GraphProto, ranges: Ranges) -> None:
    """Replaces the operators that measure ranges by ones that hold them, in place."""
    nodes = []
    for node in graph.node:
        if node.op_type == "DynamicQuantizeLinear":
            activation = node.input[0]
            quantized, scale_name, zero_name = node.output
            low, high = min(ranges[activation][0], 0.0), max(ranges[activation][1], 0.0)
            scale = np.float32((high - low) / 255)
            zero = np.uint8(round(-low / float(scale)))
            graph.initializer.append(numpy_helper.from_array(np.array(scale), scale_name))
            graph.initializer.append(numpy_helper.from_array(np.array(zero), zero_name))
            node = helper.make_node(
                "QuantizeLinear", [activation, scale_name, zero_name], [quantized], name=node.name
            )
        nodes.append(node)
    del graph.node[:]
    graph.node.extend(nodes)
