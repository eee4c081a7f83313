from __future__ import annotations

import socket
from typing import Any, Callable

import pytest
from rasa.shared.core.events import BotUttered, SessionStarted, UserUttered
from rasa.shared.core.trackers import DialogueStateTracker
from rasa.shared.nlu.training_data.message import Message

from emotion_component import EmotionModel
from emotion_component import rasa as component_module

TEXT = "This is outrageous!"
CONTEXT = [{"role": "user", "text": "It is broken."}, {"role": "bot", "text": "Oh dear."}]
FAILURES = ["slowly", "trickling", "status 500", "redirect", "no json", "no results", "no rank"]


@pytest.fixture
def tracker() -> DialogueStateTracker:
    events = [SessionStarted(), UserUttered(CONTEXT[0]["text"]), BotUttered(CONTEXT[1]["text"])]
    return DialogueStateTracker.from_events("someone", events)


def ask(component: Any, tracker: DialogueStateTracker) -> dict[str, Any]:
    return component.process([Message({"text": TEXT})], tracker=tracker)[0].get("emotion")


def close(component: Any) -> None:
    component._client.close()


def test_the_sidecar_gives_what_the_bot_would(
    make_component: Callable[..., Any], sidecar: Any, tracker: DialogueStateTracker
) -> None:
    options = {"labels": ["rage", "praise"], "thresholds": 0.3}
    component = make_component(endpoint=sidecar.url, on_failure="neutral", timeout=10, **options)
    assert ask(component, tracker) == ask(make_component(**options), tracker)
    assert sidecar.requests[0]["inputs"] == [{"text": TEXT, "context": CONTEXT}]
    close(component)


def test_context_turns_bound_what_is_sent(
    make_component: Callable[..., Any], sidecar: Any, tracker: DialogueStateTracker
) -> None:
    component = make_component(endpoint=sidecar.url, context_turns=1, thresholds={"joy": 0.2})
    ask(component, tracker)
    assert sidecar.requests[0]["inputs"] == [{"text": TEXT, "context": CONTEXT[1:]}]
    assert sidecar.requests[0]["context_turns"] == 1
    assert sidecar.requests[0]["thresholds"] == {"joy": 0.2}
    close(component)


@pytest.mark.parametrize("turns", [0, 1])
def test_context_turns_bound_metadata_too(
    make_component: Callable[..., Any], sidecar: Any, turns: int
) -> None:
    component = make_component(endpoint=sidecar.url, context_turns=turns)
    component.process([Message({"text": TEXT, "metadata": {"context": CONTEXT}})])
    assert sidecar.requests[0]["inputs"] == [{"text": TEXT, "context": CONTEXT[2 - turns :]}]
    close(component)


@pytest.mark.parametrize("behaviour", FAILURES)
@pytest.mark.parametrize("on_failure", ["local", "neutral"])
def test_a_failing_sidecar_is_stood_in_for(
    make_component: Callable[..., Any],
    sidecar: Any,
    model: EmotionModel,
    tracker: DialogueStateTracker,
    caplog: pytest.LogCaptureFixture,
    behaviour: str,
    on_failure: str,
) -> None:
    component = make_component(
        endpoint=sidecar.url, on_failure=on_failure, timeout=0.2, labels=["rage", "praise"]
    )
    sidecar.behaviour = behaviour
    result = ask(component, tracker)
    expected = model.predict(TEXT, CONTEXT) if on_failure == "local" else model.predict("")
    assert result["scores"] == expected.scores
    assert set(result) == {*expected.to_dict(), "rank"}
    assert f"on_failure: {on_failure}" in caplog.text
    assert "outrageous" not in caplog.text
    close(component)


def test_no_sidecar_at_all(
    make_component: Callable[..., Any], model: EmotionModel, tracker: DialogueStateTracker
) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        component = make_component(endpoint=f"http://127.0.0.1:{unused.getsockname()[1]}")
        assert ask(component, tracker) == model.predict(TEXT, CONTEXT).to_dict()
    close(component)


def test_an_unreachable_sidecar_rests_and_is_then_asked_again(
    make_component: Callable[..., Any],
    sidecar: Any,
    tracker: DialogueStateTracker,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = 1000.0
    monkeypatch.setattr(component_module, "time", type("Clock", (), {"monotonic": lambda: now}))
    component = make_component(endpoint=sidecar.url, timeout=0.2)
    sidecar.behaviour = "slowly"
    ask(component, tracker)
    ask(component, tracker)
    assert len(sidecar.requests) == 1
    sidecar.behaviour = "well"
    now += component_module.REST_SECONDS
    ask(component, tracker)
    assert len(sidecar.requests) == 2
    close(component)


def test_a_sidecar_that_refuses_is_asked_again_at_once(
    make_component: Callable[..., Any], sidecar: Any, tracker: DialogueStateTracker
) -> None:
    component = make_component(endpoint=sidecar.url, timeout=10)
    sidecar.behaviour = "status 500"
    ask(component, tracker)
    ask(component, tracker)
    assert len(sidecar.requests) == 2
    close(component)
