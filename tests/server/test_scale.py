"""The server as a Ray Serve application: replicas, what they share, and what holds behind a proxy.

The API tests of the other files, where they take `server`, run against it as well.
"""

from __future__ import annotations

import asyncio
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from server.app import create_app
from server.behind_ray import BehindRay
from server.scale import Arguments, app
from server.security import hash_key
from server.settings import Security, SettingsError, load_settings
from tests.server.running import ROOT, RayServer, RedisServer, Server, wait_until

KEYS = [
    {"name": "shop", "sha256": hash_key("key of the shop")},
    {"name": "bank", "sha256": hash_key("key of the bank"), "requests_per_minute": 20},
]
SHOP = {"Authorization": "Bearer key of the shop"}
BANK = {"Authorization": "Bearer key of the bank"}
PATIENCE = 240
"""Seconds for a replica to come or go, on a machine with other things to do."""


# Settings ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("scale: {max_replicas: 2}", "conversations.store: 2 replicas would each remember"),
        ("scale: {min_replicas: 2}", "scale: max_replicas must not be below min_replicas"),
        ("scale: {replicas: 2}", "scale.replicas"),
        ("{listen: {workers: 2}, conversations: {store: off}}", "listen.workers: one a replica"),
        ("listen: {tls_key: a.pem, tls_certificate: b.pem}", "listen.tls_certificate: Ray Serve"),
    ],
)
def test_a_wrong_setting_is_named(tmp_path: Path, content: str, message: str) -> None:
    config = tmp_path / "server.yaml"
    config.write_text(content)
    with pytest.raises(SettingsError, match=message):
        app(Arguments(config=config))


def test_the_command_tells_of_it_too(tmp_path: Path) -> None:
    config = tmp_path / "server.yaml"
    config.write_text("scale: {max_replicas: 2}")
    serve = Path(sys.executable).with_name("serve")
    command = [serve, "run", "server.scale:app", f"config={config}"]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=PATIENCE)
    assert ran.returncode != 0
    assert "SettingsError: conversations.store: 2 replicas" in ran.stderr


# Without a key ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("security", "client", "status"),
    [
        ({}, "127.0.0.1", 200),
        ({}, "::1", 200),
        ({}, "192.0.2.7", 401),
        ({}, "", 401),
        ({"allow_anonymous": True}, "192.0.2.7", 200),
        ({"api_keys": KEYS}, "192.0.2.7", 200),  # of /health; the rest asks for the key
    ],
)
def test_without_a_key_only_this_machine_is_answered(
    security: dict[str, Any], client: str, status: int
) -> None:
    guard = BehindRay(create_app(load_settings()), Security(**security))

    async def ask() -> httpx.Response:
        transport = httpx.ASGITransport(guard, client=(client, 1))
        async with httpx.AsyncClient(transport=transport, base_url="http://emotion") as http:
            return await http.get("/health/live")

    response = asyncio.run(ask())
    assert response.status_code == status
    if status == 401:
        assert response.headers["content-type"] == "application/problem+json"
        assert "security.api_keys" in response.json()["detail"]


# Replicas ---------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def replicas(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One replica or two, with keys, limits and Redis; Ray counts and decides quickly."""
    folder = tmp_path_factory.mktemp("replicas")
    redis = RedisServer(folder)
    settings = {
        "conversations": {"store": "redis", "redis_url": redis.url, "redis_seconds": 10},
        "security": {"api_keys": KEYS},
        "limits": {"inputs": 8, "body_bytes": 10_000},
        "inference": {"deadline_seconds": 60},
        "scale": {
            "max_replicas": 2,
            "target_requests": 2,
            "window_seconds": 2,
            "upscale_seconds": 0.5,
            "downscale_seconds": 1,
            "cpus": 0.5,
        },
    }
    server = RayServer(
        folder,
        settings,
        RAY_SERVE_HANDLE_AUTOSCALING_METRIC_PUSH_INTERVAL_S="0.2",
        RAY_SERVE_REPLICA_AUTOSCALING_METRIC_PUSH_INTERVAL_S="0.2",
    )
    yield server
    server.stop()
    redis.kill()


def replicas_that_tell(server: Server, metric: str) -> set[str]:
    text = server.http.get("/metrics", headers=SHOP).text
    return set(re.findall(rf'^{metric}{{.*replica="(\w+)"', text, re.MULTILINE))


def count_replicas(server: Server) -> int:
    return len(replicas_that_tell(server, "emotion_queue_messages"))


def count_answering(server: Server) -> int:
    return len(replicas_that_tell(server, "emotion_messages_total"))


def test_a_load_brings_a_second_replica_which_goes_with_it(replicas: Server) -> None:
    """Meanwhile no request is lost, and both replicas know all conversations."""
    stop = threading.Event()
    numbers: dict[int, list[int]] = {i: [] for i in range(8)}
    wrong: list[object] = []

    def talk(number: int) -> None:
        with httpx.Client(base_url=replicas.url, timeout=120, headers=SHOP) as http:
            while not stop.is_set():
                body = {"role": "user", "text": f"I am number {number}, and I hate to wait!"}
                try:
                    answer = http.post(f"/v1/conversations/step-{number}/messages", json=body)
                    answer.raise_for_status()
                    numbers[number].append(answer.json()["number"])
                except httpx.HTTPError as error:
                    wrong.append(error)
                    return

    assert count_replicas(replicas) == 1
    threads = [threading.Thread(target=talk, args=(i,)) for i in numbers]
    for thread in threads:
        thread.start()
    try:
        wait_until(lambda: count_replicas(replicas) == 2, "a second replica is there", PATIENCE)
        wait_until(lambda: count_answering(replicas) == 2, "both answer", PATIENCE)
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    wait_until(lambda: count_replicas(replicas) == 1, "it is gone", PATIENCE)
    assert wrong == []
    for found in numbers.values():
        assert found == list(range(1, len(found) + 1))


def test_keys_rates_and_limits_hold(replicas: Server) -> None:
    body: dict[str, Any] = {"inputs": [{"text": "I hate this!"}]}
    for path in ("/v1/labels", "/v1/models", "/metrics", "/v1/conversations/a"):
        refused = replicas.http.get(path)
        assert refused.status_code == 401
        assert refused.headers["www-authenticate"] == "Bearer"
        assert refused.headers["content-type"] == "application/problem+json"
    for path in ("/", "/health/live", "/health/ready", "/openapi.json"):
        assert replicas.http.get(path).status_code == 200
    assert replicas.http.post("/v1/emotions", json=body, headers=SHOP).status_code == 200
    statuses = [replicas.http.get("/v1/labels", headers=BANK).status_code for _ in range(8)]
    assert (statuses[0], statuses[-1]) == (200, 429)
    many = replicas.http.post("/v1/emotions", json={"inputs": body["inputs"] * 9}, headers=SHOP)
    assert (many.status_code, many.json()["errors"][0]["field"]) == (422, "inputs")
    large = {"inputs": [{"text": "x" * 10_000}]}
    assert replicas.http.post("/v1/emotions", json=large, headers=SHOP).status_code == 413


def test_no_text_reaches_any_log(replicas: Server) -> None:
    """Ray's own included, in its files."""
    turn = {"role": "user", "text": "my secret is xylophone", "message_id": "xylophone"}
    path = "/v1/conversations/xylophone/messages"
    answer = replicas.http.post(path, json=turn, headers={**SHOP, "X-Request-Id": "find-me"})
    assert answer.status_code == 200
    replicas.http.post("/v1/emotions?xylophone", json={"inputs": "xylophone"}, headers=SHOP)
    wait_until(lambda: "find-me" in replicas.log(), "the request is logged", PATIENCE)
    (entry,) = (e for e in replicas.log_entries() if e.get("request_id") == "find-me")
    assert (entry["client"], entry["status"]) == ("shop", 200)
    files = ray_logs(replicas)
    assert any("find-me" in text for text in files)  # of the proxy
    for text in [replicas.log(), *files]:
        assert "xylophone" not in text
        assert "key of" not in text


def ray_logs(server: Server) -> list[str]:
    pid = server.process.pid
    (session,) = Path("/tmp/ray").glob(f"session_*_{pid}")
    files = [path for path in (session / "logs").rglob("*") if path.is_file()]
    return [path.read_text(encoding="utf-8", errors="replace") for path in files]
