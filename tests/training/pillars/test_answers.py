"""The parsers of the six steps, on the ways in which models write."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from training.errors import UserError
from training.llm.reply import Reply
from training.pillars.actors import read_actors
from training.pillars.answer import Rejected
from training.pillars.cleaning import read_cleaned
from training.pillars.context import read_context
from training.pillars.rewriting import read_rewritten
from training.pillars.soft_labels import read_soft_labels
from training.pillars.step import Material
from training.pillars.taxonomy import Taxonomy, load_taxonomy
from training.pillars.utterances import read_utterances
from training.readers.benchmarks import PUBLISHED

CONFIG = Path(__file__).parents[3] / "config" / "training"
NARRATIVE = "Ida Marsh, a baker, hires Tom. The old miller and the Finch brothers owe Ida flour."


@pytest.fixture(scope="module")
def material() -> Material:
    taxonomy = load_taxonomy(CONFIG.parent / "labels/goemotions.yaml", CONFIG / "label_mapping.yaml")
    return Material({"mill": NARRATIVE}, taxonomy)


def outcome(found: Any) -> tuple[list[dict[str, Any]], Counter[str]]:
    """Records kept, and rejections by reason."""
    kept: list[dict[str, Any]] = []
    reasons: Counter[str] = Counter()
    try:
        for one in found:
            if isinstance(one, Rejected):
                reasons[one.reason] += 1
            else:
                kept.append(one)
    except Rejected as why:
        reasons[why.reason] += 1
    return kept, reasons


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


IDA = {"id": "mill/1", "narrative": "mill", "actor": "Ida", "role": "the baker"}


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


SAID = {**IDA, "id": "mill/1/1", "emotion": "anger", "text": "You never paid me for the flour!"}


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


CONTEXT = "Ida stands in the bakery. The Finch brothers took ten sacks of flour and left."


@pytest.mark.parametrize(
    "answer",
    [
        CONTEXT,
        f'"{CONTEXT}"',
        f"Context: {CONTEXT}",
        f"**Context:**\n{CONTEXT}",
        f"Sure, here is the context:\n\n{CONTEXT}",
        f"Here is the context of the utterance: {CONTEXT}",
        f"<think>Which moment?</think>{CONTEXT}",
        f"Here's the context:\n{CONTEXT}",
        CONTEXT.replace(". ", ".\n"),
    ],
)
def test_a_context_is_read_without_what_is_around_it(answer: str, material: Material) -> None:
    kept, reasons = outcome(read_context(Reply(answer), SAID, material))
    assert [example["context"] for example in kept] == [CONTEXT]
    assert "context_reasoning" not in kept[0]
    assert not reasons


@pytest.mark.parametrize(
    "note",
    [
        "\n\nNote: I left out her mood.",
        "\n\n(Note: I left out her mood.)",
        " (Note: I left out her mood.)",
        "\n\nI have removed what tells her mood.",
        "\nThis context does not tell her mood.",
        "\n\n**Explanation:** the mood is left out.",
    ],
)
def test_notes_are_kept_apart(note: str, material: Material) -> None:
    kept, _ = outcome(read_context(Reply(CONTEXT + note), SAID, material))
    assert kept[0]["context"] == CONTEXT
    assert "mood" in kept[0]["context_reasoning"]


def test_a_colon_makes_no_introduction(material: Material) -> None:
    answer = "Here in the bakery Ida has one rule: Nobody leaves without paying for the flour."
    assert outcome(read_context(Reply(answer), SAID, material))[0][0]["context"] == answer


def test_contexts_that_cannot_be_used(material: Material) -> None:
    def reasons(answer: str, finish_reason: str = "stop") -> list[str]:
        reply = Reply(answer, finish_reason=finish_reason)
        return list(outcome(read_context(reply, SAID, material))[1])

    assert reasons("In the bakery.") == ["too short"]
    assert reasons(f"{CONTEXT} You never paid me for the flour!") == ["tells the utterance"]
    assert reasons("Ida stands in the bakery and", "length") == ["too short"]
    assert reasons("") == ["empty"]
    assert reasons("1234 .") == ["no words"]
    assert reasons("a \ufffd\ufffd noise of a model that is random") == ["no words"]
    assert reasons("I'm sorry, but I cannot assist with that request.") == ["refusal"]
    assert reasons("As an AI language model, I do not take part in plots.") == ["refusal"]
    assert reasons(CONTEXT, "content_filter") == ["refusal"]


def test_a_context_cut_off_keeps_its_whole_sentences(material: Material) -> None:
    reply = Reply(f"{CONTEXT} She looks at the", finish_reason="length")
    assert outcome(read_context(reply, SAID, material))[0][0]["context"] == CONTEXT


IN_CONTEXT = {**SAID, "context": CONTEXT}


def test_cleaning_keeps_both_contexts(material: Material) -> None:
    answer = "Cleaned text: Ida stands in the bakery.\n\nChanges made: the brothers are gone."
    kept, _ = outcome(read_cleaned(Reply(answer), IN_CONTEXT, material))
    assert kept[0]["context"] == "Ida stands in the bakery."
    assert kept[0]["full_context"] == CONTEXT
    assert kept[0]["cleaning_reasoning"] == "Changes made: the brothers are gone."


def test_cleaning_neither_adds_nor_breaks_off(material: Material) -> None:
    def reasons(answer: str, finish_reason: str = "stop") -> list[str]:
        reply = Reply(answer, finish_reason=finish_reason)
        return list(outcome(read_cleaned(reply, IN_CONTEXT, material))[1])

    assert reasons(f"{CONTEXT} She is about to run after them.") == ["longer than before"]
    assert reasons("Ida stands in the bakery", "length") == ["cut off"]
    assert reasons("Nothing to remove.") == ["too short"]


@pytest.mark.parametrize(
    "answer",
    [
        '"The flour was not free."',
        "The flour was not free.",
        'Rewritten utterance: "The flour was not free."',
        'Ida says: "The flour was not free."',
        "**Rewritten:** The flour was not free.",
        'Here is the rewritten utterance:\n\n"The flour was not free."',
        "“The flour was not free.”",
    ],
)
def test_a_rewritten_utterance_is_read(answer: str, material: Material) -> None:
    kept, reasons = outcome(read_rewritten(Reply(answer), IN_CONTEXT, material))
    assert [example["rewritten"] for example in kept] == ["The flour was not free."]
    assert "rewriting_reasoning" not in kept[0]
    assert not reasons


@pytest.mark.parametrize(
    "answer",
    [
        '"The flour was not free."\n\nThis version drops the accusation.',
        '"The flour was not free." (the accusation is gone)',
        "The flour was not free.\n\nThe accusation is gone.",
    ],
)
def test_what_stands_beside_the_rewritten_utterance_is_kept(
    answer: str, material: Material
) -> None:
    kept, _ = outcome(read_rewritten(Reply(answer), IN_CONTEXT, material))
    assert kept[0]["rewritten"] == "The flour was not free."
    assert "accusation" in kept[0]["rewriting_reasoning"]


def test_rewritten_utterances_that_cannot_be_used(material: Material) -> None:
    def reasons(answer: str, finish_reason: str = "stop") -> list[str]:
        reply = Reply(answer, finish_reason=finish_reason)
        return list(outcome(read_rewritten(reply, IN_CONTEXT, material))[1])

    assert reasons("My anger is about the flour.") == ["names the emotion"]
    assert reasons("The flour was", "length") == ["cut off"]
    assert reasons("word " * 30) == ["longer than before"]
    assert reasons('"..."') == ["no words"]
    # An utterance may say sorry; a refusal is about the task.
    assert reasons("I'm sorry, but the flour was not free.") == []
    assert reasons("I can't provide for two bakeries.") == []
    assert reasons('"I cannot help with that flour."') == []
    assert reasons("I am sorry, but I can't help with rewriting that.") == ["refusal"]


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
