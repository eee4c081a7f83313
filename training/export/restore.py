"""`python -m training restore`: a bundle becomes a checkpoint again, to be trained further."""

from __future__ import annotations

import argparse
import logging
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import onnx
import torch
from onnx import numpy_helper
from torch import Tensor

from emotion_component.bundle import (
    DEFAULT_BUNDLE,
    ENCODER,
    LABEL_ENCODER,
    VOCABULARY,
    read_manifest,
)
from training.errors import UserError
from training.models.dual_encoder import DualEncoder
from training.models.joint_model import JointModel

if TYPE_CHECKING:
    from training.cli import Subparsers

Arrays = dict[str, npt.NDArray[np.float32]]

RIDGE = 1e-3
"""Penalty of the label projection, for unit vectors."""

POLE_WEIGHT = 100.0
"""Of a pole of valence or arousal among the terms: their four vectors are read as they stand."""

log = logging.getLogger(__name__)


def add_parser(subparsers: Subparsers) -> None:
    """Adds `restore` to the command line."""
    parser = subparsers.add_parser("restore", description=__doc__)
    parser.add_argument("--bundle", type=Path, default=DEFAULT_BUNDLE, help="an int8 bundle")
    parser.add_argument(
        "--backbone",
        default="sentence-transformers/all-MiniLM-L6-v2",
        help="folder or hub name of the encoder that the bundle was trained from",
    )
    parser.add_argument("--output", type=Path, default=Path("runs/restored"))
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Restores, and says where the checkpoint lies."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    manifest = read_manifest(arguments.bundle)
    model = restore(arguments.bundle, arguments.backbone)
    model.save(arguments.output, {"bundle": f"{manifest.name} {manifest.version}"})
    log.info("Checkpoint: %s", arguments.output)
    return 0


def restore(bundle: Path, backbone: str) -> JointModel:
    """Makes a joint model of a bundle's int8 weights.

    What rounding to int8 took stays lost (a logit differs by about what it does between the
    bundle's own two forms). A bundle of one network does not hold the projection of its frozen
    label tower: that is fitted to the vectors of the vocabulary, by ridge regression on what the
    frozen encoder makes of the bare terms.

    Args:
        bundle: An int8 bundle of one network, as `training export` writes it.
        backbone: Folder or hub name of the encoder that it was trained from: the frozen label
            tower, and the shape of the other.

    Returns:
        The model, which reads labels bare, as in training.

    Raises:
        UserError: If the bundle is of another kind, or the backbone not the one of it.
    """
    manifest = read_manifest(bundle)
    if LABEL_ENCODER in manifest.files:
        raise UserError(f"{bundle}: has a label network of its own; restore reads one network")
    weights = read_weights(bundle / ENCODER)
    start = DualEncoder.from_backbone(
        backbone,
        dimension=len(weights["projection.bias"]),
        temperature=manifest.space.temperature,
    )
    model = JointModel.from_dual_encoder(
        start, manifest.labels, pooling="attention", max_length=manifest.window.max_tokens
    )
    tensors = {name: torch.from_numpy(values.copy()) for name, values in weights.items()}
    try:
        model.tower().load_state_dict(tensors)
    except RuntimeError as error:
        raise UserError(f"{bundle}: not of the shape of {backbone}: {error}") from None
    with np.load(bundle / VOCABULARY) as vocabulary:
        terms = [*vocabulary["terms"].tolist(), *manifest.space.valence, *manifest.space.arousal]
        vectors = np.concatenate([vocabulary["vectors"], vocabulary["axes"]]).astype(np.float32)
    _fit_label_projection(model.space, terms, torch.from_numpy(vectors), poles=4)
    return model.eval()


@torch.no_grad()
def _fit_label_projection(
    space: DualEncoder, terms: list[str], vectors: Tensor, poles: int
) -> None:
    """Fits the label projection to unit vectors (terms, dimension), the last `poles` closely."""
    features = space.label_features(terms).double()
    importance = torch.ones(len(terms), 1, dtype=torch.float64)
    importance[-poles:] = POLE_WEIGHT
    padded = torch.cat([features, torch.ones_like(importance)], dim=1)
    gram = padded.T @ (importance * padded) + RIDGE * torch.eye(padded.shape[1]).double()
    solution = torch.linalg.solve(gram, padded.T @ (importance * vectors.double()))
    projection = space.label_tower.projection
    projection.weight.copy_(solution[:-1].T)
    projection.bias.copy_(solution[-1])


def read_weights(path: Path) -> Arrays:
    """Reads an int8 encoder's weights under the names that torch gives them.

    The optimiser fuses the three matrices of attention into one, and stores the others transposed
    under names of its own; what they are is told by the operators that read them.

    Args:
        path: An encoder.onnx of `export.quantize`.

    Returns:
        Arrays by parameter of `TwoHeadModel`.

    Raises:
        UserError: If the file is no such encoder.
    """
    graph = onnx.load(str(path)).graph
    stored = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    quantized = [name for name in stored if name.endswith("_quantized")]
    if not quantized:
        raise UserError(f"{path}: not in int8; float32 bundles have their checkpoint beside them")
    real = {name[: -len("_quantized")]: _real(stored, name) for name in quantized}
    weights = {name: stored[name] for name in stored if name.endswith((".weight", ".bias"))}
    weights |= {name: real[name] for name in real if "embeddings" in name}
    for node in graph.node:
        if node.op_type == "QAttention":
            layer = node.output[0].split("/self/")[0].strip("/").replace("/", ".") + ".self"
            matrix, bias = real[_bare(node.input[1])], stored[node.input[2]]
            for number, part in enumerate(("query", "key", "value")):
                weights[f"{layer}.{part}.weight"] = np.split(matrix, 3, axis=1)[number].T
                weights[f"{layer}.{part}.bias"] = np.split(bias, 3)[number]
        elif node.op_type == "MatMulInteger":
            layer = node.output[0].split("/MatMul")[0].split("/Gemm")[0].strip("/")
            weights[f"{layer.replace('/', '.')}.weight"] = real[_bare(node.input[1])].T
    return weights


def _bare(name: str) -> str:
    return name[: -len("_quantized")]


def _real(stored: Arrays, name: str) -> npt.NDArray[np.float32]:
    bare = _bare(name)
    zero, scale = stored[f"{bare}_zero_point"], stored[f"{bare}_scale"]
    return ((stored[name].astype(np.float32) - zero) * scale).astype(np.float32)
