"""Answers of real models to the first steps: actors and utterances, well and badly written."""

from __future__ import annotations

import pytest

from tests.training.pillars.mill import IDA, outcome
from training.llm.reply import Reply
from training.pillars.actors import read_actors
from training.pillars.step import Material
from training.pillars.utterances import read_utterances


@pytest.mark.parametrize(
    "answer",
    [
        "1. Ida Marsh - the baker\n2. Tom - her new hand",
        "1) Ida Marsh: the baker\n2) Tom: her new hand",
        "- **Ida Marsh** – the baker\n- **Tom** – her new hand",
        "* Ida Marsh (the baker)\n* Tom (her new hand)",
        "Here are the actors:\n\n1. Ida Marsh, the baker\n2. Tom, her new hand",
        "Ida Marsh - the baker\nTom - her new hand",
        "**1. Ida Marsh** - the baker.\n**2. Tom** - her new hand.",
        "<think>Ida is the baker.\n1. Nobody</think>\n"
        "(1) Ida Marsh — the baker\n(2) Tom — her new hand",
        '1. "Ida Marsh" - the baker\n2. "Tom" - her new hand',
    ],
)
def test_actors_are_read_however_they_are_listed(answer: str, material: Material) -> None:
    kept, reasons = outcome(read_actors(Reply(answer), {"id": "mill"}, material))
    assert kept == [
        {"id": "mill/1", "narrative": "mill", "actor": "Ida Marsh", "role": "the baker"},
        {"id": "mill/2", "narrative": "mill", "actor": "Tom", "role": "her new hand"},
    ]
    assert not reasons


def test_actors_between_commas(material: Material) -> None:
    kept, _ = outcome(read_actors(Reply("Ida, Tom, and the old miller"), {"id": "mill"}, material))
    assert [actor["actor"] for actor in kept] == ["Ida", "Tom", "the old miller"]


def test_what_is_no_actor_is_told(material: Material) -> None:
    answer = (
        "1. Ida - baker\n2. ida - baker\n3. Count Orlok - vampire\n"
        "4. The miller who owes everyone in the village a lot\nI hope this helps!\n5. Tom - ha"
    )
    reply = Reply(answer, finish_reason="length")
    kept, reasons = outcome(read_actors(reply, {"id": "mill"}, material))
    assert [actor["actor"] for actor in kept] == ["Ida"]
    assert reasons == {"repeated": 1, "not in the narrative": 1, "prose": 2, "cut off": 1}


def test_no_more_than_fifteen_actors(material: Material) -> None:
    words = " ".join(f"person{n}" for n in range(17))
    crowd = Material({"mill": words}, material.taxonomy)
    answer = "\n".join(f"{n + 1}. person{n} - someone" for n in range(17))
    kept, reasons = outcome(read_actors(Reply(answer), {"id": "mill"}, crowd))
    assert len(kept) == 15
    assert reasons == {"too many": 2}


@pytest.mark.parametrize(
    "answer",
    [
        '1. anger: "You never paid me!"\n2. neutral: "We open at six."',
        '1. Anger - "You never paid me!"\n2. Neutral - "We open at six."',
        '1. **Anger**: "You never paid me!"\n2. **Neutral**: "We open at six."',
        "1. **Anger:** You never paid me!\n2. **Neutral:** We open at six.",
        '1. [anger] "You never paid me!"\n2. [neutral] "We open at six."',
        '1. "You never paid me!" (anger)\n2. "We open at six." (neutral)',
        '1. "You never paid me!" - anger\n2. "We open at six." - neutral',
        "- Anger: “You never paid me!”\n- Neutral: “We open at six.”",
        'Anger: "You never paid me!"\nNeutral 1: "We open at six."',
        '1. Anger:\n"You never paid me!"\n\n2. Neutral:\n"We open at six."',
        "Emotion: anger\nUtterance: You never paid me!\n\n"
        "Emotion: neutral\nUtterance: We open at six.",
        '1. Emotion: Anger\n   - Utterance: "You never paid me!"\n'
        '2. Emotion: Neutral\n   - Utterance: "We open at six."',
        '1. Emotion: anger, Utterance: "You never paid me!"\n'
        '2. Emotion: neutral, Utterance: "We open at six."',
        'Here are the utterances:\n\n1. Anger "You never paid me!"\n2. Neutral "We open at six."',
        '1. Anger: (slamming the door) "You never paid me!"\n2. Neutral: *nods* We open at six.',
        "1. anger: 'You never paid me!'\n2. neutral: 'We open at six.'",
        '1. Utterance 1 (Anger): "You never paid me!"\n2. Utterance 2 (Neutral): "We open at six."',
        '1. Anger: "You never paid me!"\n2. Neutral (1): "We open at six."',
        "### 1. Anger\nYou never paid me!\n### 2. Neutral\nWe open at six.",
    ],
)
def test_utterances_are_read_however_they_are_written(answer: str, material: Material) -> None:
    kept, reasons = outcome(read_utterances(Reply(answer), IDA, material))
    assert [(u["emotion"], u["text"]) for u in kept] == [
        ("anger", "You never paid me!"),
        ("neutral", "We open at six."),
    ]
    assert [u["id"] for u in kept] == ["mill/1/1", "mill/1/2"]
    assert kept[0]["actor"] == "Ida"
    assert not any("reasoning" in u for u in kept)
    assert not reasons


def test_original_label_and_reasoning_are_kept(material: Material) -> None:
    answer = (
        '1. Blind rage: "You!" (she has been cheated)\n'
        '2. Worry (the flour is late): "Where are they?"\n'
        '3. "That is that." [contentment: all is sold]'
    )
    kept, reasons = outcome(read_utterances(Reply(answer), IDA, material))
    assert [(u["emotion"], u["original_label"], u["reasoning"]) for u in kept] == [
        ("anger", "Blind rage", "she has been cheated"),
        ("nervousness", "Worry", "the flour is late"),
        ("approval", "contentment", "all is sold"),
    ]
    assert not reasons


def test_what_is_no_utterance_is_told(material: Material) -> None:
    answer = (
        'I wrote these.\n1. joy: "Good."\n2. happiness: "Fine."\n3. hunger: "Bread!"\n'
        '4. just words without any label\n5. fear: "..."\n6. relief: "Good."\n'
        '7. neutral: "One."\n8. neutral: "Two."\n9. neutral: "Three."\n10. pride: "My be'
    )
    kept, reasons = outcome(read_utterances(Reply(answer, finish_reason="length"), IDA, material))
    assert [u["text"] for u in kept] == ["Good.", "One.", "Two."]
    assert reasons == {
        "prose": 1,
        "repeated emotion": 2,
        "unknown label": 1,
        "no label": 1,
        "no utterance": 1,
        "repeated utterance": 1,
        "cut off": 1,
    }
