from __future__ import annotations

import pytest

from emotion_component.dialogue import InputError, Turn, parse_context


def test_turns_and_mappings_are_read_alike() -> None:
    given = [Turn("user", "hi"), {"role": "bot", "text": "hello"}]
    assert parse_context(given) == (Turn("user", "hi"), Turn("bot", "hello"))
    assert parse_context(None) == ()


@pytest.mark.parametrize(
    ("context", "message"),
    [
        ("hi", "context: expected a list of turns"),
        ({"role": "user", "text": "hi"}, "context: expected a list of turns"),
        (["hi"], r"context\[0\]: each turn must be"),
        ([{"role": "user"}], r"context\[0\]: each turn must be"),
        ([{"role": "user", "text": "a", "time": 1}], r"context\[0\]: each turn must be"),
        ([Turn("user", "a"), {"role": "agent", "text": "a"}], r"context\[1\]: role: .*'agent'"),
        ([{"role": "user", "text": None}], r"context\[0\]: text: .*got NoneType"),
    ],
)
def test_a_bad_context_is_named(context: object, message: str) -> None:
    with pytest.raises(InputError, match=message):
        parse_context(context)
