from __future__ import annotations

import pytest

from emotion_component import EmotionModel
from emotion_component.labels import coarse_label, coarse_labels


@pytest.mark.parametrize("label_set", ["groups", "ekman"])
def test_every_label_of_the_bundle_has_its_place(model: EmotionModel, label_set: str) -> None:
    reached = {coarse_label(label, label_set) for label in model.labels}
    assert reached == set(coarse_labels(label_set))


def test_known_places() -> None:
    assert coarse_label("grief") == "negative"
    assert coarse_label("curiosity") == "ambiguous"
    assert coarse_label("annoyance", "ekman") == "anger"
    assert coarse_label("neutral", "ekman") == "neutral"


def test_a_label_of_another_set_is_ambiguous_or_neutral() -> None:
    assert coarse_label("schadenfreude") == "ambiguous"
    assert coarse_label("schadenfreude", "ekman") == "neutral"
