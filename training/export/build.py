"""Checkpoint to bundle: float32 and int8 ONNX, vocabulary, calibration, scores."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from scipy.special import logit
from sklearn.metrics import f1_score
from torch import nn

from emotion_component import EmotionModel
from emotion_component import bundle as bundles
from emotion_component.calibration import calibrated_logits
from emotion_component.dialogue import Turn
from emotion_component.json_lines import Message
from emotion_component.tokens import MessageTokenizer, pad
from training.export import calibrate
from training.export.calibrate import Bools, Floats
from training.export.graph import LABEL_INPUTS, TEXT_INPUTS, export_onnx
from training.export.parity import Parity, check_parity
from training.export.quantize import quantize
from training.export.recipe import ExportRecipe
from training.export.vocabulary import frequent_descriptors, write_vocabulary
from training.models.joint_model import JointModel
from training.models.two_heads import OwnLabelTower
from training.readers.data_folder import find_file
from training.readers.rows import read_rows

logger = logging.getLogger(__name__)

RANGE_MESSAGES = 500

LabelledTexts = tuple[list[str], Bools]


def read_labelled(path: Path, labels: tuple[str, ...]) -> LabelledTexts:
    """Returns the texts of a file and which of `labels` each has, (texts, labels)."""
    rows = read_rows(path)
    present = np.array([[label in row["labels"] for label in labels] for row in rows])
    return [row["text"] for row in rows], present


def _first_manifest(recipe: ExportRecipe, model: JointModel) -> bundles.Manifest:
    """The manifest before anything is measured: scores are plain sigmoids."""
    window, labels, space = recipe.window, model.labels, model.space.config
    count = len(labels)
    return bundles.Manifest(
        name=recipe.name,
        version=recipe.version,
        labels=labels,
        thresholds=(0.5,) * count,
        calibration_scales=(1.0,) * count,
        calibration_biases=(0.0,) * count,
        window=bundles.Window(
            max_tokens=window.max_tokens,
            message_tokens=window.message_tokens,
            context_turns=window.context_turns,
            role_prefixes={"user": window.user_prefix, "bot": window.bot_prefix},
        ),
        space=bundles.EmotionSpace(
            temperature=space.temperature,
            match_scale=1.0 / space.temperature,
            match_bias=0.0,
            valence=recipe.vocabulary.valence,
            arousal=recipe.vocabulary.arousal,
            axis_scales=(1.0, 1.0),
            label_template=space.label_template,
        ),
        training=recipe.training,
    )


def write_float32(
    recipe: ExportRecipe, model: JointModel, folder: Path, data: Path | None
) -> Parity:
    """Writes the uncalibrated bundle in float32, and checks it against torch.

    Args:
        recipe: What the bundle is made of.
        model: The trained model.
        folder: The bundle to write.
        data: The data folder.

    Returns:
        The largest differences between torch and ONNX.
    """
    folder.mkdir(parents=True, exist_ok=True)
    text = model.tower().eval()
    label: nn.Module = OwnLabelTower(text) if recipe.one_tower else model.space.label_tower
    export_onnx(text, folder / bundles.ENCODER, TEXT_INPUTS, ("logits", "embedding"))
    if not recipe.one_tower:
        export_onnx(label, folder / bundles.LABEL_ENCODER, LABEL_INPUTS, ("embedding",))
    model.space.tokenizer.tokenizer.save(str(folder / bundles.TOKENIZER), pretty=False)
    manifest = _first_manifest(recipe, model)
    known = recipe.vocabulary
    frequent = frequent_descriptors(find_file(known.descriptors, data), known.times)
    write_vocabulary(
        folder / bundles.VOCABULARY,
        label,
        model.space.label_tower,
        MessageTokenizer.of_bundle(folder, manifest),
        sorted({*model.labels, *frequent}),
        (*known.valence, *known.arousal),
    )
    bundles.write_manifest(folder, manifest)
    return check_parity(text, label, folder)


def write_int8(source: Path, target: Path, messages: Sequence[Message]) -> None:
    """Writes the int8 form of a float32 bundle.

    Args:
        source: The float32 bundle.
        target: The bundle to write.
        messages: Typical messages, for the ranges of the activations.
    """
    target.mkdir(parents=True, exist_ok=True)
    manifest = bundles.read_manifest(source)
    for name in (bundles.TOKENIZER, bundles.VOCABULARY):
        shutil.copy(source / name, target / name)
    tokenizer = MessageTokenizer.of_bundle(target, manifest)
    feeds = [pad([tokenizer.encode(m.text, m.context)]) for m in messages]
    quantize(source / bundles.ENCODER, target / bundles.ENCODER, feeds)
    if bundles.LABEL_ENCODER in manifest.files:
        with np.load(source / bundles.VOCABULARY) as vocabulary:
            terms = vocabulary["terms"].tolist()
        labels = [pad([tokenizer.encode_label(term)]) for term in terms[:RANGE_MESSAGES]]
        label_feeds = [{name: feed[name] for name in LABEL_INPUTS} for feed in labels]
        quantize(source / bundles.LABEL_ENCODER, target / bundles.LABEL_ENCODER, label_feeds)
    bundles.write_manifest(target, manifest)


def typical_messages(dev: LabelledTexts, dialogues: Path) -> list[Message]:
    """Returns messages without context from `dev` and with context from contrast groups."""
    alone = [Message(text, ()) for text in dev[0][:RANGE_MESSAGES]]
    groups = read_rows(dialogues)[:RANGE_MESSAGES]
    cases = [(group["utterance"], group["cases"][0]["turns"]) for group in groups]
    return alone + [Message(text, tuple(Turn(*turn) for turn in turns)) for text, turns in cases]


def calibrate_bundle(folder: Path, dev: LabelledTexts) -> None:
    """Fits scores, thresholds and axes of a bundle on labelled texts, and rewrites its manifest.

    Thresholds are chosen on the plain sigmoids and carried through the calibration, which keeps
    their order.

    Args:
        folder: A bundle that is not yet calibrated.
        dev: Texts and which labels they have; never the texts that scores are reported on.
    """
    model = EmotionModel.load(folder)
    texts, present = dev
    encoded = model.encode(texts)
    columns = range(len(model.labels))
    fits = np.array([calibrate.beta_scale(encoded.logits[:, i], present[:, i]) for i in columns])
    scales, biases, bends = fits.round(4).T
    plain = calibrate.sigmoid(encoded.logits)
    logit_limits = logit(calibrate.shrunk_thresholds(plain, present))
    thresholds = calibrate.sigmoid(calibrated_logits(logit_limits, scales, biases, bends))
    similarities = (encoded.embeddings @ model.label_vectors(model.labels).T).ravel()
    match_scale, match_bias = calibrate.platt_scale(similarities, present.ravel(), balanced=True)
    poles = encoded.embeddings @ model.axis_vectors.T
    valence, arousal = (calibrate.axis_scale(poles[:, i] - poles[:, i + 1]) for i in (0, 2))
    bundles.write_manifest(
        folder,
        replace(
            model.manifest,
            thresholds=tuple(thresholds.round(4).tolist()),
            calibration_scales=tuple(scales.tolist()),
            calibration_biases=tuple(biases.tolist()),
            calibration_bends=tuple(bends.tolist()),
            space=replace(
                model.manifest.space,
                match_scale=round(match_scale, 4),
                match_bias=round(match_bias, 4),
                axis_scales=(round(valence, 4), round(arousal, 4)),
            ),
        ),
    )


def macro_f1(folder: Path, texts: LabelledTexts) -> float:
    """Returns the macro-F1 of a bundle's classifier over all labels, with its own thresholds."""
    model = EmotionModel.load(folder)
    results = model.predict_batch(texts[0])
    predicted: Floats = np.array([[label in r.labels for label in model.labels] for r in results])
    return float(f1_score(texts[1], predicted, average="macro"))


def build(
    recipe: ExportRecipe, checkpoint: Path, output: Path, data: Path | None
) -> dict[str, float]:
    """Makes `output`/float32 and `output`/int8 and measures both.

    Args:
        recipe: What the bundle is made of.
        checkpoint: Folder of a joint model.
        output: Made if missing.
        data: The data folder.

    Returns:
        Parity of ONNX with torch, and test macro-F1 and encoder size of both bundles.
    """
    float32, int8 = output / "float32", output / "int8"
    # Everything is read before any work, so that a missing file costs no time.
    model = JointModel.load(checkpoint)
    names = (find_file(name, data) for name in (recipe.dev, recipe.test))
    dev, test = (read_labelled(name, model.labels) for name in names)
    messages = typical_messages(dev, find_file(recipe.dialogues, data))
    logger.info("Exporting %s", checkpoint)
    parity = write_float32(recipe, model, float32, data)
    write_int8(float32, int8, messages)
    report = {"parity_logits": parity.logits, "parity_embedding": parity.embedding}
    for name, folder in (("float32", float32), ("int8", int8)):
        logger.info("Calibrating and measuring %s", name)
        calibrate_bundle(folder, dev)
        report[f"test_macro_f1_{name}"] = round(macro_f1(folder, test), 4)
        report[f"encoder_megabytes_{name}"] = (folder / bundles.ENCODER).stat().st_size / 1e6
    scores = {
        "GoEmotions test, 28 classes, macro-F1, thresholds from dev": {
            name: report[f"test_macro_f1_{name}"] for name in ("float32", "int8")
        }
    }
    for folder in (float32, int8):
        bundles.write_manifest(folder, replace(bundles.read_manifest(folder), scores=scores))
    return report
