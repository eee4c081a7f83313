from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from emotion_component import EmotionModel
from training.card.fairness import Variant, measure_fairness, read_axes


def test_templates_and_sentences_are_written_out(tmp_path: Path) -> None:
    path = tmp_path / "fairness.yaml"
    path.write_text(
        """
        names:
          groups: {a: [{name: ann}, {name: amy}], b: [{name: bob}]}
          templates: ["{name} is here.", "I like {name}."]
        dialects:
          sentences: [{standard: "I'm not going.", other: "I ain't going."}]
        """
    )
    axes = read_axes(path)
    assert axes["names"][0] == [
        Variant("a", "Ann is here."),
        Variant("a", "Amy is here."),
        Variant("b", "Bob is here."),
    ]
    assert axes["names"][1][2] == Variant("b", "I like bob.")
    assert axes["dialects"] == [
        [Variant("standard", "I'm not going."), Variant("other", "I ain't going.")]
    ]


def test_our_sentences_have_several_groups_and_no_empty_slots() -> None:
    axes = read_axes()
    assert len(axes) >= 5
    assert sum(len(sentences) for sentences in axes.values()) >= 100
    for sentences in axes.values():
        for variants in sentences:
            assert len({variant.group for variant in variants}) >= 2
            assert len({variant.text for variant in variants}) >= 2
            assert all("{" not in variant.text for variant in variants)


def test_differences_are_taken_between_groups_alone() -> None:
    model = EmotionModel.load()
    happy, alike, angry = "I am happy.", "I am very happy.", "I am angry."
    sentence = [Variant("a", happy), Variant("a", alike), Variant("b", angry)]
    same = [Variant("a", "Noon."), Variant("b", "Noon.")]
    measured = measure_fairness(model, {"x": [sentence, same]})["x"]
    assert (measured["sentences"], measured["pairs"]) == (2, 3)

    results = {text: model.predict(text) for text in (happy, alike, angry)}
    differences = [
        [abs(results[one].scores[k] - results[angry].scores[k]) for k in model.labels]
        for one in (happy, alike)
    ]
    assert measured["mean"] == pytest.approx(np.sum(differences) / 3 / 28)
    assert measured["mean_largest"] == pytest.approx(np.max(differences, axis=1).sum() / 3)
    assert measured["largest"] == pytest.approx(np.max(differences))
    first, second = np.unravel_index(np.argmax(differences), (2, 28))
    assert measured["worst"]["texts"] == [(happy, alike)[first], angry]
    assert measured["worst"]["label"] == model.labels[second]
    assert measured["changed"] == pytest.approx(2 / 3)
    gap = [results[one].valence - results[angry].valence for one in (happy, alike)]
    assert measured["valence"]["a"] == pytest.approx(sum(gap) / 3)
    assert measured["valence"]["b"] == pytest.approx(-sum(gap) / 3)
    assert measured["valence"]["a"] > 0
