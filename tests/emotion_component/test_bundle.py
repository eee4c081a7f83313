from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from emotion_component import BundleError, EmotionModel
from emotion_component.bundle import (
    DEFAULT_BUNDLE,
    ENCODER,
    LABEL_ENCODER,
    MANIFEST,
    REQUIRED_FILES,
    read_manifest,
    write_manifest,
)

FILES = (*REQUIRED_FILES, LABEL_ENCODER)


@pytest.fixture
def two_towers(bundle_copy: Path) -> Path:
    """A bundle with a network of its own for labels: here the text encoder once more."""
    manifest = read_manifest(bundle_copy)
    (bundle_copy / LABEL_ENCODER).write_bytes((bundle_copy / ENCODER).read_bytes())
    (bundle_copy / MANIFEST).unlink()
    write_manifest(bundle_copy, manifest)
    return bundle_copy


def replace_file(path: Path, content: bytes) -> None:
    path.unlink()  # the copy is a link to the shipped file
    path.write_bytes(content)


def edit_manifest(folder: Path, edit: Callable[[dict[str, Any]], object]) -> None:
    content = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    edit(content)
    replace_file(folder / MANIFEST, json.dumps(content).encode())


def test_a_bundle_survives_reading_and_writing(bundle_copy: Path) -> None:
    manifest = read_manifest(bundle_copy)
    (bundle_copy / MANIFEST).unlink()
    write_manifest(bundle_copy, manifest)
    assert read_manifest(bundle_copy) == manifest
    assert set(manifest.files) == set(REQUIRED_FILES)


def test_a_network_of_its_own_reads_labels(two_towers: Path) -> None:
    manifest = read_manifest(two_towers)
    assert set(manifest.files) == set(FILES)
    replace_file(two_towers / LABEL_ENCODER, b"not ONNX")
    (two_towers / MANIFEST).unlink()
    write_manifest(two_towers, manifest)
    model = EmotionModel.load(two_towers)
    assert model.rank("so sad", ["joy", "grief"], multi_label=False).label == "grief"
    with pytest.raises(BundleError, match=r"label_encoder\.onnx: onnxruntime .* cannot open it"):
        model.rank("so sad", ["a label that nobody knows"])


def test_no_bundle(tmp_path: Path) -> None:
    with pytest.raises(BundleError, match="no bundle here"):
        EmotionModel.load(tmp_path / "nowhere")


@pytest.mark.parametrize("name", FILES)
def test_a_missing_file(two_towers: Path, name: str) -> None:
    (two_towers / name).unlink()
    with pytest.raises(BundleError, match=f"{name}: missing"):
        EmotionModel.load(two_towers)


@pytest.mark.parametrize("name", FILES)
def test_a_truncated_file(two_towers: Path, name: str) -> None:
    replace_file(two_towers / name, (two_towers / name).read_bytes()[:-1])
    with pytest.raises(BundleError, match=f"{name}: truncated or changed"):
        EmotionModel.load(two_towers)


def test_a_tampered_file(bundle_copy: Path) -> None:
    content = bytearray((DEFAULT_BUNDLE / ENCODER).read_bytes())
    content[len(content) // 2] ^= 1
    replace_file(bundle_copy / ENCODER, bytes(content))
    with pytest.raises(BundleError, match="sha256 differs"):
        EmotionModel.load(bundle_copy)


def test_a_file_that_onnxruntime_cannot_open(bundle_copy: Path) -> None:
    manifest = read_manifest(bundle_copy)
    replace_file(bundle_copy / ENCODER, b"not ONNX")
    (bundle_copy / MANIFEST).unlink()
    write_manifest(bundle_copy, manifest)
    with pytest.raises(BundleError, match=r"encoder\.onnx: onnxruntime .* cannot open it"):
        EmotionModel.load(bundle_copy)


@pytest.mark.parametrize("version", [0, 2, "1", None])
def test_an_unknown_format_version(bundle_copy: Path, version: object) -> None:
    edit_manifest(bundle_copy, lambda content: content.update(format_version=version))
    with pytest.raises(BundleError, match=r"format_version .* reads version 1"):
        EmotionModel.load(bundle_copy)


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (lambda c: c.pop("labels"), "missing or unknown key: labels"),
        (lambda c: c.update(colour="red"), "missing or unknown key: colour"),
        (lambda c: c["window"].pop("max_tokens"), "window: missing or unknown key: max_tokens"),
        (lambda c: c.update(window=3), "window: expected an object"),
        (lambda c: c["thresholds"].pop(), "thresholds: expected one number for each label"),
        (lambda c: c.update(calibration_bends=[1.0]), "calibration_bends: expected one number"),
    ],
)
def test_a_manifest_that_says_too_little_or_too_much(
    bundle_copy: Path, edit: Callable[[dict[str, Any]], object], message: str
) -> None:
    edit_manifest(bundle_copy, edit)
    with pytest.raises(BundleError, match=message):
        EmotionModel.load(bundle_copy)


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff\xfe"])
def test_a_manifest_that_is_no_json_object(bundle_copy: Path, content: bytes) -> None:
    replace_file(bundle_copy / MANIFEST, content)
    with pytest.raises(BundleError, match=MANIFEST):
        EmotionModel.load(bundle_copy)
