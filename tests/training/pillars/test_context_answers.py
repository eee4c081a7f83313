"""Answers that are contexts or rewritten utterances, well and badly written."""

from __future__ import annotations

import pytest

from tests.training.pillars.mill import SAID, outcome
from training.llm.reply import Reply
from training.pillars.cleaning import read_cleaned
from training.pillars.context import read_context
from training.pillars.rewriting import read_rewritten
from training.pillars.step import Material

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
