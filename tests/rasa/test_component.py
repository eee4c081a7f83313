from __future__ import annotations

import logging
import multiprocessing
from collections.abc import Sequence
from typing import Any, Callable, Optional

import pytest
from rasa.shared.core.events import (
    ActionExecuted,
    AgentUttered,
    BotUttered,
    Event,
    Restarted,
    SessionStarted,
    SlotSet,
    UserUtteranceReverted,
    UserUttered,
)
from rasa.shared.core.trackers import DialogueStateTracker
from rasa.shared.nlu.training_data.message import Message

from emotion_component import EmotionModel
from emotion_component.labels import coarse_label

FURIOUS = "This is the third time, I am furious!"
HISTORY = [
    {"role": "user", "text": "My grandmother's vase arrived in pieces."},
    {"role": "bot", "text": "Oh no, I am so sorry."},
]
SESSION = [
    ActionExecuted("action_session_start"),
    SessionStarted(),
    ActionExecuted("action_listen"),
]
PAST = [
    UserUttered(HISTORY[0]["text"]),
    SlotSet("emotion", "sadness"),
    ActionExecuted("utter_sorry"),
    BotUttered(HISTORY[1]["text"]),
    ActionExecuted("action_listen"),
]


def tracker_of(events: Sequence[Event]) -> DialogueStateTracker:
    return DialogueStateTracker.from_events("someone", list(events))


def emotion_of(
    component: Any, text: object, tracker: Optional[DialogueStateTracker] = None, **data: object
) -> dict[str, Any]:
    message = Message({"text": text, **data})
    assert component.process([message], tracker=tracker) == [message]
    return message.get("emotion")


def entities_of(component: Any, text: object) -> dict[str, str]:
    message = component.process([Message({"text": text})])[0]
    return {entity["entity"]: entity["value"] for entity in message.get("entities")}


# What a message gets -----------------------------------------------------------------------------


def test_the_result_is_in_the_output(make_component: Callable[..., Any], model: Any) -> None:
    message = make_component().process([Message({"text": FURIOUS})])[0]
    output = message.as_dict(only_output_properties=True)
    assert output["emotion"] == model.predict(FURIOUS).to_dict()
    assert [e["entity"] for e in output["entities"]] == ["emotion", "emotion_group"]
    assert all(e["start"] == e["end"] == 0 for e in output["entities"])


@pytest.mark.parametrize("text", [FURIOUS, "thank you so much!", "the number is 48213"])
def test_label_sets(make_component: Callable[..., Any], model: EmotionModel, text: str) -> None:
    result = model.predict(text)
    expected = {
        "goemotions": result.label,
        "ekman": coarse_label(result.label, "ekman"),
        "sentiment": result.group,
    }
    for labels, value in expected.items():
        entities = entities_of(make_component(labels=labels), text)
        assert entities == {"emotion": value, "emotion_group": result.group}


def test_own_labels_are_ranked(make_component: Callable[..., Any], model: EmotionModel) -> None:
    own = ["gratitude for help", "rage about an order"]
    component = make_component(labels=own, multi_label=False)
    assert entities_of(component, FURIOUS)["emotion"] == own[1]
    result = emotion_of(component, FURIOUS)
    assert result["rank"] == model.rank(FURIOUS, own, multi_label=False).to_dict()
    assert result["scores"] == model.predict(FURIOUS).scores


def test_own_labels_of_which_none_applies_give_neutral(make_component: Callable[..., Any]) -> None:
    own = ["gratitude for help", "rage about an order"]
    assert entities_of(make_component(labels=own, thresholds=1), FURIOUS)["emotion"] == "neutral"
    assert entities_of(make_component(labels=own, thresholds=0), FURIOUS)["emotion"] == own[1]


def test_chosen_entities_are_added_to_those_there(make_component: Callable[..., Any]) -> None:
    number = {"entity": "order_number", "value": "48213", "start": 0, "end": 5}
    message = Message({"text": "48213", "entities": [number]})
    make_component(entities=["emotion_group"]).process([message])
    assert [e["entity"] for e in message.get("entities")] == ["order_number", "emotion_group"]


def test_thresholds_reach_the_parse_data(make_component: Callable[..., Any]) -> None:
    assert emotion_of(make_component(thresholds=1), FURIOUS)["labels"] == {}
    assert len(emotion_of(make_component(thresholds=0), FURIOUS)["labels"]) == 28


@pytest.mark.parametrize(
    "text", [None, "", "  \n", 5, b"hi", "/restart", '/give_order_number{"order_number": "48213"}']
)
def test_a_message_without_words_is_neutral(
    make_component: Callable[..., Any], text: object
) -> None:
    component = make_component()
    assert emotion_of(component, text)["label"] == "neutral"
    assert entities_of(component, text) == {"emotion": "neutral", "emotion_group": "neutral"}


def test_any_text_is_read(make_component: Callable[..., Any]) -> None:
    component = make_component()
    assert emotion_of(component, "angry " * 20_000)["truncated"]
    assert emotion_of(component, "\ud800 أنا غاضب \U0001f621")["scores"]


# What it has of the past -------------------------------------------------------------------------


@pytest.mark.parametrize(
    "events",
    [
        pytest.param([*SESSION, *PAST], id="one session"),
        pytest.param([*SESSION, UserUttered("Hooray!"), *SESSION, *PAST], id="second session"),
        pytest.param([*SESSION, UserUttered("Hooray!"), Restarted(), *PAST], id="restarted"),
        pytest.param([*PAST], id="no session start"),
        pytest.param([*SESSION, *PAST, UserUttered('/affirm{"a": "b"}')], id="button"),
        pytest.param([*SESSION, *PAST, UserUttered(None), BotUttered(None)], id="no text"),
        pytest.param([*SESSION, *PAST, BotUttered("", {"image": "x"})], id="image"),
        pytest.param(
            [*SESSION, PAST[0], UserUtteranceReverted(), AgentUttered(HISTORY[1]["text"])],
            id="taken back by a fallback, answered by a human",
        ),
    ],
)
def test_the_context_is_the_session_so_far(
    make_component: Callable[..., Any], model: EmotionModel, events: list[Event]
) -> None:
    assert model.predict("Again!", HISTORY).scores != model.predict("Again!").scores
    result = emotion_of(make_component(), "Again!", tracker_of(events))
    assert result == model.predict("Again!", HISTORY).to_dict()


def test_context_turns_counts_the_last(
    make_component: Callable[..., Any], model: EmotionModel
) -> None:
    tracker = tracker_of([*SESSION, *PAST])
    for turns in (0, 1, 2, 9):
        result = emotion_of(make_component(context_turns=turns), "Again!", tracker)
        assert result == model.predict("Again!", HISTORY[2 - min(turns, 2) :]).to_dict()


def test_the_tracker_is_only_read(make_component: Callable[..., Any]) -> None:
    tracker = tracker_of([*SESSION, *PAST])
    before = tracker.current_state()
    events = [event.as_dict() for event in tracker.events]
    emotion_of(make_component(), "Again!", tracker)
    assert tracker.current_state() == before
    assert [event.as_dict() for event in tracker.events] == events


@pytest.mark.parametrize("tracker", [None, tracker_of([])])
def test_metadata_are_the_past_where_there_is_no_tracker(
    make_component: Callable[..., Any],
    model: EmotionModel,
    tracker: Optional[DialogueStateTracker],
) -> None:
    result = emotion_of(make_component(), "Again!", tracker, metadata={"context": HISTORY})
    assert result == model.predict("Again!", HISTORY).to_dict()


def test_metadata_do_not_count_where_there_is_a_tracker(
    make_component: Callable[..., Any], model: EmotionModel
) -> None:
    forged = {"context": [{"role": "user", "text": "Best day of my life!"}]}
    result = emotion_of(make_component(), "Again!", tracker_of([*SESSION, *PAST]), metadata=forged)
    assert result == model.predict("Again!", HISTORY).to_dict()


@pytest.mark.parametrize(
    "context",
    [
        "secret",
        5,
        {"role": "user", "text": "secret"},
        ["secret"],
        [{"role": "secret", "text": "secret"}],
        [{"role": "user", "text": ["secret"]}],
        [{"role": "user", "text": "secret", "secret": 1}],
        [HISTORY[0], None],
    ],
)
def test_malformed_metadata_are_ignored_with_a_silent_warning(
    make_component: Callable[..., Any],
    model: EmotionModel,
    caplog: pytest.LogCaptureFixture,
    context: object,
) -> None:
    result = emotion_of(make_component(), "Again!", metadata={"context": context})
    assert result == model.predict("Again!").to_dict()
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert "secret" not in caplog.text


@pytest.mark.parametrize("metadata", [None, "context", 5, [], {}, {"context": None}])
def test_metadata_of_other_kinds_pass(
    make_component: Callable[..., Any],
    model: EmotionModel,
    caplog: pytest.LogCaptureFixture,
    metadata: object,
) -> None:
    result = emotion_of(make_component(), "Again!", metadata=metadata)
    assert result == model.predict("Again!").to_dict()
    assert not caplog.records


# What it must not do -----------------------------------------------------------------------------


def test_no_text_is_logged(
    make_component: Callable[..., Any], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, "emotion_component")
    emotion_of(make_component(), FURIOUS, tracker_of([*SESSION, *PAST]))
    assert "furious" not in caplog.text
    assert "vase" not in caplog.text


def test_a_failing_model_does_not_take_the_bot_down(
    make_component: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    component = make_component(labels=["rage", "praise"])
    keys = set(emotion_of(component, FURIOUS))

    def fail(self: EmotionModel, texts: Sequence[str], *args: object, **kwargs: object) -> None:
        raise RuntimeError(f"out of memory on {texts}")

    monkeypatch.setattr(EmotionModel, "encode", fail)
    result = emotion_of(component, FURIOUS)
    assert (result["label"], result["score"]) == ("neutral", 1.0)
    assert set(result) == keys
    assert "RuntimeError" in caplog.text
    assert "furious" not in caplog.text


def _scores_in_child(component: Any, queue: Any) -> None:
    queue.put(emotion_of(component, FURIOUS)["scores"])


def test_it_works_after_a_fork(make_component: Callable[..., Any]) -> None:
    component = make_component()
    here = emotion_of(component, FURIOUS)["scores"]
    fork = multiprocessing.get_context("fork")
    queue = fork.Queue()
    child = fork.Process(target=_scores_in_child, args=(component, queue))
    child.start()
    try:
        assert queue.get(timeout=60) == here
    finally:
        child.kill()
        child.join()
