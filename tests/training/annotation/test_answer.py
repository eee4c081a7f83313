"""Answers as models write them."""

from __future__ import annotations

import pytest

from training.distill.answer import NoDescriptors, read_descriptors
from training.llm.reply import Reply


@pytest.mark.parametrize(
    ("text", "descriptors"),
    [
        ("joy", ["joy"]),
        ("Joy, mild relief", ["Joy", "mild relief"]),
        ("joy, relief.", ["joy", "relief"]),
        ("Emotions: joy, relief", ["joy", "relief"]),
        ("The writer's emotions are:\n- joy\n- relief\n", ["joy", "relief"]),
        ("1. **Joy**\n2. *mild relief*", ["Joy", "mild relief"]),
        ("1) joy; 2) relief", ["joy", "relief"]),
        ("\"joy\", 'relief', “pride”", ["joy", "relief", "pride"]),
        ("[joy, relief]", ["joy", "relief"]),
        ("joy,, relief, ", ["joy", "relief"]),
        ("joy，relief、pride", ["joy", "relief", "pride"]),
        ("<think>The writer, it seems, is glad.</think>\n\njoy", ["joy"]),
        ("self-doubt, don't care, mother's pride", ["self-doubt", "don't care", "mother's pride"]),
        ("sorry, ashamed", ["sorry", "ashamed"]),
        ("neutral", ["neutral"]),
        ("喜び, joie\u00a0de vivre", ["喜び", "joie\u00a0de vivre"]),
        ("joy, \ufffd, rel\x00ief", ["joy"]),
    ],
)
def test_descriptors_are_found(text: str, descriptors: list[str]) -> None:
    assert read_descriptors(Reply(text, finish_reason="stop")) == descriptors


@pytest.mark.parametrize(
    ("reply", "reason"),
    [
        (Reply("I'm sorry, but I can't assist with that."), "refusal"),
        (Reply("I’m sorry, I won’t label this."), "refusal"),
        (Reply("Sorry, I cannot do that"), "refusal"),
        (Reply("I cannot identify emotions here."), "refusal"),
        (Reply("As an AI language model, I do not judge."), "refusal"),
        (Reply("Unfortunately, I am not able to."), "refusal"),
        (Reply("<think>Hm.</think>I can't help with that."), "refusal"),
        (Reply("", refusal="no"), "refusal"),
        (Reply("joy", finish_reason="content_filter"), "refusal"),
        (Reply("joy, reli", finish_reason="length"), "cut off"),
        (Reply("<think>The writer seems", finish_reason="length"), "cut off"),
        (Reply("<think>The writer seems"), "empty"),
        (Reply(""), "empty"),
        (Reply(" \n"), "empty"),
        (Reply("-, 1., 😀, ..."), "no words"),
        (Reply("jo\ufffd, j\x14oy"), "no words"),
    ],
)
def test_no_descriptors_for_a_reason(reply: Reply, reason: str) -> None:
    with pytest.raises(NoDescriptors, match=f"^{reason}$"):
        read_descriptors(reply)
