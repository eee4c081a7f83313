"""Conversations that the server keeps, in memory and in Redis."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Literal

import httpx
import pytest

from emotion_component import EmotionModel
from server.conversations import KeptTurn, MemoryUnavailable, Store, state
from server.memory_store import MemoryStore
from server.redis_store import RedisStore
from tests.server.running import RedisServer, Server, wait_until


def turn(
    message_id: str, *, role: Literal["user", "bot"] = "user", valence: float = 0.0, **given: object
) -> KeptTurn:
    content: dict[str, Any] = {"label": "anger", "group": "negative", "strong": True, **given}
    numbers = {"score": 0.9, "valence": valence, "arousal": 0.0}
    return KeptTurn(message_id, role, f"text of {message_id}", **numbers, **content)


# The state ------------------------------------------------------------------------------------


def test_no_turns_have_no_state() -> None:
    assert set(state([]).values()) == {None}
    assert set(state([turn("a", role="bot")]).values()) == {None}


def test_the_trend_is_the_slope_of_the_last_five_user_turns() -> None:
    turns = [turn(str(i), valence=v) for i, v in enumerate([0.9, 0.8, 0.6, 0.4, 0.2, 0.0])]
    turns.insert(3, turn("bot", role="bot", valence=-1))
    assert state(turns)["valence_trend"] == pytest.approx(-0.2)
    assert state(turns)["valence_mean"] == pytest.approx(0.4)
    assert state(turns[:1])["valence_trend"] is None


def test_last_strong_and_same_group() -> None:
    turns = [
        turn("1", group="positive", label="joy"),
        turn("2"),
        turn("3", role="bot", group="positive"),
        turn("4", strong=False),
    ]
    found = state([*turns[:3], turn("4", strong=False)])
    assert found["last_strong"]["label"] == "anger"
    assert found["same_group"] == {"group": "negative", "turns": 2}


# The stores ------------------------------------------------------------------------------------


@pytest.fixture(params=["memory", "redis"])
def make_store(request: pytest.FixtureRequest) -> Iterator[Callable[..., Store]]:
    def make(turns: int = 3, expiry_seconds: int = 60) -> Store:
        if request.param == "memory":
            return MemoryStore(turns=turns, conversations=100, expiry_seconds=expiry_seconds)
        url = request.getfixturevalue("redis_server").url
        return RedisStore(url, turns=turns, expiry_seconds=expiry_seconds, timeout=5)

    return make


def test_it_keeps_the_last_turns_in_order(make_store: Callable[..., Store]) -> None:
    async def use() -> None:
        store = make_store()
        for i in range(5):
            appended = await store.append("a", turn(str(i)))
        assert [t.message_id for t in appended.turns] == ["2", "3", "4"]
        assert [t.number for t in appended.turns] == [3, 4, 5]
        assert await store.turns("a") == list(appended.turns)
        assert await store.turns("b") == []
        assert (await store.append("a", turn("0"))).turn.number == 6  # forgotten, so it is new
        await store.close()

    asyncio.run(use())


def test_a_repeated_message_counts_once(make_store: Callable[..., Store]) -> None:
    async def use() -> None:
        store = make_store()
        await store.append("a", turn("1"))
        await store.append("a", turn("2"))
        again = await store.append("a", turn("1", label="joy"))
        assert again.repeated
        assert [t.message_id for t in again.turns] == ["1"]
        assert again.turn.label == "anger"
        assert len(await store.turns("a")) == 2
        await store.close()

    asyncio.run(use())


def test_delete_forgets(make_store: Callable[..., Store]) -> None:
    async def use() -> None:
        store = make_store()
        await store.append("a", turn("1"))
        await store.append("b", turn("1"))
        assert await store.delete("a")
        assert not await store.delete("a")
        assert await store.turns("a") == []
        assert len(await store.turns("b")) == 1
        assert (await store.append("a", turn("1"))).turn.number == 1
        await store.close()

    asyncio.run(use())


def test_memory_expires_and_is_bounded() -> None:
    now = 0.0
    store = MemoryStore(turns=3, conversations=2, expiry_seconds=10, clock=lambda: now)

    async def use() -> None:
        nonlocal now
        await store.append("a", turn("1"))
        now = 9
        await store.append("b", turn("1"))
        now = 11
        assert await store.turns("a") == []
        assert len(await store.turns("b")) == 1
        await store.append("c", turn("1"))
        await store.append("b", turn("2"))
        await store.append("d", turn("1"))
        assert await store.turns("c") == []  # the least recently used
        assert len(await store.turns("b")) == 2

    asyncio.run(use())


def test_redis_expires_whole_conversations(redis_server: RedisServer) -> None:
    async def use() -> None:
        store = RedisStore(redis_server.url, turns=3, expiry_seconds=77, timeout=5)
        await store.append("a", turn("1"))
        keys = [key async for key in store._redis.scan_iter("*")]
        assert keys == ["emotion:conversation:a"]
        assert 0 < await store._redis.ttl(keys[0]) <= 77
        await store.close()

    asyncio.run(use())


def test_appends_of_many_at_once_are_atomic(redis_server: RedisServer) -> None:
    """Four stores, as of four workers, append the same 100 messages to one conversation."""

    async def use() -> None:
        stores = [
            RedisStore(redis_server.url, turns=200, expiry_seconds=60, timeout=60) for _ in range(4)
        ]
        messages = [turn(str(i)) for i in range(100)]
        appended = await asyncio.gather(*(s.append("a", m) for m in messages for s in stores))
        assert sum(not a.repeated for a in appended) == 100
        kept = await stores[0].turns("a")
        assert [t.number for t in kept] == list(range(1, 101))
        assert {t.message_id for t in kept} == {m.message_id for m in messages}
        await asyncio.gather(*(store.close() for store in stores))

    asyncio.run(use())


@pytest.mark.parametrize("fault", ["kill", "pause"])
def test_an_unreachable_redis_is_left_alone_for_a_while(
    redis_server: RedisServer, fault: str
) -> None:
    async def use() -> None:
        store = RedisStore(redis_server.url, turns=3, expiry_seconds=60, timeout=0.1)
        await store.append("a", turn("1"))
        getattr(redis_server, fault)()
        for _ in range(50):  # within the rest: none of these waits for a time-out
            with pytest.raises(MemoryUnavailable):
                await store.turns("a")
        redis_server.resume() if fault == "pause" else redis_server.start()

        async def back() -> None:
            while True:
                try:
                    return await store.ping()
                except MemoryUnavailable:
                    await asyncio.sleep(0.02)

        await asyncio.wait_for(back(), 10)
        assert (await store.append("b", turn("1"))).turn.number == 1
        await store.close()

    asyncio.run(use())


# Over HTTP --------------------------------------------------------------------------------------


def say(server: Server, conversation: str, role: str, text: str, **more: object) -> dict[str, Any]:
    body = {"role": role, "text": text, **more}
    response = server.http.post(f"/v1/conversations/{conversation}/messages", json=body)
    assert response.status_code == 200, response.text
    return response.json()


def test_turns_are_read_with_those_before(server: Server, model: EmotionModel) -> None:
    first = say(server, "one", "bot", "Your dog has won the first prize!")
    second = say(server, "one", "user", "no way, are you serious?")
    context = [{"role": "bot", "text": "Your dog has won the first prize!"}]
    assert second["result"] == model.predict("no way, are you serious?", context).to_dict()
    assert (first["number"], second["number"]) == (1, 2)
    assert first["memory"]
    assert first["state"]["same_group"] is None  # the bot's turns are not the user's emotions
    third = say(server, "one", "user", "I hate this, I hate it!")
    assert third["state"]["last_strong"]["label"] == "anger"
    assert third["state"]["same_group"] == {"group": "negative", "turns": 1}
    kept = server.http.get("/v1/conversations/one").json()
    assert [t["role"] for t in kept["turns"]] == ["bot", "user", "user"]
    assert kept["state"] == third["state"]
    assert server.http.delete("/v1/conversations/one").status_code == 204
    assert server.http.get("/v1/conversations/one").status_code == 404


def test_options_apply_to_turns(server: Server) -> None:
    answer = say(server, "opt", "user", "I hate it", labels=["rage", "praise"], top_k=1)
    assert list(answer["result"]["rank"]["scores"]) == ["rage"]


def test_a_retry_is_answered_alike_and_counts_once(server: Server) -> None:
    say(server, "retry", "user", "I love it", message_id="1")
    first = say(server, "retry", "user", "not really", message_id="2")
    say(server, "retry", "user", "no", message_id="3")
    again = say(server, "retry", "user", "not really", message_id="2")
    assert again.pop("repeated") is True
    assert first.pop("repeated") is False
    assert again == first
    assert len(server.http.get("/v1/conversations/retry").json()["turns"]) == 3


def test_a_message_id_for_another_text_is_refused(server: Server) -> None:
    say(server, "other", "user", "I love it", message_id="1")
    body = {"role": "user", "text": "I hate it", "message_id": "1"}
    response = server.http.post("/v1/conversations/other/messages", json=body)
    assert response.status_code == 422
    assert response.json()["errors"][0]["field"] == "message_id"


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"role": "cat", "text": "x"}, "role"),
        ({"role": "user"}, "text"),
        ({"role": "user", "text": "x" * 20_001}, "text"),
        ({"role": "user", "text": "x", "message_id": "a b"}, "message_id"),
        ({"role": "user", "text": "x", "labels": ["a"] * 101}, "labels"),
    ],
)
def test_a_bad_turn_is_refused(server: Server, body: dict[str, Any], field: str) -> None:
    response = server.http.post("/v1/conversations/bad/messages", json=body)
    assert response.status_code == 422
    assert response.json()["errors"][0]["field"] == field
    assert server.http.get("/v1/conversations/bad").status_code == 404


def test_nothing_crosses_conversations(server: Server) -> None:
    """Many conversations at once, each with words of its own."""

    def talk(number: int) -> None:
        for i in range(6):
            say(server, f"cross-{number}", "user", f"words of {number}, the {i}th")

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(talk, range(16)))
    for number in range(16):
        kept = server.http.get(f"/v1/conversations/cross-{number}").json()["turns"]
        assert [t["text"] for t in kept] == [f"words of {number}, the {i}th" for i in range(6)]


def test_without_a_store_turns_are_still_answered(start_server: Callable[..., Server]) -> None:
    server = start_server(conversations={"store": "off"})
    answer = say(server, "a", "user", "I hate it!")
    assert answer["result"]["label"] == "anger"
    assert (answer["memory"], answer["number"]) == (False, None)
    assert server.http.get("/v1/conversations/a").status_code == 503
    assert server.http.get("/health/ready").json()["memory"] == "off"


def test_redis_killed_and_back_under_load(
    start_server: Callable[..., Server], redis_server: RedisServer
) -> None:
    conversations = {"store": "redis", "redis_url": redis_server.url, "redis_seconds": 0.2}
    server = start_server(conversations=conversations)
    stop = threading.Event()
    answers: list[tuple[int, dict[str, Any]]] = []

    def talk(number: int) -> None:
        with httpx.Client(base_url=server.url, timeout=30) as http:
            while not stop.is_set():
                body = {"role": "user", "text": f"I am number {number}"}
                path = f"/v1/conversations/load-{number}/messages"
                response = http.post(path, json=body)
                answers.append((response.status_code, response.json()))

    def seen(memory: bool, since: int) -> bool:
        return sum(body["memory"] is memory for _, body in answers[since:]) >= 20

    threads = [threading.Thread(target=talk, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    try:
        wait_until(lambda: seen(True, 0), "turns are remembered")
        redis_server.kill()
        wait_until(lambda: seen(False, 0), "turns are answered without memory")
        assert server.http.get("/health/ready").json()["memory"] == "unavailable"
        assert server.http.get("/v1/conversations/load-1").status_code == 503
        since = len(answers)
        redis_server.start()
        wait_until(lambda: seen(True, since), "turns are remembered again")
        since = len(answers)
        redis_server.pause()
        wait_until(lambda: seen(False, since), "a hanging Redis is done without")
        since = len(answers)
        redis_server.resume()
        wait_until(lambda: seen(True, since), "and found again")
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert {status for status, _ in answers} == {200}
    assert server.metric("emotion_memory_failures_total") > 0
    for number in range(4):
        kept = server.http.get(f"/v1/conversations/load-{number}").json()["turns"]
        assert {t["text"] for t in kept} == {f"I am number {number}"}


def test_two_workers_share_redis(
    start_server: Callable[..., Server], redis_server: RedisServer
) -> None:
    server = start_server(
        listen={"workers": 2},
        conversations={"store": "redis", "redis_url": redis_server.url},
    )
    for i in range(10):
        with httpx.Client(base_url=server.url, timeout=30) as http:  # a connection, a worker
            body = {"role": "user", "text": f"turn {i}"}
            answer = http.post("/v1/conversations/shared/messages", json=body).json()
            assert answer["number"] == i + 1
    assert server.metric("emotion_messages_total") == 10  # of both workers together
