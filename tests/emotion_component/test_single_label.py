"""A bundle in whose label set just one label applies: softmax in place of sigmoids."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from emotion_component import EmotionModel
from emotion_component.bundle import DEFAULT_BUNDLE, MANIFEST, read_manifest, write_manifest

TEXTS = ["thank you so much!", "why is that?", "I am furious"]


@pytest.fixture(scope="module")
def make_bundle(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., EmotionModel]:
    def make(**changes: object) -> EmotionModel:
        folder = tmp_path_factory.mktemp("single") / "bundle"
        shutil.copytree(DEFAULT_BUNDLE, folder, copy_function=os.link)
        manifest = read_manifest(folder)
        (folder / MANIFEST).unlink()  # a link to the shipped file
        write_manifest(folder, replace(manifest, single_label=True, **changes))
        return EmotionModel.load(folder, threads=1)

    return make


@pytest.fixture(scope="module")
def single(make_bundle: Callable[..., EmotionModel]) -> EmotionModel:
    return make_bundle(thresholds=(0.0,) * 28)


def test_scores_are_the_softmax_of_the_calibrated_logits(single: EmotionModel) -> None:
    manifest = single.manifest
    for text in TEXTS:
        logits = single.encode([text]).logits[0]
        curve = np.array(manifest.calibration_bends) * np.log1p(np.exp(-logits))
        straight = logits * manifest.calibration_scales + manifest.calibration_biases
        exponentials = np.exp(straight + curve)
        expected = exponentials / exponentials.sum()
        found = list(single.predict(text).scores.values())
        assert found == pytest.approx(expected.tolist(), abs=1e-4)
        assert sum(found) == pytest.approx(1, abs=2e-3)  # each is rounded to four digits


def test_the_strongest_label_alone_is_present(single: EmotionModel) -> None:
    for result in single.predict_batch(TEXTS):
        assert result.labels == {result.label: result.score}
        assert result.score == max(result.scores.values())
    assert single.predict(TEXTS[0], thresholds=1.01).labels == {}


def test_a_message_without_words_is_neutral_though_no_label_is(
    make_bundle: Callable[..., EmotionModel],
) -> None:
    labels = tuple(f"label {number}" for number in range(28))
    result = make_bundle(labels=labels).predict("  ")
    assert (result.label, result.score, result.labels) == ("neutral", 1.0, {"neutral": 1.0})
    assert set(result.scores.values()) == {0.0}


def test_a_bundle_that_says_nothing_of_it_is_multi_label() -> None:
    assert read_manifest(DEFAULT_BUNDLE).single_label is False
