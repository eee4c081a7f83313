from __future__ import annotations

from typing import Any, Optional

import pytest
from rasa.core.policies.policy import PolicyPrediction
from rasa.engine.graph import ExecutionContext, GraphSchema
from rasa.engine.storage.resource import Resource
from rasa.shared.core.domain import Domain
from rasa.shared.core.events import (
    ActionExecuted,
    BotUttered,
    Event,
    Restarted,
    SessionStarted,
    UserUtteranceReverted,
    UserUttered,
)
from rasa.shared.core.trackers import DialogueStateTracker
from rasa.shared.exceptions import InvalidConfigException

from emotion_component.rasa_policy import EmotionPolicy

DOMAIN = """
version: "3.1"
intents: [ask_joke, complain]
entities: [emotion, emotion_group]
responses:
  utter_handover: [{text: handover}]
  utter_no_joke: [{text: no}]
"""
HANDOVER = {"emotions": ["anger", "fear"], "turns": 2, "action": "utter_handover"}
NO_JOKE = {
    "emotions": ["sadness"],
    "turns": 3,
    "at_least": 1,
    "intents": ["ask_joke"],
    "action": "utter_no_joke",
}


def make_policy(**options: object) -> EmotionPolicy:
    config = {**EmotionPolicy.get_default_config(), **options}
    context = ExecutionContext(GraphSchema({}))
    return EmotionPolicy.create(config, None, Resource("policy"), context)


def user(emotion: Optional[str], intent: str = "complain", group: str = "negative") -> UserUttered:
    entities = [
        {"entity": "emotion", "value": emotion},
        {"entity": "emotion_group", "value": group},
    ]
    return UserUttered("...", {"name": intent}, entities if emotion else [])


def turn(*args: object, **kwargs: object) -> list[Event]:
    return [
        user(*args, **kwargs),
        ActionExecuted("utter_x"),
        BotUttered("x"),
        ActionExecuted("action_listen"),
    ]


def choice(events: list[Event], *rules: dict[str, Any]) -> Optional[str]:
    domain = Domain.from_yaml(DOMAIN)
    tracker = DialogueStateTracker.from_events(
        "someone", [ActionExecuted("action_listen"), *events]
    )
    prediction = make_policy(rules=list(rules)).predict_action_probabilities(tracker, domain)
    assert isinstance(prediction, PolicyPrediction)
    assert prediction.policy_priority == 7
    if prediction.max_confidence == 0:
        return None
    assert prediction.max_confidence == 1
    return domain.action_names_or_texts[prediction.max_confidence_index]


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        ([], None),
        ([user("anger")], None),
        ([*turn("anger"), user("anger")], "utter_handover"),
        ([*turn("anger"), user("fear")], "utter_handover"),
        ([*turn("anger"), user("neutral")], None),
        ([*turn("anger"), *turn("joy"), user("anger")], None),
        ([*turn("anger"), *turn(None), user("fear")], "utter_handover"),
        ([*turn("anger"), SessionStarted(), user("anger")], None),
        ([*turn("anger"), Restarted(), user("anger")], None),
        ([*turn("anger")[:2], UserUtteranceReverted(), user("anger")], "utter_handover"),
    ],
)
def test_two_turns_in_a_row(events: list[Event], expected: Optional[str]) -> None:
    assert choice(events, HANDOVER) == expected


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        ([user("neutral", "ask_joke")], None),
        ([user("sadness", "ask_joke")], "utter_no_joke"),
        ([user("sadness")], None),
        ([*turn("sadness"), user("neutral", "ask_joke")], "utter_no_joke"),
        ([*turn("sadness"), *turn("joy"), user("joy", "ask_joke")], "utter_no_joke"),
        ([*turn("sadness"), *turn("joy"), *turn("joy"), user("joy", "ask_joke")], None),
    ],
)
def test_one_turn_among_the_last(events: list[Event], expected: Optional[str]) -> None:
    assert choice(events, HANDOVER, NO_JOKE) == expected


def test_it_listens_after_its_action() -> None:
    events = [
        *turn("anger"),
        user("fear"),
        ActionExecuted("utter_handover"),
        BotUttered("handover"),
    ]
    assert choice(events, HANDOVER) == "action_listen"


def test_it_does_not_interrupt_the_actions_of_others() -> None:
    assert choice([*turn("anger"), user("fear"), ActionExecuted("utter_x")], HANDOVER) is None


def test_once_a_session() -> None:
    once = {**HANDOVER, "once": True}
    handed_over = [*turn("anger"), user("fear"), ActionExecuted("utter_handover")]
    assert choice(handed_over, once) == "action_listen"
    assert choice([*handed_over, ActionExecuted("action_listen"), user("anger")], once) is None
    assert choice([*handed_over, Restarted(), *turn("anger"), user("anger")], once) is not None


def test_groups_count_too() -> None:
    rule = {"emotions": ["negative"], "action": "utter_handover"}
    assert choice([user("remorse")], rule) == "utter_handover"
    assert choice([user("joy", group="positive")], rule) is None


def test_the_first_rule_decides() -> None:
    angry = {"emotions": ["anger"], "action": "utter_no_joke"}
    events = [*turn("anger"), user("anger")]
    assert choice(events, HANDOVER, angry) == "utter_handover"
    assert choice(events, angry, HANDOVER) == "utter_no_joke"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "option 'rules': expected a list of at least one rule"),
        ({"rules": [HANDOVER], "priorty": 8}, "unknown option 'priorty'"),
        ({"rules": [HANDOVER], "priority": "high"}, "option 'priority': expected a whole number"),
        ({"rules": ["handover"]}, "rules[0]: expected a mapping"),
        ({"rules": [HANDOVER, {**HANDOVER, "turn": 2}]}, "rules[1]: unknown key 'turn'"),
        ({"rules": [{**HANDOVER, "emotions": "anger"}]}, "rules[0]: 'emotions': expected"),
        ({"rules": [{**HANDOVER, "emotions": []}]}, "rules[0]: 'emotions': expected"),
        ({"rules": [{"emotions": ["anger"]}]}, "rules[0]: 'action': expected"),
        ({"rules": [{**HANDOVER, "turns": 0}]}, "rules[0]: 'turns': expected"),
        ({"rules": [{**HANDOVER, "at_least": 3}]}, "rules[0]: 'at_least': expected"),
        ({"rules": [{**HANDOVER, "intents": "ask_joke"}]}, "rules[0]: 'intents': expected"),
        ({"rules": [{**HANDOVER, "once": "yes"}]}, "rules[0]: 'once': expected true or false"),
    ],
)
def test_a_wrong_option_is_named_with_its_fix(options: dict[str, Any], message: str) -> None:
    with pytest.raises(InvalidConfigException) as caught:
        make_policy(**options)
    assert str(caught.value).startswith(f"EmotionPolicy: {message}")


@pytest.mark.parametrize(
    ("domain", "message"),
    [
        (DOMAIN.replace("[emotion, emotion_group]", "[emotion_group]"), "no entity 'emotion'"),
        (
            DOMAIN.replace("utter_no_joke", "utter_no"),
            "action 'utter_no_joke' is not in the domain",
        ),
        (DOMAIN.replace("ask_joke", "joke"), "intent 'ask_joke' is not in the domain"),
    ],
)
def test_training_checks_the_rules_against_the_domain(domain: str, message: str) -> None:
    policy = make_policy(rules=[HANDOVER, NO_JOKE])
    assert policy.train([], Domain.from_yaml(DOMAIN)) == Resource("policy")
    with pytest.raises(InvalidConfigException, match=message):
        policy.train([], Domain.from_yaml(domain))
