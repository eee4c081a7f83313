"""A checkpoint of `taco train` becomes a bundle: `python -m training taco export`.

Writes `float32/` and `int8/`, calibrated on dev and measured on test through the runtime, and
report.json. The labels' vectors are computed once: the classifier's last layer holds them.
"""

from __future__ import annotations

import argparse
import json
import logging
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional
from transformers import BertModel

from emotion_component import EmotionModel
from emotion_component import bundle as bundles
from emotion_component.json_lines import Message
from training.errors import UserError
from training.export import calibrate
from training.export.build import RANGE_MESSAGES, write_int8
from training.export.calibrate import Floats
from training.export.graph import LABEL_INPUTS, TEXT_INPUTS, export_onnx
from training.export.parity import Parity, check_parity
from training.models.single_label_classifier import SingleLabelClassifier
from training.models.two_heads import LabelTower, PooledHead, TwoHeadModel
from training.readers.data_folder import data_folder
from training.readers.example import Example
from training.recipe import load_recipe
from training.taco.data import read_single_label
from training.taco.export_recipe import Axes, TacoExportRecipe
from training.taco.scores import Ints, measure

if TYPE_CHECKING:
    from training.cli import Subparsers

log = logging.getLogger(__name__)

POLES = {"valence": ("pleasant", "unpleasant"), "arousal": ("activated", "calm")}


def add_parser(subparsers: Subparsers) -> None:
    """Adds `export` to the command line."""
    parser = subparsers.add_parser("export", description=__doc__)
    parser.add_argument("--recipe", required=True, type=Path)
    parser.add_argument("--checkpoint", required=True, type=Path, help="a run's folder `model`")
    parser.add_argument("--data", type=Path, help="folder of the data files")
    parser.add_argument("--output", required=True, type=Path)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Exports, measures, and says where the bundle lies."""
    logging.basicConfig(level=logging.ERROR, format="%(message)s")
    logging.getLogger("training").setLevel(logging.INFO)
    recipe = load_recipe(arguments.recipe, TacoExportRecipe)
    classifier = SingleLabelClassifier.load(arguments.checkpoint, attention="eager")
    labels = classifier.config.labels
    _check(classifier, recipe.axes)
    data = data_folder(arguments.data)
    dev, test = (
        read_single_label(source, labels, data, "the checkpoint")
        for source in (recipe.dev, recipe.test)
    )
    report = build(recipe, classifier, dev, test, arguments.output)
    text = json.dumps(report, indent=2) + "\n"
    (arguments.output / "report.json").write_text(text, encoding="utf-8")
    log.info("%sBundle: %s (float32 beside it)", text, arguments.output / "int8")
    return 0


def _check(classifier: SingleLabelClassifier, axes: Axes) -> None:
    """Refuses, before any work, what cannot become a bundle."""
    config = classifier.config
    if config.head != "labels":
        raise UserError(
            "--checkpoint: its plain head has no vectors of labels, which a bundle needs; "
            "train with model.head=labels"
        )
    if config.backbone.get("model_type") != "bert":
        raise UserError(
            f"--checkpoint: its encoder is a {config.backbone.get('model_type')}; "
            "bundles are made of BERT encoders (MiniLM is one)"
        )
    for name in POLES:
        axis = getattr(axes, name)
        unknown = sorted({*axis.upper, *axis.lower} - set(config.labels))
        if unknown:
            raise UserError(
                f"axes.{name}: unknown label {unknown[0]!r}; known: {', '.join(config.labels)}"
            )


def build(
    recipe: TacoExportRecipe,
    classifier: SingleLabelClassifier,
    dev: Sequence[Example],
    test: Sequence[Example],
    output: Path,
) -> dict[str, Any]:
    """Makes `output`/float32 and `output`/int8 and measures both.

    Returns:
        Parity of ONNX with torch, and the test scores and encoder size of both bundles.
    """
    float32, int8 = output / "float32", output / "int8"
    parity = write_float32(recipe, classifier, float32)
    write_int8(float32, int8, [Message(example.text, ()) for example in dev[:RANGE_MESSAGES]])
    report: dict[str, Any] = {"parity": vars(parity), "test": {}, "encoder megabytes": {}}
    for name, folder in (("float32", float32), ("int8", int8)):
        log.info("Calibrating and measuring %s", name)
        calibrate_bundle(folder, dev)
        report["test"][name] = bundle_scores(folder, test)
        report["encoder megabytes"][name] = (folder / bundles.ENCODER).stat().st_size / 1e6
    scores = {f"test, {len(classifier.config.labels)} labels, one a text": report["test"]}
    for folder in (float32, int8):
        bundles.write_manifest(folder, replace(bundles.read_manifest(folder), scores=scores))
    return report


@torch.inference_mode()
def write_float32(
    recipe: TacoExportRecipe, classifier: SingleLabelClassifier, folder: Path
) -> Parity:
    """Writes the uncalibrated bundle in float32, and checks it against torch.

    Returns:
        The largest differences between torch and ONNX.
    """
    folder.mkdir(parents=True, exist_ok=True)
    text, label = towers(classifier)
    export_onnx(text, folder / bundles.ENCODER, TEXT_INPUTS, ("logits", "embedding"))
    export_onnx(label, folder / bundles.LABEL_ENCODER, LABEL_INPUTS, ("embedding",))
    classifier.tokenizer.tokenizer.save(str(folder / bundles.TOKENIZER), pretty=False)
    labels = classifier.config.labels
    vectors = functional.normalize(classifier.label_vectors(), dim=1)
    rows = {name: row for row, name in enumerate(labels)}
    poles = [
        vectors[[rows[name] for name in names]].mean(0)
        for axis in (recipe.axes.valence, recipe.axes.arousal)
        for names in (axis.upper, axis.lower)
    ]
    np.savez_compressed(
        folder / bundles.VOCABULARY,
        terms=np.array([name.replace("_", " ") for name in labels]),
        vectors=vectors.numpy().astype(np.float16),
        axes=functional.normalize(torch.stack(poles), dim=1).numpy().astype(np.float16),
    )
    bundles.write_manifest(folder, _first_manifest(recipe, classifier))
    return check_parity(text, label, folder)


def towers(classifier: SingleLabelClassifier) -> tuple[TwoHeadModel, LabelTower]:
    """Returns what the bundle computes of texts and of labels; the labels' vectors are fixed."""
    encoder = classifier.encoder
    assert isinstance(encoder, BertModel)
    vectors = classifier.label_vectors()
    scores = nn.Linear(vectors.shape[1], vectors.shape[0], bias=False)
    scores.weight = nn.Parameter(vectors)
    network = classifier.text_network
    head = PooledHead(classifier.pooling, nn.Sequential(network, scores))
    text = TwoHeadModel(encoder, head, classifier.pooling, network)
    label = LabelTower(encoder, classifier.pooling, classifier.label_network)
    return text.eval(), label.eval()


def _first_manifest(
    recipe: TacoExportRecipe, classifier: SingleLabelClassifier
) -> bundles.Manifest:
    """The manifest before anything is measured."""
    config, count = classifier.config, len(classifier.config.labels)
    return bundles.Manifest(
        name=recipe.name,
        version=recipe.version,
        labels=config.labels,
        thresholds=(0.0,) * count,
        calibration_scales=(1.0,) * count,
        calibration_biases=(0.0,) * count,
        window=bundles.Window(
            max_tokens=config.max_length,
            message_tokens=config.max_length,
            context_turns=recipe.context_turns,
            role_prefixes={"user": recipe.user_prefix, "bot": recipe.bot_prefix},
        ),
        space=bundles.EmotionSpace(
            temperature=1.0,
            match_scale=1.0,
            match_bias=0.0,
            valence=POLES["valence"],
            arousal=POLES["arousal"],
            axis_scales=(1.0, 1.0),
        ),
        single_label=True,
        training=recipe.training,
    )


def calibrate_bundle(folder: Path, dev: Sequence[Example]) -> None:
    """Fits the temperatures of scores and similarities and the axes, and rewrites the manifest.

    Args:
        folder: A bundle that is not yet calibrated.
        dev: Texts with one label each; never the texts that scores are reported on.
    """
    model = EmotionModel.load(folder)
    encoded = model.encode([example.text for example in dev])
    targets = _targets(model, dev)
    present = targets[:, None] == np.arange(len(model.labels))
    similarities: Floats = encoded.embeddings @ model.label_vectors(model.labels).T
    match = calibrate.platt_scale(similarities.ravel(), present.ravel(), balanced=True)
    poles = encoded.embeddings @ model.axis_vectors.T
    scales = [calibrate.axis_scale(poles[:, i] - poles[:, i + 1]) for i in (0, 2)]
    scale = round(calibrate.temperature_scale(encoded.logits, targets), 4)
    manifest = model.manifest
    space = replace(
        manifest.space,
        temperature=round(1 / calibrate.temperature_scale(similarities, targets), 4),
        match_scale=round(match[0], 4),
        match_bias=round(match[1], 4),
        axis_scales=(round(scales[0], 4), round(scales[1], 4)),
    )
    scales_of_labels = (scale,) * len(model.labels)
    bundles.write_manifest(
        folder, replace(manifest, calibration_scales=scales_of_labels, space=space)
    )


def bundle_scores(folder: Path, test: Sequence[Example]) -> dict[str, float]:
    """Returns accuracy, weighted-F1 and macro-F1 of a bundle, through the runtime."""
    model = EmotionModel.load(folder)
    results = model.predict_batch([example.text for example in test])
    scores = np.array([list(result.scores.values()) for result in results])
    return {name: round(value, 4) for name, value in measure(scores, _targets(model, test)).items()}


def _targets(model: EmotionModel, examples: Sequence[Example]) -> Ints:
    return np.array([model.labels.index(example.labels[0]) for example in examples])
