"""Who may ask, how often and how much; and what is told of it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest
import trustme

from server.security import TokenBucket, hash_key, new_key
from server.settings import SettingsError, load_settings
from tests.server.running import ROOT, Server

KEYS = [
    {"name": "shop", "sha256": hash_key("key of the shop")},
    {"name": "bank", "sha256": hash_key("key of the bank"), "requests_per_minute": 20},
]
BODY = {"inputs": [{"text": "I hate this!"}]}


def bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


@pytest.fixture
def guarded(start_server: Callable[..., Server]) -> Server:
    return start_server(security={"api_keys": KEYS})


def test_only_keys_open(guarded: Server) -> None:
    for headers in ({}, bearer("wrong"), {"X-API-Key": "key of the shopkeeper"}, bearer("ключ")):
        encoded = {name: value.encode() for name, value in headers.items()}
        response = guarded.http.post("/v1/emotions", json=BODY, headers=encoded)
        assert response.status_code == 401
        assert response.headers["www-authenticate"] == "Bearer"
    for headers in (bearer("key of the shop"), {"X-API-Key": "key of the bank"}):
        assert guarded.http.post("/v1/emotions", json=BODY, headers=headers).status_code == 200
    for path in ("/v1/labels", "/v1/models", "/metrics", "/v1/conversations/a"):
        assert guarded.http.get(path).status_code == 401
    for path in ("/", "/web/page.js", "/health/live", "/health/ready", "/openapi.json"):
        assert guarded.http.get(path).status_code == 200


def test_keys_of_different_owners_see_different_conversations(guarded: Server) -> None:
    shop, bank = bearer("key of the shop"), bearer("key of the bank")
    turn = {"role": "user", "text": "of the shop"}
    guarded.http.post("/v1/conversations/1/messages", json=turn, headers=shop)
    assert guarded.http.get("/v1/conversations/1", headers=bank).status_code == 404
    assert guarded.http.delete("/v1/conversations/1", headers=bank).status_code == 204
    assert guarded.http.get("/v1/conversations/1", headers=shop).status_code == 200


def test_a_rate_is_of_one_key(guarded: Server) -> None:
    statuses = [guarded.http.get("/v1/labels", headers=bearer("key of the bank")) for _ in range(6)]
    assert [r.status_code for r in statuses[:2]] == [200, 200]
    assert statuses[-1].status_code == 429
    assert 1 <= int(statuses[-1].headers["retry-after"]) <= 3
    assert guarded.http.get("/v1/labels", headers=bearer("key of the shop")).status_code == 200


def test_the_token_bucket_refills() -> None:
    now = 0.0
    bucket = TokenBucket(60, clock=lambda: now)
    assert [bucket.take() for _ in range(6)] == [0] * 6
    assert bucket.take() == pytest.approx(1)
    now = 1.0
    assert bucket.take() == 0
    now = 1000.0
    assert [bucket.take() for _ in range(6)] == [0] * 6
    assert bucket.take() > 0


def test_new_keys_are_long_and_match_their_hash() -> None:
    (one, digest), (other, _) = new_key(), new_key()
    assert hash_key(one) == digest
    assert one != other
    assert len(one) > 40


def test_no_text_reaches_logs_or_metrics(guarded: Server) -> None:
    secret = "my secret is xylophone"
    headers = bearer("key of the shop")
    bodies = [
        {"inputs": [{"text": secret}], "labels": [secret]},
        {"inputs": [{"text": secret, "context": [{"role": secret, "text": secret}]}]},
        {"inputs": secret},
        {"inputs": [{"text": "x"}], "thresholds": {secret: 0.5}},
    ]
    for body in bodies:
        guarded.http.post("/v1/emotions", json=body, headers=headers)
    turn = {"role": "user", "text": secret, "message_id": "xylophone"}
    guarded.http.post("/v1/conversations/xylophone/messages", json=turn, headers=headers)
    guarded.http.get("/xylophone?xylophone", headers=headers)
    told = guarded.log() + guarded.http.get("/metrics", headers=headers).text
    assert "xylophone" not in told
    assert "key of" not in told
    requests = [e for e in guarded.log_entries() if e["message"] == "request"]
    assert {e["client"] for e in requests} == {"shop", "-"}
    assert len({e["request_id"] for e in requests}) == len(requests)


def test_browsers_are_told_to_be_strict(server: Server) -> None:
    headers = server.http.get("/").headers
    assert "default-src 'self'" in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"


def test_the_software_is_not_named(plain_server: Server) -> None:
    assert "server" not in plain_server.http.get("/").headers


def test_cors_is_closed_by_default(server: Server) -> None:
    origin = {"Origin": "https://evil.example", "Access-Control-Request-Method": "POST"}
    response = server.http.options("/v1/emotions", headers=origin)
    assert "access-control-allow-origin" not in response.headers
    plain = {**origin, "Content-Type": "text/plain"}  # what a page may send unasked
    content = b'{"inputs": [{"text": "x"}]}'
    assert server.http.post("/v1/emotions", content=content, headers=plain).status_code == 422


def test_cors_opens_for_named_origins(start_server: Callable[..., Server]) -> None:
    server = start_server(security={"cors_origins": ["https://chat.example"]})
    for origin, allowed in (("https://chat.example", True), ("https://evil.example", False)):
        asked = {"Origin": origin, "Access-Control-Request-Method": "POST"}
        response = server.http.options("/v1/emotions", headers=asked)
        assert ("access-control-allow-origin" in response.headers) is allowed


def test_https(start_server: Callable[..., Server], tmp_path: Path) -> None:
    authority = trustme.CA()
    certificate = authority.issue_cert("127.0.0.1")
    chain, key, trusted = (tmp_path / name for name in ("chain.pem", "key.pem", "ca.pem"))
    chain.write_bytes(b"".join(pem.bytes() for pem in certificate.cert_chain_pems))
    certificate.private_key_pem.write_to_path(str(key))
    authority.cert_pem.write_to_path(str(trusted))
    flags = ("--port", "0", "--tls-certificate", str(chain), "--tls-key", str(key))
    server = start_server(*flags, trust=trusted)
    assert server.url.startswith("https://")
    assert server.ask("I hate this!")["label"] == "anger"
    with pytest.raises(httpx.ConnectError):
        httpx.get(server.url + "/health/live")  # of an unknown authority


# Settings ---------------------------------------------------------------------------------------


def test_it_refuses_other_machines_without_a_key(monkeypatch: pytest.MonkeyPatch) -> None:
    for host in ("0.0.0.0", "::", "192.168.1.5", "bot.example"):
        with pytest.raises(SettingsError, match=r"security\.api_keys"):
            load_settings(flags={"listen": {"host": host}})
        load_settings(flags={"listen": {"host": host}, "security": {"allow_anonymous": True}})
        load_settings(flags={"listen": {"host": host}, "security": {"api_keys": KEYS}})
    for host in ("127.0.0.1", "127.8.0.1", "::1", "localhost"):
        load_settings(flags={"listen": {"host": host}})


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("listen: {prot: 1}", "listen.prot"),
        ("listen: {port: 70000}", "listen.port"),
        ("listen: {workers: 2}", "conversations.store: 2 workers"),
        ("listen: {tls_key: a.pem}", "tls_certificate and tls_key go together"),
        ("inference: {deadline_seconds: .nan}", "inference.deadline_seconds"),
        ("inference: {queue_messages: 10}", "limits.inputs"),
        ("security: {api_keys: [{name: a/b, sha256: x}]}", r"security.api_keys\[0\].name"),
        ("listen: [", "not valid YAML"),
        ("just words", "expected sections"),
    ],
)
def test_a_wrong_setting_is_named(tmp_path: Path, content: str, message: str) -> None:
    path = tmp_path / "server.yaml"
    path.write_text(content)
    with pytest.raises(SettingsError, match=message):
        load_settings(path)


def test_flags_win_over_environment_over_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "server.yaml"
    path.write_text("listen: {port: 1, workers: 1}\nlimits: {labels: 3, inputs: 3}")
    monkeypatch.setenv("EMOTION_LISTEN__PORT", "2")
    monkeypatch.setenv("EMOTION_LIMITS__LABELS", "4")
    assert load_settings(path).listen.port == 2
    settings = load_settings(path, {"listen": {"port": 3}})
    assert settings.listen.port == 3
    assert (settings.limits.labels, settings.limits.inputs) == (4, 3)


def test_the_committed_file_holds_the_defaults(monkeypatch: pytest.MonkeyPatch) -> None:
    assert load_settings(ROOT / "config" / "server.yaml") == load_settings()


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--host", "0.0.0.0"], "security.api_keys: other machines can reach 0.0.0.0"),
        (["--config", "missing.yaml"], "missing.yaml: No such file"),
        (["--tls-key", "key.pem"], "tls_certificate and tls_key go together"),
    ],
)
def test_the_command_ends_with_one_message(flags: list[str], message: str) -> None:
    command = [sys.executable, "-m", "server", *flags]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert ended.returncode == 2
    assert message in ended.stderr
    assert ended.stderr.count("\n") == 1


def test_the_command_makes_keys() -> None:
    command = [sys.executable, "-m", "server", "--new-key", "shop"]
    output = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60).stdout
    words = output.split()
    key = next(word for word in words if word.startswith("emo_"))
    assert hash_key(key) in words
