"""The synthesis end to end, over real HTTP, against a model that plays well or badly."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
from collections import Counter
from pathlib import Path

import pytest
import yaml

from tests.training.pillars.playing import Synthesis, play_badly, play_well, playing
from tests.training.scripted_server import Handler, ScriptedServer
from training.cli import main
from training.pillars.recipe import STEP_NAMES, PillarsRecipe
from training.recipe import load_recipe

ROOT = Path(__file__).parents[3]


def step_of(text: str) -> str:
    return str(json.loads(text, strict=False)[0])


def test_a_model_that_plays_well(
    synthesis: Synthesis, server: ScriptedServer, capsys: pytest.CaptureFixture[str]
) -> None:
    server.script = playing(play_well)

    assert main(synthesis.command("synthesize")) == 0

    calls = Counter(map(step_of, server.asked.elements()))
    assert calls == {
        "actors": 4,
        "utterances": 8,
        "soft_labels": 80,
        "context": 80,
        "cleaning": 80,
        "rewriting": 80,
    }
    corpus = synthesis.lines("corpus.jsonl")
    assert len({example["id"] for example in corpus}) == 80
    assert Counter(example["emotion"] for example in corpus)["neutral"] == 16
    example = corpus[0]
    assert example["id"] == "plot0/1/1"
    assert example["labels"] == {"joy": 0.9, "curiosity": 0.5}
    assert example["actor"] == "Ida"
    assert example["context"].startswith("Ida (the baker) stands there and looks at")
    assert example["full_context"].replace("sadly ", "") == example["context"]
    assert example["rewritten"] == example["text"].replace("!", ".")
    summary = synthesis.summary()
    assert all(not step["rejected"] for step in summary["steps"].values())
    assert summary["steps"]["context"]["prompt_tokens"] == 80 * 100
    assert summary["with_context"] == summary["examples"] == 80
    assert "Examples: 80, with context: 80" in capsys.readouterr().out


def test_each_step_asks_as_in_the_paper(synthesis: Synthesis, server: ScriptedServer) -> None:
    shipped = load_recipe(ROOT / "config/training/pillars_synthesis.yaml", PillarsRecipe)
    most = [shipped.steps[name].max_tokens or shipped.llm.max_tokens for name in STEP_NAMES]
    assert most == [300, 500, 100, 300, 300, 300]
    assert shipped.llm.temperature == 0
    assert shipped.llm.extra_body == {"repetition_penalty": 1.03}

    for name in STEP_NAMES:
        synthesis.content["steps"][name]["max_tokens"] = shipped.steps[name].max_tokens
    synthesis.write()
    server.script = playing(play_well)
    main(synthesis.command("synthesize"))
    asked = {
        (body["temperature"], body["max_tokens"], body["repetition_penalty"])
        for body in server.bodies
        if '"soft_labels"' in body["messages"][-1]["content"]
    }
    assert asked == {(0.0, 100, 1.03)}


def test_a_model_that_plays_badly(
    synthesis: Synthesis, server: ScriptedServer, capsys: pytest.CaptureFixture[str]
) -> None:
    server.script = playing(play_badly)

    assert main(synthesis.command("synthesize")) == 0

    steps = synthesis.summary()["steps"]
    assert {name: step["rejected"] for name, step in steps.items()} == {
        "actors": {"not in the narrative": 4},
        "utterances": {"unknown label": 8, "prose": 8},
        "soft_labels": {"no label": 8, "primary emotion absent or weak": 8, "missing level": 64},
        "context": {"refusal": 32},
        "cleaning": {},
        "rewriting": {"names the emotion": 4},
    }
    corpus = synthesis.lines("corpus.jsonl")
    assert len(corpus) == 64
    with_context = [example for example in corpus if "rewritten" in example]
    assert len(with_context) == 28
    assert {example["actor"] for example in with_context} == {"Ida"}
    assert all("(less clear)" not in example["rewritten"] for example in with_context)
    assert all(example["rewriting_reasoning"] == "less clear" for example in with_context)
    assert all("sadly" in example["cleaning_reasoning"] for example in with_context)
    joy = [example for example in corpus if example["emotion"] == "joy"]
    assert {example["original_label"] for example in joy} == {"bliss"}
    assert synthesis.summary()["mapped_labels"] == {"bliss -> joy": 8}
    refusals = synthesis.lines("rejected/context.jsonl")
    assert {line["text"] for line in refusals} == {"I cannot assist with that."}
    assert "32 x refusal" in capsys.readouterr().out


def test_splits_hold_whole_narratives(synthesis: Synthesis, server: ScriptedServer) -> None:
    server.script = playing(play_well)
    main(synthesis.command("synthesize"))
    for scheme in ("80-10-10", "90-5-5"):
        parts = {
            name: synthesis.lines(f"{scheme}/{name}.jsonl") for name in ("train", "dev", "test")
        }
        assert [len(part) for part in parts.values()] == [40, 20, 20]
        narratives = [{line["narrative"] for line in part} for part in parts.values()]
        assert len(set.union(*narratives)) == sum(map(len, narratives)) == 4


def test_near_duplicates_are_left_out_before_they_cost(
    synthesis: Synthesis, server: ScriptedServer
) -> None:
    def play(step: str, values: dict[str, str]) -> str:
        if step != "utterances":
            return play_well(step, values)
        mine = "gloom" if "Ida" in values["actor"] else "calm"
        return f'joy: "I love {mine} today"\nfear: "You hate this news"'

    synthesis.content["duplicate_similarity"] = 0.9999
    synthesis.write()
    server.script = playing(play)
    assert main(synthesis.command("synthesize")) == 0
    assert [line["text"] for line in synthesis.lines("corpus.jsonl")] == [
        "I love gloom today",
        "You hate this news",
        "I love calm today",
    ]
    assert synthesis.summary()["near_duplicates"] == 13
    assert Counter(map(step_of, server.asked.elements()))["soft_labels"] == 3


def test_a_balanced_corpus(synthesis: Synthesis, server: ScriptedServer) -> None:
    server.script = playing(play_well)
    assert main(synthesis.command("synthesize", "--set", "most_per_emotion=3")) == 0
    assert set(synthesis.summary()["emotions"].values()) == {3}


def test_a_second_run_asks_only_what_failed(
    synthesis: Synthesis, server: ScriptedServer, capsys: pytest.CaptureFixture[str]
) -> None:
    well = playing(play_well)

    def script(handler: Handler, text: str, nth: int) -> None:
        if step_of(text) == "actors" and "year 3" in text:
            handler.fail(400, "too long")
        else:
            well(handler, text, nth)

    server.script = script
    assert main(synthesis.command("synthesize")) == 1
    assert "failed: 1 x status 400: too long" in capsys.readouterr().out
    assert synthesis.summary()["examples"] == 60

    before = server.asked.total()
    server.script = well
    assert main(synthesis.command("synthesize")) == 0
    assert synthesis.summary()["examples"] == 80
    assert server.asked.total() - before == 1 + 2 + 4 * 20

    before = server.asked.total()
    corpus = (synthesis.output / "corpus.jsonl").read_bytes()
    assert main(synthesis.command("synthesize")) == 0
    assert server.asked.total() == before
    assert (synthesis.output / "corpus.jsonl").read_bytes() == corpus


def test_killed_and_resumed(synthesis: Synthesis, server: ScriptedServer) -> None:
    server.script = playing(play_well)
    assert main(synthesis.command("synthesize", "--set", f"output={synthesis.folder}/whole")) == 0
    server.asked.clear()

    reached = threading.Event()
    resumed = threading.Event()
    well = playing(play_well)

    def script(handler: Handler, text: str, nth: int) -> None:
        if step_of(text) == "context" and Counter(map(step_of, server.asked))["context"] > 12:
            reached.set()
            resumed.wait(60)  # held until the process is dead
        well(handler, text, nth)

    server.script = script
    process = subprocess.Popen(
        [sys.executable, "-m", "training", *synthesis.command("synthesize")],
        cwd=ROOT,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert reached.wait(100), process.kill() or process.communicate()[1]
    process.kill()
    assert process.wait() == -signal.SIGKILL
    process.communicate()
    resumed.set()
    done = (synthesis.output / "answers" / "context.jsonl").read_text().count("\n") - 1
    assert done >= 4

    server.script = well
    assert main(synthesis.command("synthesize")) == 0
    again = [text for text, times in server.asked.items() if times > 1]
    assert set(map(step_of, again)) <= {"context"}
    assert len(again) <= 8  # those in flight when it was killed
    assert (synthesis.output / "corpus.jsonl").read_bytes() == (
        synthesis.folder / "whole" / "corpus.jsonl"
    ).read_bytes()


def test_answers_to_another_prompt_are_not_continued(
    synthesis: Synthesis, server: ScriptedServer, capsys: pytest.CaptureFixture[str]
) -> None:
    server.script = playing(play_well)
    assert main(synthesis.command("synthesize", "--until", "actors")) == 0
    synthesis.content["steps"]["actors"]["prompt"]["user"] += " "
    synthesis.write()
    assert main(synthesis.command("synthesize", "--until", "actors")) == 2
    assert "made with another prompt" in capsys.readouterr().err


def test_a_label_mapped_later_is_read_from_the_same_answers(
    synthesis: Synthesis, server: ScriptedServer
) -> None:
    server.script = playing(play_badly)
    command = synthesis.command("synthesize", "--until", "utterances")
    assert main(command) == 0
    assert synthesis.summary()["steps"]["utterances"]["kept"] == 72
    before = server.asked.total()

    mapping = yaml.safe_load(Path(synthesis.content["label_mapping"]).read_text())
    mapping["desire"].append("hunger")
    own = synthesis.folder / "mapping.yaml"
    own.write_text(yaml.safe_dump(mapping))
    synthesis.content["label_mapping"] = str(own)
    synthesis.write()
    assert main(command) == 0
    assert server.asked.total() == before
    emotions = Counter(line["emotion"] for line in synthesis.lines("utterances.jsonl"))
    assert emotions["desire"] == 8


def test_a_run_until_a_step(synthesis: Synthesis, server: ScriptedServer) -> None:
    server.script = playing(play_well)
    assert main(synthesis.command("synthesize", "--until", "utterances")) == 0
    assert set(map(step_of, server.asked)) == {"actors", "utterances"}
    assert len(synthesis.lines("utterances.jsonl")) == 80
    assert not (synthesis.output / "corpus.jsonl").exists()


def test_mistakes_in_the_recipe_are_told(
    synthesis: Synthesis, capsys: pytest.CaptureFixture[str]
) -> None:
    def told() -> str:
        synthesis.write()
        assert main(synthesis.command("synthesize")) == 2
        return capsys.readouterr().err

    prompt = synthesis.content["steps"]["soft_labels"]["prompt"]
    good, prompt["user"] = prompt["user"], "{utterance} {emotion} {definitions} {narrative}"
    assert "soft_labels: write {definitions}, {emotion}, {utterance}, and no other" in told()
    prompt["user"] = good
    synthesis.content["splits"] = {"../up": [8.0, 1.0, 1.0]}
    assert "is no name of a folder" in told()
    del synthesis.content["splits"], synthesis.content["steps"]["cleaning"]
    message = told()
    assert "splits: missing" in message
    assert "write these steps" in message
