"""POST /v1/emotions/stream: JSON Lines both ways."""

from __future__ import annotations

import json
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from emotion_component import EmotionModel
from tests.server.running import Server

PATH = "/v1/emotions/stream"


def stream(server: Server, content: bytes, **options: object) -> list[dict[str, Any]]:
    headers = {"Content-Type": "application/x-ndjson"}
    response = server.http.post(PATH, content=content, params=options, headers=headers)
    assert response.status_code == 200
    assert response.headers["content-type"] == "application/x-ndjson"
    return [json.loads(line) for line in response.content.splitlines()]


def lines(texts: list[str]) -> bytes:
    return b"".join(json.dumps({"text": text}).encode() + b"\n" for text in texts)


def test_many_lines_keep_their_order(server: Server, model: EmotionModel) -> None:
    texts = ["I hate this so much!", "thank you so much", "hello", "why though?"] * 300
    results = stream(server, lines(texts))
    expected = {text: model.predict(text).label for text in set(texts)}
    assert [result["label"] for result in results] == [expected[text] for text in texts]


def test_context_and_options(server: Server, model: EmotionModel) -> None:
    context = [{"role": "bot", "text": "You have won!"}]
    line = json.dumps({"text": "no way", "context": context}).encode()
    (result,) = stream(server, line, labels=["rage", "joy"], multi_label=False, descriptors=2)
    expected = model.predict("no way", context).to_dict()
    assert {key: result[key] for key in expected} == expected
    assert sum(result["rank"]["scores"].values()) == pytest.approx(1, abs=1e-3)
    assert len(result["descriptors"]) == 2


def test_a_bad_line_is_answered_in_its_place(server: Server) -> None:
    content = b'{"text": "I hate it!"}\n{"text": 3}\n\nnonsense\n\xff\n{"text": "thank you!"}'
    results = stream(server, content)
    assert [result.get("label") for result in results] == ["anger", *[None] * 4, "gratitude"]
    assert [r["error"]["line"] for r in results if "error" in r] == [2, 3, 4, 5]
    assert results[1]["error"]["errors"][0]["field"] == "text"


def test_nothing_in_nothing_out(server: Server) -> None:
    assert stream(server, b"") == []


def test_bad_options_are_refused(server: Server) -> None:
    for query in ("descriptors=0", "labels=a&labels=a", "label=a", f"labels={'x' * 201}"):
        response = server.http.post(f"{PATH}?{query}", content=lines(["hi"]))
        assert response.status_code == 422, query


def test_answers_come_while_lines_are_still_sent(server: Server) -> None:
    def send(line: bytes) -> None:
        connection.sendall(b"%x\r\n%b\r\n" % (len(line), line))

    with socket.create_connection(server.address(), timeout=30) as connection:
        answers = connection.makefile("rb")
        head = f"POST {PATH} HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
        connection.sendall(head.encode())
        for text, label in (("I hate it!", b"anger"), ("thank you!", b"gratitude")):
            send(lines([text]))
            while b'"label"' not in (line := answers.readline()):
                assert line
            assert b'"label": "%b"' % label in line
        connection.sendall(b"0\r\n\r\n")
        answers.close()


def test_a_stream_may_last_beyond_the_deadline(start_server: Callable[..., Server]) -> None:
    deadline = 2.0
    server = start_server(inference={"deadline_seconds": deadline})

    def slowly() -> Iterator[bytes]:
        for _ in range(3):
            yield lines(["I hate it!"])
            time.sleep(deadline / 2)

    response = server.http.post(PATH, content=slowly())
    assert [json.loads(line).get("label") for line in response.text.splitlines()] == ["anger"] * 3


def test_curl_can_do_it(server: Server, model: EmotionModel) -> None:
    command = ["curl", "-sS", "--no-buffer", "--data-binary", "@-", server.url + PATH]
    texts = ["I hate it!"] * 200
    output = subprocess.run(command, input=lines(texts), capture_output=True, timeout=60).stdout
    assert [json.loads(line)["label"] for line in output.splitlines()] == ["anger"] * 200


def test_a_line_without_an_end_is_refused(start_server: Callable[..., Server]) -> None:
    server = start_server(limits={"body_bytes": 100_000})
    (result,) = stream(server, b'{"text": "' + b"x" * 300_000)
    assert result["error"]["type"] == "/problems/too-large"


def test_a_stream_that_rests_is_ended(start_server: Callable[..., Server]) -> None:
    server = start_server(limits={"body_seconds": 0.3})
    with socket.create_connection(server.address(), timeout=30) as connection:
        connection.sendall(
            f"POST {PATH} HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{{".encode()
        )
        answer = b""
        while b"/problems/request-timeout" not in answer:
            chunk = connection.recv(4096)
            assert chunk
            answer += chunk
