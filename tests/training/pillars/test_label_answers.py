"""Answers that are soft labels, and the mapping of labels outside the taxonomy."""

from __future__ import annotations

import pytest

from tests.training.pillars.mill import SAID, outcome
from training.errors import UserError
from training.llm.reply import Reply
from training.pillars.soft_labels import read_soft_labels
from training.pillars.step import Material
from training.pillars.taxonomy import Taxonomy
from training.readers.benchmarks import PUBLISHED


@pytest.mark.parametrize(
    "answer",
    [
        "anger: 0.9\ndisapproval: 0.6\nsadness: 0.3",
        "1. Anger: 0.9\n2. Disapproval: 0.6\n3. Sadness: 0.1",
        "- **anger**: 0.9\n- **disapproval**: 0.6",
        "**anger:** 0.9\n**disapproval:** 0.6",
        "1. anger (0.9)\n2. disapproval (0.6)",
        "Anger - 0.9\nDisapproval – 0.6",
        "anger 0.9\ndisapproval .6",
        "anger: 0,9\ndisapproval: 0,6",
        "anger: 90%\ndisapproval: 60 %",
        "anger: 9/10\ndisapproval: 6 out of 10",
        "anger: 0.9, disapproval: 0.6, sadness: 0.2",
        "anger = 0.9; disapproval = 0.6",
        "Sure! The emotions are:\n1. Anger: level 0.91\n2. Disapproval: level 0.58",
        '"anger": 0.9,\n"disapproval": 0.6',
        "[anger]: 0.9\n[disapproval]: 0.6",
    ],
)
def test_levels_are_read_however_they_are_written(answer: str, material: Material) -> None:
    kept, reasons = outcome(read_soft_labels(Reply(answer), SAID, material))
    assert [example["labels"] for example in kept] == [{"anger": 0.9, "disapproval": 0.6}]
    assert kept[0].keys() == {*SAID, "labels"}
    assert not reasons


def test_labels_are_mapped_and_their_notes_kept(material: Material) -> None:
    answer = (
        "1. Anger: 0.8 (she shouts)\n2. Frustration: 0.5 - she waited long\n3. Hunger: 0.4\n"
        "4. disgust\n5. fear: 1.5\n6. irritation: 0.4\nThe speaker feels cheated."
    )
    kept, reasons = outcome(read_soft_labels(Reply(answer), SAID, material))
    assert kept[0]["labels"] == {"anger": 0.8, "annoyance": 0.5}
    assert kept[0]["label_notes"] == {
        "anger": {"reasoning": "she shouts"},
        "annoyance": {"original_label": "Frustration", "reasoning": "she waited long"},
    }
    assert kept[0]["label_reasoning"] == "The speaker feels cheated."
    assert reasons == {
        "unknown label": 1,
        "missing level": 1,
        "level out of range": 1,
        "repeated emotion": 1,
    }


def test_no_more_than_five_labels(material: Material) -> None:
    answer = "anger: 0.9\nfear: 0.8\ngrief: 0.7\nlove: 0.6\npride: 0.5\njoy: 0.4"
    kept, reasons = outcome(read_soft_labels(Reply(answer), SAID, material))
    assert list(kept[0]["labels"]) == ["anger", "fear", "grief", "love", "pride"]
    assert reasons == {"too many": 1}


@pytest.mark.parametrize("answer", ["joy: 0.9", "anger: 0.3\njoy: 0.9", "anger\njoy: 0.9", "7"])
def test_without_the_primary_emotion_an_example_is_rejected(
    answer: str, material: Material
) -> None:
    kept, reasons = outcome(read_soft_labels(Reply(answer), SAID, material))
    assert not kept
    assert reasons.total() >= 1


@pytest.mark.parametrize(
    ("label", "emotion"),
    [
        ("Anger", "anger"),
        ("rage", "anger"),
        ("anger/disgust", "anger"),
        ("Mild irritation", "annoyance"),
        ("hunger and relief", "relief"),
        ("fear of loss", "fear"),
        ("self-consciousness", "embarrassment"),
        ("no emotion", "neutral"),
        ("not angry", None),
        ("hunger", None),
        ("", None),
    ],
)
def test_labels_outside_the_taxonomy(label: str, emotion: str | None, material: Material) -> None:
    assert material.taxonomy.resolve(label) == emotion


def test_the_emotions_are_those_of_goemotions(material: Material) -> None:
    assert set(material.taxonomy.definitions) == set(PUBLISHED["goemotions"].labels)


def test_a_mapping_with_mistakes_is_told() -> None:
    with pytest.raises(UserError, match="'hunger' is not among"):
        Taxonomy({"joy": "pleasure"}, {"hunger": ["starving"]})
    with pytest.raises(UserError, match="'glad' comes twice"):
        Taxonomy({"joy": "pleasure", "relief": "ease"}, {"joy": ["glad"], "relief": ["glad"]})
