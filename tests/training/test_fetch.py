"""The command that fetches the open sets, over HTTP, from a server with files made up here."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
import yaml

from tests.training.made_up_projects import RAW, ROWS, TABLES, Answer, Projects
from tests.training.scripted_server import Handler, serving
from training.cli import main
from training.distill.recipe import DistillRecipe
from training.fetch.recipe import OpenDataRecipe
from training.joint.recipe import JointRecipe
from training.readers.data_folder import CHECKOUT
from training.readers.rows import read_rows
from training.readers.sources import read_source
from training.recipe import load_recipe

OPEN_DATA = CHECKOUT / "config" / "training" / "open_data.yaml"


@pytest.fixture
def projects() -> Iterator[Projects]:
    with serving(Projects()) as server:
        yield server


@pytest.fixture
def recipe(projects: Projects, tmp_path: Path) -> dict[str, Any]:
    """The shipped recipe, of the server's files."""
    content: dict[str, Any] = yaml.safe_load(OPEN_DATA.read_text(encoding="utf-8"))
    for open_set in content["sets"].values():
        for file in open_set["files"]:
            path = file["url"].removeprefix("https://raw.githubusercontent.com")
            file["url"] = f"http://127.0.0.1:{projects.server_port}{path}"
            file["rows"] = ROWS[unquote(path).rsplit("/", 1)[-1]]
    content["retries"] = {"attempts": 3, "first_wait_seconds": 0.01, "timeout_seconds": 5.0}
    return content


@pytest.fixture
def fetch(recipe: dict[str, Any], tmp_path: Path) -> Callable[[], int]:
    def run() -> int:
        path = tmp_path / "open_data.yaml"
        path.write_text(yaml.safe_dump(recipe), encoding="utf-8")
        return main(["fetch", "--recipe", str(path), "--output", str(tmp_path / "data")])

    return run


def tables(folder: Path) -> dict[str, list[dict[str, Any]]]:
    return {
        str(path.relative_to(folder)).removesuffix(".jsonl.gz"): read_rows(path)
        for path in folder.rglob("*.jsonl.gz")
    }


def files_below(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def test_writes_every_set_in_the_normal_form(
    fetch: Callable[[], int], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    assert fetch() == 0
    data = tmp_path / "data"
    assert tables(data) == TABLES
    assert list(tables(data)["edos/mturk"][0]) == list(TABLES["edos/mturk"][0])  # their order
    assert files_below(data) == {f"{name}.jsonl.gz" for name in TABLES}  # no raw file stays
    packed = (data / "goemotions/train.jsonl.gz").read_bytes()
    assert "“twice”" in gzip.decompress(packed).decode()
    for folder, licence in [("goemotions", "Apache-2.0"), ("edos", "CC BY 4.0"), ("xed_en", "4.0")]:
        assert any(str(data / folder) in line and licence in line for line in caplog.messages), (
            caplog.messages
        )


def test_writes_the_same_bytes_every_time(fetch: Callable[[], int], tmp_path: Path) -> None:
    fetch()
    path = tmp_path / "data/edos/auto.jsonl.gz"
    first = path.read_bytes()
    path.unlink()
    time.sleep(1.1)  # a gzip header holds seconds
    fetch()
    assert path.read_bytes() == first


def test_what_it_writes_can_be_trained_on(fetch: Callable[[], int], tmp_path: Path) -> None:
    fetch()
    folder = CHECKOUT / "config" / "training"
    joint = load_recipe(folder / "default.yaml", JointRecipe).joint
    space = load_recipe(folder / "distill_open_sets.yaml", DistillRecipe)
    read = {
        source.file: read_source(source, tmp_path / "data")
        for source in [*space.sources, *joint.sources]
    }
    (first, _) = read["goemotions/train.jsonl.gz"]
    assert first.text == "The gate is open, “twice”."
    assert "approval" in first.labels
    (dialogue, _) = read["edos/mturk.jsonl.gz"]
    assert dialogue.text == "No ."
    assert dialogue.context == 'bot: Is the "boat" back , Tom ?'
    assert dialogue.labels == ("anxious", "afraid")
    assert [example.labels for example in read["edos/auto.jsonl.gz"]][-1] == ("wishing",)
    assert read["xed_en/all.jsonl.gz"][0].labels == ("surprise", "anger")
    assert read["xed_en/neutral.jsonl.gz"][0].labels == ("neutral",)


def cut(handler: Handler, body: bytes) -> None:
    handler.send_response(200)
    handler.send_header("Content-Length", str(len(body)))
    handler.end_headers()
    handler.wfile.write(body[: len(body) // 2])
    handler.close_connection = True


@pytest.mark.parametrize(
    ("fail", "reason"),
    [
        (lambda handler, body: handler.fail(503), "503"),
        (lambda handler, body: handler.reset(), ""),
        (cut, "without sending complete"),
        (lambda handler, body: handler.send(b"no gzip", Content_Encoding="gzip"), ""),
    ],
    ids=["busy", "lost", "cut", "broken compression"],
)
def test_a_passing_failure_is_tried_again(
    projects: Projects,
    fetch: Callable[[], int],
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    fail: Callable[[Handler, bytes], None],
    reason: str,
) -> None:
    def fail_first(handler: Handler, body: bytes, nth: int) -> None:
        fail(handler, body) if nth == 1 else handler.send(body)

    projects.answers = {"train.tsv": fail_first}
    assert fetch() == 0
    assert tables(tmp_path / "data") == TABLES
    assert projects.asked["train.tsv"] == 2
    assert any(reason in line and "trying again" in line for line in caplog.messages)


def test_a_compressed_download_is_unpacked(
    projects: Projects, fetch: Callable[[], int], tmp_path: Path
) -> None:
    def packed(handler: Handler, body: bytes, _: int) -> None:
        handler.send(gzip.compress(body), Content_Encoding="gzip")

    projects.answers = {"train.tsv": packed}
    assert fetch() == 0
    assert tables(tmp_path / "data") == TABLES


@pytest.mark.parametrize(
    ("answer", "times", "reason"),
    [
        (lambda handler, body, nth: handler.fail(404), 1, "404 Not Found"),
        (lambda handler, body, nth: handler.fail(500), 3, "500"),
        (lambda handler, body, nth: cut(handler, body), 3, "without sending complete"),
    ],
    ids=["missing", "failing", "cut"],
)
def test_a_file_that_cannot_be_had_stops_with_advice(
    projects: Projects,
    fetch: Callable[[], int],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    answer: Answer,
    times: int,
    reason: str,
) -> None:
    projects.answers = {"2. Similar_dialogs_3K.csv": answer}
    assert fetch() == 2
    message = capsys.readouterr().err
    assert reason in message
    assert "/2.%20Similar_dialogs_3K.csv" in message  # the address, as a browser wants it
    assert f"by hand to {tmp_path / 'data/raw/edos/2. Similar_dialogs_3K.csv'}" in message
    assert "make model DATA=folder" in message
    assert projects.asked["2. Similar_dialogs_3K.csv"] == times
    assert not (tmp_path / "data/edos/auto.jsonl.gz").exists()
    assert not list(tmp_path.rglob("*.part"))


def test_no_network_stops_with_advice(
    recipe: dict[str, Any], fetch: Callable[[], int], capsys: pytest.CaptureFixture[str]
) -> None:
    recipe["sets"]["goemotions"]["files"][0]["url"] = "http://127.0.0.1:1/train.tsv"
    assert fetch() == 2
    assert "http://127.0.0.1:1/train.tsv: " in capsys.readouterr().err


def test_goes_on_and_downloads_nothing_twice(
    projects: Projects, fetch: Callable[[], int], tmp_path: Path
) -> None:
    projects.answers = {"3. Self-labeled_dialogs_4K.csv": lambda handler, _, __: handler.fail(404)}
    assert fetch() == 2
    projects.answers = {}
    assert fetch() == 0
    assert tables(tmp_path / "data") == TABLES
    assert projects.asked.pop("3. Self-labeled_dialogs_4K.csv") == 2
    assert set(projects.asked.values()) == {1}
    projects.asked.clear()
    assert fetch() == 0
    assert not projects.asked
    assert files_below(tmp_path / "data") == {f"{name}.jsonl.gz" for name in TABLES}


def test_a_file_brought_by_hand_is_taken(
    projects: Projects, fetch: Callable[[], int], tmp_path: Path
) -> None:
    path = tmp_path / "data/raw/edos/1. MTurk_groundtruth_labels_9K.csv"
    path.parent.mkdir(parents=True)
    path.write_text("\ufeff" + RAW[path.name].replace("\n", "\r\n"), encoding="utf-8", newline="")
    assert fetch() == 0
    assert tables(tmp_path / "data") == TABLES
    assert projects.asked[path.name] == 0


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("dev.tsv", RAW["test.tsv"], "holds 2 rows, expected 1"),
        ("train.tsv", RAW["train.tsv"][:40], "expected"),
        ("dev.tsv", "One column\n", ":1: expected a text, label numbers and an id"),
        ("dev.tsv", "An unknown label\t28\tid\n", ":1: expected a text, label numbers"),
        ("en-annotated.tsv", "Zero is no label\t0\n", ":1: expected a text and label numbers"),
        ("neu_en.txt", "no tab\n", ":1: expected a label number and a text"),
        ("2. Similar_dialogs_3K.csv", "<html>Log in</html>\n", "no column 'os_dialog_id'"),
        ("2. Similar_dialogs_3K.csv", "", "no column 'os_dialog_id'"),
        (
            "2. Similar_dialogs_3K.csv",
            RAW["2. Similar_dialogs_3K.csv"][:-50],
            "the row has too few columns",
        ),
    ],
)
def test_a_file_that_is_not_as_published_is_told(
    projects: Projects,
    fetch: Callable[[], int],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    name: str,
    text: str,
    message: str,
) -> None:
    projects.files[name] = text.encode()
    assert fetch() == 2
    (path,) = (tmp_path / "data/raw").rglob(name)
    error = capsys.readouterr().err
    assert str(path) in error
    assert message in error
    assert "remove it" in error
    path.unlink()
    projects.files[name] = RAW[name].encode()
    assert fetch() == 0
    assert tables(tmp_path / "data") == TABLES


def test_a_file_that_is_no_text_is_told(
    projects: Projects, fetch: Callable[[], int], capsys: pytest.CaptureFixture[str]
) -> None:
    projects.files["dev.tsv"] = b"\x1f\x8b\xff"
    assert fetch() == 2
    assert "dev.tsv: not as published: 'utf-8' codec" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (gzip.compress(json.dumps({"text": "one"}).encode() + b"\n"), "holds 1 rows, expected 2"),
        (b"no gzip", "Not a gzipped file"),
    ],
    ids=["other rows", "no gzip"],
)
def test_a_table_of_another_origin_is_not_overwritten(
    fetch: Callable[[], int],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    content: bytes,
    message: str,
) -> None:
    path = tmp_path / "data/goemotions/train.jsonl.gz"
    path.parent.mkdir(parents=True)
    path.write_bytes(content)
    assert fetch() == 2
    error = capsys.readouterr().err
    assert f"{path}: " in error
    assert message in error
    assert path.read_bytes() == content


def test_the_shipped_recipe_pins_and_counts_every_file() -> None:
    recipe = load_recipe(OPEN_DATA, OpenDataRecipe)
    rows = {
        f"{name}/{table}": sum(file.rows for file in files)
        for name, open_set in recipe.sets.items()
        for table, files in open_set.tables().items()
    }
    assert rows == {
        "goemotions/train": 43_410,
        "goemotions/dev": 5_426,
        "goemotions/test": 5_427,
        "edos/mturk": 10_245,
        "edos/auto": 9_414,
        "xed_en/all": 17_528,
        "xed_en/neutral": 9_675,
    }
    for open_set in recipe.sets.values():
        for file in open_set.files:
            commit = file.url.removeprefix("https://raw.githubusercontent.com/").split("/")[2]
            assert len(commit) == 40
            int(commit, 16)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"url": "ftp://example.org/a.tsv"}, "sets.goemotions.files.0.url"),
        ({"format": "xlsx"}, "sets.goemotions.files.0.format"),
        ({"url": "https://example.org/other/dev.tsv"}, "2 files of a set are called dev.tsv"),
    ],
)
def test_a_mistake_in_the_recipe_is_told(
    recipe: dict[str, Any],
    fetch: Callable[[], int],
    capsys: pytest.CaptureFixture[str],
    change: dict[str, str],
    message: str,
) -> None:
    recipe["sets"]["goemotions"]["files"][0].update(change)
    assert fetch() == 2
    assert message in capsys.readouterr().err


@pytest.mark.parametrize(
    ("variables", "environment", "data"),
    [([], {}, None), (["DATA=mine"], {}, "mine"), ([], {"EMOTION_DATA": "mine"}, "mine")],
)
def test_make_model_fetches_where_no_folder_is_given(
    variables: list[str], environment: dict[str, str], data: str | None
) -> None:
    inherited = {key: os.environ[key] for key in ("PATH", "HOME") if key in os.environ}
    said = subprocess.run(
        ["make", "--dry-run", "model", *variables],
        cwd=CHECKOUT,
        env={**inherited, **environment},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert ("-m training fetch --output data" in said) == (data is None)
    assert f'--data "{data or "data"}"' in said
