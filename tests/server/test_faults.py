"""Bad clients, overload and the end of the server: what happens then."""

from __future__ import annotations

import contextlib
import json
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from server.__main__ import USAGE_ERROR
from server.serve import SPARE_FILES, allow_connections
from tests.server.running import ROOT, Server, wait_until

BODY = {"inputs": [{"text": "I hate this!"}]}
LONG = "word " * 120  # fills the model's window


def connect(server: Server) -> socket.socket:
    return socket.create_connection(server.address(), timeout=30)


def ends(connection: socket.socket) -> bytes:
    """Returns what is still sent, once the server has closed the connection."""
    received = b""
    with contextlib.suppress(ConnectionResetError):
        while chunk := connection.recv(65_536):
            received += chunk
    connection.close()
    return received


# Slow clients -----------------------------------------------------------------------------------


def test_one_byte_a_second_is_not_waited_for(start_server: Callable[..., Server]) -> None:
    """Neither in the header nor in the body; others are served meanwhile."""
    server = start_server(listen={"header_seconds": 0.5}, limits={"body_seconds": 0.5})
    in_header, in_body = connect(server), connect(server)
    in_header.sendall(b"POST /v1/emotions HTTP/1.1\r\nHost: x\r\nX-Slow: ")
    in_body.sendall(
        b"POST /v1/emotions HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
        b'Content-Length: 1000\r\n\r\n{"'
    )
    stop = threading.Event()

    def trickle() -> None:
        while not stop.wait(0.1):
            for connection in (in_header, in_body):
                with contextlib.suppress(OSError):
                    connection.send(b"x")

    thread = threading.Thread(target=trickle)
    thread.start()
    try:
        assert server.ask("I hate this!")["label"] == "anger"
        assert ends(in_header) == b""
        assert b"408 Request Timeout" in ends(in_body)
    finally:
        stop.set()
        thread.join()


def test_who_does_not_read_is_let_go(start_server: Callable[..., Server]) -> None:
    server = start_server(listen={"header_seconds": 0.5})
    slow = connect(server)
    slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    line = json.dumps({"text": "x" * 2_000}).encode() + b"\n"
    head = b"POST /v1/emotions/stream?embedding=true HTTP/1.1\r\nHost: x\r\n"
    slow.sendall(head + b"Content-Length: 100000000\r\n\r\n")
    with contextlib.suppress(ConnectionError):
        while True:  # until the server hangs up
            slow.sendall(line)
    slow.close()
    assert server.ask("I hate this!")["label"] == "anger"


def test_ten_thousand_idle_connections_keep_nobody_out(
    start_server: Callable[..., Server],
) -> None:
    """Ten times as many as there may be: each new one ends the one that has been idle longest."""
    allow_connections(1_200)  # of the test itself
    server = start_server(listen={"header_seconds": 600})  # 1,000 connections at most
    held: deque[socket.socket] = deque()
    for number in range(10_000):
        held.append(connect(server))
        if len(held) > 1_200:  # the server has let go of it
            held.popleft().close()
        if number % 2_000 == 1_999:
            assert server.ask("I hate this!")["label"] == "anger"
    files = len(list(Path(f"/proc/{server.process.pid}/fd").iterdir()))
    assert files <= 1_000 + SPARE_FILES
    held[-1].sendall(b"GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n")
    assert b"200 OK" in held[-1].recv(4096)
    assert ends(held[0]) == b""
    for connection in held:
        connection.close()


def test_more_connections_than_files_are_refused_at_the_start() -> None:
    command = f"ulimit -n 256 && exec {sys.executable} -m server --port 0"
    ran = subprocess.run(["sh", "-c", command], cwd=ROOT, capture_output=True, text=True)
    assert ran.returncode == USAGE_ERROR
    assert "listen.max_connections: 1000 connections need 1100 open files" in ran.stderr


def test_what_is_no_http_is_refused(plain_server: Server) -> None:
    for nonsense in (b"\x16\x03\x01\x02\x00\x01\x00", b"hello\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n"):
        connection = connect(plain_server)
        connection.sendall(nonsense)
        assert b"400 Bad Request" in ends(connection)
    assert plain_server.ask("I hate this!")["label"] == "anger"


# Overload ---------------------------------------------------------------------------------------


def load(server: Server, clients: int) -> list[httpx.Response]:
    """Asks for far more than the model can do."""
    body = {"inputs": [{"text": LONG}] * 8}

    def ask(_: int) -> httpx.Response:
        return httpx.post(server.url + "/v1/emotions", json=body, timeout=60)

    with ThreadPoolExecutor(clients) as pool:
        return list(pool.map(ask, range(2 * clients)))


def test_a_full_queue_refuses_with_a_time(start_server: Callable[..., Server]) -> None:
    inference = {"queue_messages": 16, "deadline_seconds": 600}
    server = start_server(inference=inference, limits={"inputs": 8})
    responses = load(server, 16)
    assert {r.status_code for r in responses} == {200, 429}
    for refused in (r for r in responses if r.status_code == 429):
        assert int(refused.headers["retry-after"]) >= 1
        assert refused.json()["type"] == "/problems/overloaded"
    assert server.metric("emotion_refused_total", reason="overloaded") > 0
    assert server.metric("emotion_queue_messages") == 0


def test_nobody_waits_beyond_the_deadline(start_server: Callable[..., Server]) -> None:
    server = start_server(inference={"deadline_seconds": 0.25})
    responses = load(server, 16)
    assert {r.status_code for r in responses} & {429, 504}
    assert {r.status_code for r in responses} <= {200, 429, 504}

    def answered() -> bool:
        return server.http.post("/v1/emotions", json=BODY).status_code == 200

    wait_until(answered, "the server has recovered")


def test_messages_of_clients_that_left_are_dropped(start_server: Callable[..., Server]) -> None:
    server = start_server(inference={"batch_tokens": 1, "deadline_seconds": 600})
    body = json.dumps({"inputs": [{"text": LONG}] * 256}).encode()
    head = (
        f"POST /v1/emotions HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    ).encode()
    for _ in range(3):
        connection = connect(server)
        connection.sendall(head + body)
        wait_until(lambda: server.metric("emotion_queue_messages") > 0, "the messages wait")
        connection.close()
        wait_until(lambda: server.metric("emotion_queue_messages") == 0, "they are dropped")
    assert server.metric("emotion_dropped_total", reason="client_left") == 3
    assert server.metric("emotion_batch_messages_count") < 3 * 256


# The end ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("workers", [1, 2])
def test_sigterm_under_load_loses_no_request(
    start_server: Callable[..., Server], workers: int
) -> None:
    """A client that asks elsewhere after "Connection: close" never sees a broken connection."""
    server = start_server(
        listen={"drain_seconds": 1, "workers": workers}, conversations={"store": "off"}
    )
    lost: list[str] = []
    answered: list[int] = []
    ready: list[int] = []

    def ask_on() -> None:
        with httpx.Client(base_url=server.url, timeout=30) as http:
            while True:
                try:
                    response = http.post("/v1/emotions", json=BODY)
                    answered.append(response.status_code)
                    if response.headers.get("connection") == "close":
                        return  # to ask elsewhere
                except httpx.TransportError as error:
                    lost.append(type(error).__name__)
                    return

    def watch() -> None:
        with contextlib.suppress(httpx.TransportError):
            while True:
                ready.append(httpx.get(server.url + "/health/ready", timeout=30).status_code)
                time.sleep(0.02)

    threads = [threading.Thread(target=ask_on) for _ in range(8)]
    threads.append(threading.Thread(target=watch))
    for thread in threads:
        thread.start()
    wait_until(lambda: len(answered) > 50, "the load runs")
    server.process.send_signal(signal.SIGTERM)
    for thread in threads:
        thread.join(60)
    server.process.wait(30)
    assert lost == []
    assert set(answered) == {200}
    assert set(ready) == {200, 503}  # not ready, while still answering


@pytest.mark.parametrize("workers", [1, 2])
def test_who_connects_until_the_end_is_refused_and_never_reset(
    start_server: Callable[..., Server], workers: int
) -> None:
    """With a new connection for every request, each is answered, or never begun."""
    server = start_server(
        listen={"drain_seconds": 0.5, "workers": workers}, conversations={"store": "off"}
    )
    request = b"GET /health/live HTTP/1.1\r\nHost: x\r\n\r\n"
    outcomes: list[str] = []

    def connect_on() -> None:
        while True:
            try:
                connection = connect(server)
            except ConnectionRefusedError:
                return
            with connection:
                try:
                    connection.sendall(request)
                    outcomes.append(connection.recv(65_536).decode().partition("\r\n")[0])
                except OSError as error:
                    outcomes.append(type(error).__name__)

    threads = [threading.Thread(target=connect_on) for _ in range(16)]
    for thread in threads:
        thread.start()
    wait_until(lambda: len(outcomes) > 50, "the load runs")
    server.process.send_signal(signal.SIGTERM)
    for thread in threads:
        thread.join(60)
    server.process.wait(30)
    assert set(outcomes) == {"HTTP/1.1 200 OK"}


def test_requests_that_run_are_finished(start_server: Callable[..., Server]) -> None:
    server = start_server(
        inference={"batch_tokens": 1, "deadline_seconds": 600}, listen={"shutdown_seconds": 600}
    )
    answers: list[Any] = []

    def ask() -> None:
        body = {"inputs": [{"text": LONG}] * 100}
        answers.append(httpx.post(server.url + "/v1/emotions", json=body, timeout=60))

    thread = threading.Thread(target=ask)
    thread.start()
    wait_until(lambda: server.metric("emotion_queue_messages") > 0, "the messages wait")
    server.process.send_signal(signal.SIGTERM)
    thread.join(60)
    assert answers[0].status_code == 200
    assert len(answers[0].json()["results"]) == 100
    server.process.wait(30)
