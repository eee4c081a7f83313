from __future__ import annotations

import socket
from typing import Any

import pytest

from emotion_component import EmotionModel, InputError
from emotion_component.client import EmotionClient, EmotionClientError

CONTEXT = [{"role": "user", "text": "My parcel is lost."}, {"role": "bot", "text": "I am sorry."}]
INPUTS = [
    {"text": "I am furious about this!", "context": CONTEXT},
    {"text": "thank you so much", "context": []},
]


@pytest.fixture
def client(sidecar: Any) -> Any:
    client = EmotionClient(sidecar.url, timeout=30)
    yield client
    client.close()


@pytest.fixture
def hasty_client(sidecar: Any) -> Any:
    """For a sidecar that is silent: on a busy machine it may find any other slow, too."""
    client = EmotionClient(sidecar.url, timeout=0.3)
    yield client
    client.close()


def test_it_gives_what_the_model_gives(client: EmotionClient, model: EmotionModel) -> None:
    for message in INPUTS:
        expected = model.predict(message["text"], message["context"]).to_dict()
        assert client.emotions([message]) == [expected]


def test_it_keeps_the_order(client: EmotionClient) -> None:
    assert [r["label"] for r in client.emotions(INPUTS)] == ["anger", "gratitude"]


def test_it_posts_to_the_documented_path(sidecar: Any) -> None:
    client = EmotionClient(sidecar.url + "/")
    client.emotions(INPUTS)
    client.close()
    assert sidecar.requests == [{"path": "/v1/emotions", "inputs": INPUTS}]


def test_it_hands_on_options(client: EmotionClient, sidecar: Any) -> None:
    options = {"labels": ["rage", "praise"], "multi_label": False, "threshold": 0.2}
    results = client.emotions(INPUTS, thresholds={"joy": 0.1}, **options)
    sent = {k: v for k, v in sidecar.requests[0].items() if k not in ("path", "inputs")}
    assert sent == {**options, "thresholds": {"joy": 0.1}}
    assert [result["rank"]["label"] for result in results] == ["rage", "praise"]


def test_it_bounds_what_it_sends(client: EmotionClient, sidecar: Any) -> None:
    long = {"text": "a" * 100_000, "context": [{"role": "bot", "text": "b" * 100_000}]}
    assert client.emotions([long])[0]["truncated"]
    sent = sidecar.requests[0]["inputs"][0]
    assert len(sent["text"]) == 10_001
    assert len(sent["context"][0]["text"]) == 10_000


def test_lone_surrogates_arrive_as_replacement_characters(
    client: EmotionClient, sidecar: Any
) -> None:
    client.emotions([{"text": 'so "\ud800" \U0001f602'}])
    assert sidecar.requests[0]["inputs"][0]["text"] == 'so "\ufffd" \U0001f602'


@pytest.mark.parametrize(
    ("behaviour", "reason", "unreachable"),
    [
        ("slowly", "ReadTimeout", True),
        ("trickling", "too slow", True),
        ("status 500", "status 500", False),
        ("redirect", "status 307", False),
        ("no json", "not JSON", False),
        ("no results", "no list of results", False),
        ("one result too many", "3 results for 2", False),
        ("no rank", "without rank", False),
    ],
)
def test_whatever_goes_wrong_is_one_error(
    client: EmotionClient,
    hasty_client: EmotionClient,
    sidecar: Any,
    behaviour: str,
    reason: str,
    unreachable: bool,
) -> None:
    # The slow ones would go on for half a minute, and then fail otherwise or not at all.
    sidecar.behaviour = behaviour
    asking = hasty_client if behaviour in {"slowly", "trickling"} else client
    with pytest.raises(EmotionClientError, match=reason) as caught:
        asking.emotions(INPUTS, labels=["rage", "praise"])
    assert caught.value.unreachable == unreachable
    assert "furious" not in str(caught.value)


def test_a_sidecar_that_is_not_there_is_unreachable() -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        client = EmotionClient(f"http://127.0.0.1:{unused.getsockname()[1]}")
        with pytest.raises(EmotionClientError, match="ConnectError") as caught:
            client.emotions(INPUTS)
        client.close()
    assert caught.value.unreachable


def test_it_recovers_after_a_failure(client: EmotionClient, sidecar: Any) -> None:
    sidecar.behaviour = "status 500"
    with pytest.raises(EmotionClientError):
        client.emotions(INPUTS)
    sidecar.behaviour = "well"
    assert len(client.emotions(INPUTS)) == 2


def test_ill_typed_input_is_named(client: EmotionClient) -> None:
    with pytest.raises(InputError, match=r"inputs\[1\].text"):
        client.emotions([{"text": "hi"}, {"text": 5}])
    with pytest.raises(InputError, match=r"inputs\[0\].context\[0\]"):
        client.emotions([{"text": "hi", "context": ["hello"]}])
