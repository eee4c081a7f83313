from __future__ import annotations

from emotion_component.text import MAX_CHARACTERS, normalise, spell_emoji


def test_lone_surrogates_become_the_replacement_character() -> None:
    assert normalise("a\ud800b") == "a\ufffdb"
    assert normalise("a\udc00") == "a\ufffd"


def test_surrogate_pairs_are_joined() -> None:
    assert normalise("\ud83d\ude02") == "\U0001f602"


def test_long_text_is_cut_and_other_text_is_untouched() -> None:
    assert normalise("x" * 20_000) == "x" * MAX_CHARACTERS
    assert normalise("שלום — olá") == "שלום — olá"


def test_emoji_are_spelled_without_their_modifiers() -> None:
    assert spell_emoji("\U0001f44d\U0001f3fd!").split() == ["thumbs", "up", "sign", "!"]
    assert spell_emoji("\u2764\ufe0f").split() == ["heavy", "black", "heart"]
