"""The bundle: the folder that training hands to the runtime, and nothing else does.

bundle.json          what the other files are, how to read their numbers, their hashes
encoder.onnx         tokens -> class logits and a vector of the emotion space
label_encoder.onnx   tokens of a label -> a vector of the emotion space; where it is missing,
                     encoder.onnx reads labels too
tokenizer.json       text -> tokens, for both
vocabulary.npz       `terms` and their `vectors`, encoded once; `axes`: the four poles of valence
                     and arousal
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import MISSING, asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any, Union

FORMAT_VERSION = 1
MANIFEST = "bundle.json"
ENCODER = "encoder.onnx"
LABEL_ENCODER = "label_encoder.onnx"
TOKENIZER = "tokenizer.json"
VOCABULARY = "vocabulary.npz"
REQUIRED_FILES = (ENCODER, TOKENIZER, VOCABULARY)

DEFAULT_BUNDLE = Path(__file__).with_name("default_bundle")


class BundleError(ValueError):
    """A bundle that cannot be used; the text names the file or key and the fix."""


@dataclass(frozen=True)
class Window:
    """What of a conversation the encoder reads.

    Attributes:
        max_tokens: Tokens of context and message together, special tokens included.
        message_tokens: Tokens of a message without context, special tokens included.
        context_turns: Earlier turns read unless the caller says otherwise.
        role_prefixes: What leads a turn of each role ("user", "bot") in the context segment.
    """

    max_tokens: int
    message_tokens: int
    context_turns: int
    role_prefixes: Mapping[str, str]


@dataclass(frozen=True)
class EmotionSpace:
    """How to read cosine similarities between messages and labels.

    Attributes:
        temperature: Divides similarities before the softmax over a single-label set.
        match_scale: With `match_bias`, turns a similarity into the probability that a label
            applies, if it is as likely to as not: sigmoid(match_scale * similarity + match_bias).
        match_bias: See `match_scale`.
        valence: The labels of the pleasant and the unpleasant pole; their vectors are rows 0 and
            1 of the vocabulary's `axes`.
        arousal: The labels of the activated and the calm pole; rows 2 and 3.
        axis_scales: Valence and arousal are tanh(scale * difference of the two similarities).
        label_template: What the label encoder reads for a label, with {label} in it.
    """

    temperature: float
    match_scale: float
    match_bias: float
    valence: tuple[str, str]
    arousal: tuple[str, str]
    axis_scales: tuple[float, float]
    label_template: str = "{label}"


@dataclass(frozen=True)
class Manifest:
    """The content of bundle.json.

    Attributes:
        name: Name of the model.
        version: Version of the weights.
        labels: The classifier's labels, in the order of the logits.
        thresholds: Score from which each label counts as present.
        calibration_scales: One a label; see `calibration.calibrated_logits`, whose sigmoid is the
            score.
        calibration_biases: One a label.
        window: What of a conversation is read.
        space: How to read the emotion space.
        calibration_bends: One a label; 0 if left out.
        single_label: Whether just one of the labels applies: scores are then the softmax of the
            calibrated logits over all labels, and sum to 1.
        training: Data, licences, recipe: for people.
        scores: Measured scores of these very files: for people.
        files: sha256 of every other file of the bundle.
    """

    name: str
    version: str
    labels: tuple[str, ...]
    thresholds: tuple[float, ...]
    calibration_scales: tuple[float, ...]
    calibration_biases: tuple[float, ...]
    window: Window
    space: EmotionSpace
    calibration_bends: tuple[float, ...] = ()
    single_label: bool = False
    training: Mapping[str, Any] = field(default_factory=dict)
    scores: Mapping[str, Any] = field(default_factory=dict)
    files: Mapping[str, str] = field(default_factory=dict)


def _build(kind: Any, content: object, path: str) -> Any:  # noqa: ANN401 - any dataclass
    """Makes the dataclass `kind` of a JSON object, refusing missing and unknown keys."""
    if not isinstance(content, dict):
        raise BundleError(f"{path}: expected an object")
    known = {f.name for f in fields(kind)}
    required = {f.name for f in fields(kind) if f.default is MISSING}
    if not required <= set(content) <= known:
        odd = ", ".join(sorted((required - set(content)) | (set(content) - known)))
        raise BundleError(f"{path}: missing or unknown key: {odd}; export the bundle again")
    return kind(**{k: tuple(v) if isinstance(v, list) else v for k, v in content.items()})


def _parse_manifest(content: object) -> Manifest:
    if not isinstance(content, dict):
        raise BundleError(f"{MANIFEST}: expected an object")
    version = content.pop("format_version", None)
    if version != FORMAT_VERSION:
        raise BundleError(
            f"{MANIFEST}: format_version {version!r}; this release of emotion-component reads "
            f"version {FORMAT_VERSION}: install a matching release or export the bundle again"
        )
    content["window"] = _build(Window, content.get("window"), f"{MANIFEST}: window")
    content["space"] = _build(EmotionSpace, content.get("space"), f"{MANIFEST}: space")
    manifest: Manifest = _build(Manifest, content, MANIFEST)
    bends = manifest.calibration_bends or (0.0,) * len(manifest.labels)
    manifest = replace(manifest, calibration_bends=bends)
    for name in ("thresholds", "calibration_scales", "calibration_biases", "calibration_bends"):
        if len(getattr(manifest, name)) != len(manifest.labels):
            raise BundleError(f"{MANIFEST}: {name}: expected one number for each label")
    return manifest


def file_hash(path: Path) -> str:
    """Returns the sha256 of a file, in hexadecimal."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def read_manifest(folder: Union[str, Path]) -> Manifest:
    """Reads bundle.json and checks that every file is there and unchanged.

    Args:
        folder: The bundle.

    Returns:
        The manifest.

    Raises:
        BundleError: If the folder, a file or a key is missing, the format version is unknown, or
            a file's hash differs from the manifest's.
    """
    folder = Path(folder)
    path = folder / MANIFEST
    if not path.is_file():
        raise BundleError(f"{folder}: no bundle here ({MANIFEST} is missing); check the path")
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise BundleError(f"{path}: not valid JSON ({error}); fetch the bundle again") from None
    manifest = _parse_manifest(content)
    for name in sorted({*REQUIRED_FILES, *manifest.files}):
        if not (folder / name).is_file():
            raise BundleError(f"{folder / name}: missing; fetch the bundle again")
        if file_hash(folder / name) != manifest.files.get(name):
            raise BundleError(
                f"{folder / name}: truncated or changed since it was made (sha256 differs from "
                f"{MANIFEST}); fetch the bundle again"
            )
    return manifest


def write_manifest(folder: Union[str, Path], manifest: Manifest) -> None:
    """Writes bundle.json beside the bundle's other files, with their hashes.

    Args:
        folder: The bundle; its other files must be there.
        manifest: The content; its `files` is replaced.
    """
    folder = Path(folder)
    content = {"format_version": FORMAT_VERSION, **asdict(manifest)}
    files = [*REQUIRED_FILES, *([LABEL_ENCODER] if (folder / LABEL_ENCODER).is_file() else [])]
    content["files"] = {name: file_hash(folder / name) for name in sorted(files)}
    text = json.dumps(content, indent=2, ensure_ascii=False)
    (folder / MANIFEST).write_text(text + "\n", encoding="utf-8")
