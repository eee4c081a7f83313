"""Each message is read with its own conversation's past, whoever else is talking."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from emotion_component import EmotionModel

# The bot of the interleaved conversations reads more turns than the bundle's own number, so that a
# turn too many, too few or of another conversation shows.
ATTENTIVE_TURNS = 6

# Three users who say the same thing at times, after different pasts.
SCRIPTS = {
    "angry": [
        "hello",
        "the vase arrived in pieces and I am furious",
        "And today of all days!",
        "you sent me the wrong item again",
        "I can't believe it",
        "where is order 48213?",
        "And today of all days!",
        "this is the worst shop ever",
        "I can't believe it",
        "bye",
    ],
    "happy": [
        "hi there",
        "I am so happy, we are getting married!",
        "And today of all days!",
        "I can't wait for order 50771, when does it come?",
        "I can't believe it",
        "tell me a joke",
        "And today of all days!",
        "thank you, you made my day",
        "I can't believe it",
        "bye",
    ],
    "grieving": [
        "good evening",
        "my father died last week",
        "And today of all days!",
        "the lamp was a present for him, I want a refund",
        "I can't believe it",
        "it is 31942",
        "And today of all days!",
        "yes",
        "I can't believe it",
        "bye",
    ],
}


@pytest.fixture(
    params=["attentive_server", "redis_server"], ids=["in memory", "redis, two workers"]
)
def attentive(request: pytest.FixtureRequest) -> Any:
    return request.getfixturevalue(request.param)


def scores(model: EmotionModel, text: str, past: list[dict[str, str]]) -> list[float]:
    return list(model.predict(text, past, context_turns=ATTENTIVE_TURNS).scores.values())


def test_thirty_interleaved_messages(attentive: Any, model: EmotionModel) -> None:
    conversations = {name: attentive.conversation(name) for name in SCRIPTS}
    pasts: dict[str, list[list[dict[str, str]]]] = {name: [] for name in SCRIPTS}
    with ThreadPoolExecutor(len(SCRIPTS)) as pool:
        for texts in zip(*SCRIPTS.values()):
            for name, conversation in conversations.items():
                pasts[name].append(list(conversation.turns))
            # The three at once; none before all the answers of the round before are there.
            list(pool.map(lambda c, text: c.say(text), conversations.values(), texts))

    for name, conversation in conversations.items():
        events = conversation.user_events()
        assert [event["text"] for event in events] == SCRIPTS[name]
        for i, event in enumerate(events):
            got = list(event["parse_data"]["emotion"]["scores"].values())
            assert got == pytest.approx(scores(model, event["text"], pasts[name][i]), abs=1e-4)
            for other in set(SCRIPTS) - {name} if i else ():
                wrong = scores(model, event["text"], pasts[other][i])
                assert max(abs(a - b) for a, b in zip(got, wrong)) > 3e-4


def test_redis_is_shared_by_two_workers(redis_server: Any) -> None:
    pid = redis_server.process.pid
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    commands = [Path(f"/proc/{child}/cmdline").read_text() for child in children]
    assert len([command for command in commands if "rasa" in command]) == 2


def test_the_past_decides_the_emotion(server: Any) -> None:
    happy, angry = server.conversation("happy-once"), server.conversation("angry-once")
    happy.say("I'm so happy, we are getting married!")
    angry.say("The vase arrived in pieces and I am furious!")
    answers = [conversation.say("And today of all days!") for conversation in (happy, angry)]
    told = [conversation.emotion()["label"] for conversation in (happy, angry)]
    assert told == ["joy", "annoyance"]
    assert [conversation.slot("emotion") for conversation in (happy, angry)] == told
    assert answers[0] != answers[1]


def test_restart_forgets(server: Any, model: EmotionModel) -> None:
    conversation = server.conversation("restarting")
    conversation.say("my father died last week")
    conversation.say("/restart")
    conversation.say("I can't believe it")
    assert conversation.emotion() == model.predict("I can't believe it").to_dict()


def test_an_expired_session_is_forgotten(server: Any, model: EmotionModel) -> None:
    conversation = server.conversation("returning")
    conversation.say("my father died last week")
    events = conversation.tracker()["events"]
    yesterday = [{**event, "timestamp": event["timestamp"] - 86_400} for event in events]
    path = f"/conversations/{conversation.name}/tracker/events"
    server.put(path, yesterday)
    conversation.say("I can't believe it")
    assert conversation.emotion() == model.predict("I can't believe it").to_dict()


def test_a_turn_taken_back_by_a_fallback_was_still_said(server: Any, model: EmotionModel) -> None:
    conversation = server.conversation("misunderstood")
    # Rasa starts a new session where no user turn is left.
    conversation.say("hello")
    conversation.say("my father died last week")
    path = f"/conversations/{conversation.name}/execute"
    server.post(path, {"name": "action_default_fallback"})
    assert any(event["event"] == "rewind" for event in conversation.tracker()["events"])
    apology = conversation.tracker()["events"][-2]
    assert apology["event"] == "bot"
    past = [*conversation.turns, {"role": "bot", "text": apology["text"]}]
    conversation.say("I can't believe it")
    expected = model.predict("I can't believe it", past).to_dict()
    assert conversation.emotion()["scores"] == pytest.approx(expected["scores"], abs=1e-4)
    assert conversation.emotion()["scores"] != model.predict("I can't believe it", past[-1:]).scores


def test_a_button_says_nothing(server: Any, model: EmotionModel) -> None:
    conversation = server.conversation("clicking")
    conversation.say("this is the worst shop ever, I am furious")
    assert conversation.slot("emotion") == "anger"
    past = list(conversation.turns)
    conversation.say("/how_are_you")
    assert "emotion" not in conversation.user_events()[-1]["parse_data"]
    assert conversation.slot("emotion") == "neutral"
    past += conversation.turns[-1:]
    conversation.say("I can't believe it")
    expected = model.predict("I can't believe it", past).to_dict()
    assert conversation.emotion()["scores"] == pytest.approx(expected["scores"], abs=1e-4)


def test_parsing_alone_knows_no_past(server: Any, model: EmotionModel) -> None:
    text = "I can't believe it"
    data = server.post("/model/parse", {"text": text})
    assert data["emotion"] == model.predict(text).to_dict()
    values = {entity["entity"]: entity["value"] for entity in data["entities"]}
    assert values == {
        "emotion": data["emotion"]["label"],
        "emotion_group": data["emotion"]["group"],
    }
