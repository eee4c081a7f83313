from __future__ import annotations

from dataclasses import replace

import pytest

from emotion_component import EmotionModel, Turn
from emotion_component.bundle import DEFAULT_BUNDLE, TOKENIZER, Window
from emotion_component.tokens import MessageTokenizer, pad

WINDOW = Window(
    max_tokens=20,
    message_tokens=12,
    context_turns=2,
    role_prefixes={"user": "user: ", "bot": "bot: "},
)


@pytest.fixture(scope="module")
def tokenizer() -> MessageTokenizer:
    return MessageTokenizer(DEFAULT_BUNDLE / TOKENIZER, WINDOW)


def ids(tokenizer: MessageTokenizer, text: str) -> list[int]:
    return tokenizer.encode(text).message_ids[:-1]


def test_without_context_there_is_one_segment(tokenizer: MessageTokenizer) -> None:
    message = tokenizer.encode("thank you")
    feeds = pad([message])
    assert len(message.context_ids) == 1
    assert feeds["token_type_ids"].tolist() == [[0, 0, 0, 0]]
    assert feeds["pooling_mask"].tolist() == [[1, 1, 1, 1]]


def test_with_context_only_the_message_and_its_separator_are_pooled(
    tokenizer: MessageTokenizer,
) -> None:
    message = tokenizer.encode("thank you", [Turn("bot", "here")])
    feeds = pad([message, tokenizer.encode("a b c d e f g")])
    # [CLS] bot : here [SEP] | thank you [SEP]; the other row has no context.
    assert feeds["token_type_ids"].tolist() == [[0, 0, 0, 0, 0, 1, 1, 1, 0], [0] * 9]
    assert feeds["pooling_mask"].tolist() == [[0, 0, 0, 0, 0, 1, 1, 1, 0], [1] * 9]
    assert feeds["attention_mask"].tolist() == [[1] * 8 + [0], [1] * 9]


def test_roles_are_marked_oldest_first(tokenizer: MessageTokenizer) -> None:
    turns = [Turn("user", "hi"), Turn("bot", "hello")]
    context = tokenizer.encode("ok", turns).context_ids
    assert context[1:-1] == ids(tokenizer, "user: hi bot: hello")


def test_only_the_last_turns_are_read(tokenizer: MessageTokenizer) -> None:
    turns = [Turn("user", "one"), Turn("bot", "two"), Turn("user", "three")]
    assert tokenizer.encode("ok", turns) == tokenizer.encode("ok", turns[1:])
    assert tokenizer.encode("ok", turns, 1) == tokenizer.encode("ok", turns[2:])
    assert tokenizer.encode("ok", turns, 0) == tokenizer.encode("ok")


def test_the_oldest_context_goes_first(tokenizer: MessageTokenizer) -> None:
    turns = [Turn("user", "a b c d e f g h i j"), Turn("bot", "k l m")]
    message = tokenizer.encode("yes it is", turns)
    whole = ids(tokenizer, "l m")
    assert message.truncated
    assert len(message) == WINDOW.max_tokens
    assert message.message_ids[:-1] == ids(tokenizer, "yes it is")
    assert message.context_ids[1:-1][-2:] == whole


def test_the_message_goes_last(tokenizer: MessageTokenizer) -> None:
    long = " ".join("abcdefghijklmnopqrstuvwxyz")
    message = tokenizer.encode(long, [Turn("bot", "hello")])
    assert message.truncated
    assert len(message.context_ids) == 1
    assert message.message_ids[:-1] == ids(
        MessageTokenizer(DEFAULT_BUNDLE / TOKENIZER, replace(WINDOW, message_tokens=19)), long
    )


def test_nothing_is_cut_that_fits(tokenizer: MessageTokenizer) -> None:
    assert not tokenizer.encode("a b c d e f g h i j").truncated
    assert tokenizer.encode("a b c d e f g h i j k").truncated


def test_emoji_alone_are_spelled_out(tokenizer: MessageTokenizer) -> None:
    assert ids(tokenizer, "\U0001f621") == ids(tokenizer, "pouting face")
    assert ids(tokenizer, "hm \U0001f621") != ids(tokenizer, "hm pouting face")


def test_labels_read_underscores_as_spaces(model: EmotionModel) -> None:
    tokenizer = MessageTokenizer(DEFAULT_BUNDLE / TOKENIZER, model.manifest.window)
    assert tokenizer.encode_label("order_anger") == tokenizer.encode_label("order anger")


def test_a_label_is_read_in_its_phrase() -> None:
    phrase = MessageTokenizer(DEFAULT_BUNDLE / TOKENIZER, WINDOW, "a feeling of {label}")
    bare = MessageTokenizer(DEFAULT_BUNDLE / TOKENIZER, WINDOW)
    assert phrase.encode_label("order_anger") == bare.encode_label("a feeling of order anger")
    braces = "{label}"  # a label is never a template itself
    assert phrase.encode_label(braces) == bare.encode_label("a feeling of {label}")
