"""What the bot answers, and why: the three patterns, over REST."""

from __future__ import annotations

from typing import Any

import pytest
import yaml


def policies(conversation: Any) -> list[tuple[str, str]]:
    """Returns the actions after the user's last message, with the policies that chose them."""
    events = conversation.tracker()["events"]
    last = max(i for i, event in enumerate(events) if event["event"] == "user")
    return [
        (event["name"], event["policy"].split("_")[-1])
        for event in events[last:]
        if event["event"] == "action" and event["name"] != "action_listen"
    ]


@pytest.mark.parametrize(
    ("name", "text", "actions"),
    [
        ("plain", "the lamp arrived broken", ["utter_take_complaint"]),
        ("angry", "the lamp arrived broken and I am furious", ["utter_calm_down_complaint"]),
        ("refund", "please refund order 48213", ["utter_confirm_refund"]),
        (
            "fearful-refund",
            "I'm scared that my money is gone, please refund order 48213",
            ["utter_money_is_safe", "utter_confirm_refund"],
        ),
    ],
)
def test_pattern_1_a_rule_with_a_condition(
    server: Any, name: str, text: str, actions: list[str]
) -> None:
    conversation = server.conversation(f"pattern-1-{name}")
    conversation.say(text)
    assert policies(conversation) == [(action, "RulePolicy") for action in actions]


@pytest.mark.parametrize(
    ("emotion", "text", "beginning"),
    [
        ("neutral", "48213", "Order 48213"),
        ("fear", "I'm scared that order 48213 got lost. Where is it?", "Don't worry"),
        ("excitement", "I'm so excited, when does order 48213 arrive?", "Not long now!"),
    ],
)
def test_pattern_2_an_answer_worded_by_emotion(
    server: Any, emotion: str, text: str, beginning: str
) -> None:
    conversation = server.conversation(f"pattern-2-{emotion}")
    answers = conversation.say(text)
    assert conversation.slot("emotion") == emotion
    assert [answer.startswith(beginning) for answer in answers] == [True]
    assert policies(conversation) == [("utter_order_status", "RulePolicy")]


def test_pattern_3_two_angry_turns_hand_over(server: Any) -> None:
    conversation = server.conversation("pattern-3-anger")
    conversation.say("the lamp arrived broken and I am furious")
    conversation.say("I hate this, I am so angry!")
    assert policies(conversation) == [("utter_handover_at_once", "EmotionPolicy")]
    conversation.say("I am so angry!")
    assert policies(conversation) == [("utter_acknowledge_feeling", "RulePolicy")]


def test_pattern_3_grief_drops_the_jokes(server: Any) -> None:
    conversation = server.conversation("pattern-3-grief")
    conversation.say("Tell me a joke!")
    assert policies(conversation) == [("utter_joke", "RulePolicy")]
    conversation.say("my mother died last week and I miss her so much")
    conversation.say("Tell me a joke!")
    assert policies(conversation) == [("utter_no_joke", "EmotionPolicy")]


def test_yes_answers_the_question_whatever_is_felt(server: Any) -> None:
    conversation = server.conversation("refund")
    conversation.say("I'm scared that my money is gone, I want it back")
    conversation.say("48213")
    assert policies(conversation) == [("utter_confirm_refund", "RulePolicy")]
    conversation.say("yes, please!")
    assert policies(conversation) == [("utter_refund_done", "RulePolicy")]
    conversation.say("no thanks")
    assert policies(conversation) == [("utter_goodbye", "RulePolicy")]


def test_nonsense_is_asked_about(server: Any) -> None:
    conversation = server.conversation("nonsense")
    conversation.say("qwrt zxcv lkjh")
    assert conversation.user_events()[-1]["parse_data"]["intent"]["name"] == "nlu_fallback"
    assert policies(conversation) == [("utter_default", "RulePolicy")]
    assert conversation.slot("emotion") == conversation.emotion()["label"]


def test_the_demo_shows_what_it_promises(bot: Any, server: Any) -> None:
    script = yaml.safe_load((bot.folder / "demo_script.yml").read_text())
    seen = []
    for i, part in enumerate(script["conversations"]):
        conversation = server.conversation(f"demo-{i}")
        for text in part["messages"]:
            assert conversation.say(text)
            seen.append((conversation.emotion()["label"], policies(conversation)[0][0]))
    assert seen == [
        ("joy", "utter_acknowledge_feeling"),
        ("joy", "utter_acknowledge_feeling"),
        ("curiosity", "utter_joke"),
        ("anger", "utter_calm_down_complaint"),
        ("annoyance", "utter_handover_at_once"),
        ("fear", "utter_order_status"),
        ("grief", "utter_acknowledge_feeling"),
        ("grief", "utter_no_joke"),
    ]
