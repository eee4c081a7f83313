"""The command as a person and as a program use it, always in a process of its own."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from typing import Any

import pytest

COMMAND = [sys.executable, "-W", "error", "-m", "emotion_component"]


def run(*arguments: str, stdin: bytes | None = None) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [*COMMAND, *arguments],
        input=stdin,
        stdin=subprocess.DEVNULL if stdin is None else None,
        capture_output=True,
        check=False,
    )


def lines(done: subprocess.CompletedProcess[bytes]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_classify_for_a_person() -> None:
    done = run("classify", "thank you so much!", "where are you?")
    output = done.stdout.decode()
    assert done.returncode == 0
    assert "thank you so much!\n  * gratitude" in output
    assert "█" in output
    assert "valence +" in output


def test_context_for_a_person() -> None:
    turn = "user: my father died on monday"
    plain = json.loads(run("classify", "--json", "it arrived today").stdout)
    informed = json.loads(run("classify", "--json", "it arrived today", "--context", turn).stdout)
    assert (plain["label"], informed["label"]) == ("neutral", "grief")


def test_rank_and_describe_for_a_person() -> None:
    ranked = run("rank", "--single", "--labels", "angry, happy", "I love it").stdout.decode()
    assert ranked.splitlines()[1].split()[:2] == ["*", "happy"]
    described = run("describe", "-k", "3", "my dog died").stdout.decode()
    assert len(described.strip().splitlines()) == 4


def test_info() -> None:
    assert "emotion-minilm 0.3.0" in run("info").stdout.decode()
    manifest = json.loads(run("info", "--json").stdout)
    assert len(manifest["labels"]) == 28
    assert any("GoEmotions" in name for name in manifest["scores"])


def test_json_lines_keep_their_order_and_lose_nothing() -> None:
    texts = [f"thank you {i}" if i % 3 else f"I hate you {i}" for i in range(700)]
    stdin = "".join(json.dumps({"text": text}) + "\n" for text in texts).encode()
    done = run("classify", stdin=stdin)
    results = lines(done)
    assert done.returncode == 0
    assert len(results) == 700
    assert all(("gratitude" in r["labels"]) == bool(i % 3) for i, r in enumerate(results)), (
        "a result stands in another's place"
    )
    keys = {"label", "score", "labels", "scores", "group", "valence", "arousal", "truncated"}
    assert keys <= set(results[0])


def test_rank_and_describe_of_json_lines() -> None:
    stdin = b'{"text": "I love it", "context": [{"role": "bot", "text": "Do you like it?"}]}\n'
    (ranked,) = lines(run("rank", "--labels", "angry,happy", stdin=stdin))
    assert ranked["label"] == "happy"
    assert set(ranked["scores"]) == {"angry", "happy"}
    (described,) = lines(run("describe", "-k", "2", stdin=stdin))
    assert len(described["descriptors"]) == 2


def test_context_in_json_lines_counts() -> None:
    context = [{"role": "user", "text": "my father died on monday"}]
    rows = [{"text": "it arrived today"}, {"text": "it arrived today", "context": context}]
    stdin = "\n".join(map(json.dumps, rows)).encode()
    plain, informed = lines(run("classify", stdin=stdin))
    assert (plain["label"], informed["label"]) == ("neutral", "grief")


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (b"", "not valid JSON"),
        (b"nope", "not valid JSON"),
        (b"\xff\xfe", "not valid UTF-8"),
        (b"[1]", 'expected an object with the key "text"'),
        (b'{"txt": "a"}', 'expected an object with the key "text"'),
        (b'{"text": 3}', "text: expected a string, got int"),
        (b'{"text": "a", "context": "b"}', "context: expected a list"),
        (b'{"text": "a", "context": [{"role": "x", "text": ""}]}', "context[0]: role"),
        (b"[" * 100_000, "not valid JSON"),
    ],
)
def test_a_bad_line_is_answered_in_its_place(bad: bytes, message: str) -> None:
    good = b'{"text": "thank you"}'
    done = run("classify", stdin=b"\n".join([good, bad, good]) + b"\n")
    first, error, last = lines(done)
    assert done.returncode == 1
    assert first["label"] == last["label"] == "gratitude"
    assert error["error"].startswith("line 2: ")
    assert message in error["error"]


def test_each_line_is_answered_at_once() -> None:
    with subprocess.Popen(
        [*COMMAND, "classify"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        for text, label in (("thank you", "gratitude"), ("I love you", "love")):
            process.stdin.write(json.dumps({"text": text}).encode() + b"\n")
            process.stdin.flush()
            assert json.loads(process.stdout.readline())["label"] == label
        process.stdin.close()
        assert process.wait() == 0


def test_a_reader_that_leaves_is_no_crash() -> None:
    stdin = b'{"text": "thank you"}\n' * 3000
    with subprocess.Popen(
        [*COMMAND, "classify"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdin.write(stdin[: 10 * 22])
        process.stdin.flush()
        process.stdout.readline()
        process.stdout.close()
        try:
            process.stdin.write(stdin)
            process.stdin.close()
        except BrokenPipeError:
            pass
        assert b"Traceback" not in process.stderr.read()


def test_a_terminal_sees_progress() -> None:
    leader, follower = pty.openpty()
    done = subprocess.run(
        [*COMMAND, "classify"],
        input=b'{"text": "thank you"}\n' * 3,
        stdout=subprocess.PIPE,
        stderr=follower,
        check=False,
    )
    os.close(follower)
    progress = os.read(leader, 10_000).decode()
    os.close(leader)
    assert done.returncode == 0
    assert "3 messages" in progress


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("classify", "--bundle", "nowhere", "hi"), "nowhere: no bundle here"),
        (("classify", "hi", "--context", "somebody: x"), "role: expected one of user, bot"),
        (("classify", "hi", "--threads", "0"), "threads: expected a positive integer"),
        (("rank", "--labels", "a,,b", "hi"), "labels[1]: is empty"),
        (("rank", "--labels", "a,a"), "labels: each label may stand only once"),
        (("describe", "-k", "0", "hi"), "k: expected a positive integer"),
        (("classify", "--context", "user: x"), "--context: goes with messages as arguments"),
        (("rank", "hi"), "--labels"),
    ],
)
def test_mistakes_are_one_clear_message(arguments: tuple[str, ...], message: str) -> None:
    done = run(*arguments, stdin=b"")
    assert done.returncode == 2
    assert message in done.stderr.decode()
    assert "Traceback" not in done.stderr.decode()
    assert done.stdout == b""
