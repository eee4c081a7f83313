"""The client against the real server."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from emotion_component import EmotionModel
from emotion_component.client import (
    AsyncEmotionClient,
    EmotionClient,
    EmotionClientError,
    EmotionOptions,
)
from server.schemas import BodyOptions
from server.security import hash_key
from tests.server.running import Server, free_port

CONTEXT = [{"role": "user", "text": "My parcel is lost."}, {"role": "bot", "text": "I am sorry."}]
INPUTS = [{"text": "I hate this so much!", "context": CONTEXT}]
RANKING: dict[str, Any] = {"labels": ["rage", "praise"], "multi_label": False}
TIMEOUT = 20.0


def expected(model: EmotionModel) -> list[dict[str, Any]]:
    """What the same options give in-process."""
    encoded = model.encode([INPUTS[0]["text"]], [CONTEXT])
    ranks = model.rank_encoded(encoded, **RANKING)
    results = model.classify(encoded, thresholds={"joy": 0.1})
    return [{**e.to_dict(), "rank": r.to_dict()} for e, r in zip(results, ranks)]


def test_the_client_gives_what_the_model_gives(server: Server, model: EmotionModel) -> None:
    client = EmotionClient(server.url, TIMEOUT)
    assert client.emotions(INPUTS, thresholds={"joy": 0.1}, **RANKING) == expected(model)
    client.close()


def test_so_does_the_async_one(server: Server, model: EmotionModel) -> None:
    async def ask() -> list[list[dict[str, Any]]]:
        async with AsyncEmotionClient(server.url, TIMEOUT) as client:
            one = await client.emotions(INPUTS, thresholds={"joy": 0.1}, **RANKING)
            many = await asyncio.gather(*(client.emotions(INPUTS) for _ in range(8)))
        return [one, *many]

    one, *many = asyncio.run(ask())
    assert one == expected(model)
    assert {results[0]["label"] for results in many} == {"anger"}


def test_every_option_of_the_server_can_be_given(server: Server) -> None:
    assert set(EmotionOptions.__annotations__) == set(BodyOptions.model_fields)
    client = EmotionClient(server.url, TIMEOUT)
    result = client.emotions(INPUTS, top_k=2, descriptors=3, embedding=True, labels=None)[0]
    assert (len(result["scores"]), len(result["descriptors"])) == (2, 3)
    assert len(result["embedding"]) > 100
    assert "rank" not in result
    with pytest.raises(EmotionClientError, match="422: label: Extra inputs"):
        client.emotions(INPUTS, label=["rage"])  # type: ignore[call-arg]
    client.close()


def test_conversations(server: Server) -> None:
    client = EmotionClient(server.url, TIMEOUT)
    first = client.add_turn("of-the-client", "user", "I hate this!", message_id="m")
    assert client.add_turn("of-the-client", "user", "I hate this!", message_id="m")["repeated"]
    kept = client.conversation("of-the-client")
    assert [turn["label"] for turn in kept["turns"]] == [first["result"]["label"]]
    client.forget("of-the-client")
    with pytest.raises(EmotionClientError, match="404: No such conversation") as caught:
        client.conversation("of-the-client")
    assert caught.value.status == 404
    client.close()


def test_conversations_async(server: Server) -> None:
    async def talk() -> dict[str, Any]:
        async with AsyncEmotionClient(server.url, TIMEOUT) as client:
            await client.add_turn("async", "user", "I hate this!")
            await client.add_turn("async", "bot", "I am sorry.")
            kept = await client.conversation("async")
            await client.forget("async")
            return kept

    assert [turn["role"] for turn in asyncio.run(talk())["turns"]] == ["user", "bot"]


def test_the_key_is_presented(start_server: Callable[..., Server]) -> None:
    keys = [{"name": "bot", "sha256": hash_key("secret")}]
    url = start_server(security={"api_keys": keys}).url
    client = EmotionClient(url, TIMEOUT, api_key="secret")
    assert client.emotions(INPUTS)[0]["label"] == "anger"
    client.close()
    stranger = EmotionClient(url, TIMEOUT)
    with pytest.raises(EmotionClientError, match="401: Send a valid key"):
        stranger.emotions(INPUTS)
    stranger.close()


def test_a_refused_field_is_told(server: Server) -> None:
    client = EmotionClient(server.url, TIMEOUT)
    with pytest.raises(EmotionClientError, match="422: thresholds: unknown label 'rage'"):
        client.emotions(INPUTS, thresholds={"rage": 0.1})
    client.close()


def test_retries_stay_within_the_time_out() -> None:
    async def ask() -> None:
        async with AsyncEmotionClient(url, timeout=0.2, retries=100) as client:
            await client.emotions(INPUTS)

    url = f"http://127.0.0.1:{free_port()}"
    with pytest.raises(EmotionClientError) as caught:
        asyncio.run(ask())
    assert caught.value.unreachable
    client = EmotionClient(url, timeout=0.2, retries=100)
    with pytest.raises(EmotionClientError) as caught:
        client.emotions(INPUTS)
    assert caught.value.unreachable
    client.close()


def test_a_restarted_server_is_found_again(start_server: Callable[..., Server]) -> None:
    server = start_server()
    client = EmotionClient(server.url, TIMEOUT)
    before = client.emotions(INPUTS)
    port = server.address()[1]
    server.stop()
    start_server("--port", str(port))
    assert client.emotions(INPUTS) == before
    client.close()
