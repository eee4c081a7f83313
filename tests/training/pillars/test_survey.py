"""The survey: a form that can be used, and scores that can be trusted."""

from __future__ import annotations

import json
import math
import subprocess
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from tests.training.pillars.playing import Synthesis
from tests.training.pillars.test_analyse import example
from training.cli import main
from training.pillars.files import read_lines, write_lines
from training.pillars.survey_form import choose_items, render, survey_id
from training.pillars.survey_score import krippendorff_alpha, score

EMOTIONS = ["joy", "anger", "fear", "pride", "love", "neutral"]
DEFINITIONS = {emotion: f"what {emotion} is" for emotion in EMOTIONS}


class Page(HTMLParser):
    """What the page holds."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.unlabelled: list[dict[str, str | None]] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = dict(attrs)
        self.tags.append((tag, attributes))
        if tag == "input" and "label" not in self.open:
            self.unlabelled.append(attributes)
        if tag not in ("input", "meta"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def all(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.tags if name == tag]


def test_the_form_stands_alone_and_is_accessible() -> None:
    nasty = example(0, text='<script>alert("x")</script>', actor="Ida & Tom")
    page = render(choose_items([nasty, example(1)], EMOTIONS, 2, 2, seed=0), DEFINITIONS)
    parsed = Page(page)
    assert not parsed.open  # every element is closed
    assert len(parsed.all("script")) == 1
    assert "http://" not in page
    assert "https://" not in page
    assert not parsed.all("link") + parsed.all("img")
    assert parsed.all("html") == [{"lang": "en"}]
    # Every input is labelled: inside a label, or named by one.
    named = {label.get("for") for label in parsed.all("label")}
    assert [one["id"] in named for one in parsed.unlabelled] == [True]
    assert len(parsed.all("fieldset")) == len(parsed.all("legend")) == 2 * 3
    ids = [attributes["id"] for _, attributes in parsed.tags if "id" in attributes]
    assert len(set(ids)) == len(ids)


def test_labels_of_the_model_are_offered_among_others() -> None:
    rows = [example(n) for n in range(20)]
    items = choose_items(rows, EMOTIONS, 10, 3, seed=0)
    assert len({item["id"] for item in items}) == 10
    for item in items:
        assert len(set(item["offered"])) == 5
        assert set(item["labels"]) < set(item["offered"])
    assert any(item["offered"][0] not in item["labels"] for item in items)  # shuffled
    assert items == choose_items(rows, EMOTIONS, 10, 3, seed=0)


def answered(
    items: list[dict[str, Any]], name: str, ticks: list[list[str]], contexts: list[str]
) -> dict[str, Any]:
    answers = [
        {"labels": labels, "context": context, "alone": "ambiguous"}
        for labels, context in zip(ticks, contexts, strict=True)
    ]
    return {"survey": survey_id(items), "annotator": name, "answers": answers}


def test_the_command(
    synthesis: Synthesis, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_lines(synthesis.output / "corpus.jsonl", [example(n) for n in range(16)])
    assert main(synthesis.command("survey")) == 0
    assert "Survey of 6 examples" in capsys.readouterr().out
    folder = synthesis.output / "survey"
    assert "Example 6 of 6" in (folder / "survey.html").read_text()

    items = read_lines(folder / "survey.jsonl")
    files = []
    for name, contexts in (("a", ["neutral"] * 6), ("b", ["neutral"] * 5 + ["emotive"])):
        ticks = [[item["emotion"]] for item in items]
        path = tmp_path / f"{name}.json"
        path.write_text(json.dumps(answered(items, name, ticks, contexts)))
        files.append(str(path))
    assert main(synthesis.command("survey", "--answers", *files)) == 0
    out = capsys.readouterr().out
    assert "primary 100%, all 50%, distractors 0%; alpha 1.00" in out
    assert "Contexts neutral: 83%" in out
    scores = json.loads((folder / "scores.json").read_text(), parse_constant=pytest.fail)
    assert scores["annotators"] == 2
    assert scores["agreement"]["alone"] is None  # all said the same: nothing to agree on

    assert main(synthesis.command("survey", "--answers", files[0], files[0])) == 2
    assert "one annotator twice" in capsys.readouterr().err
    write_lines(folder / "survey.jsonl", items[:-1])
    assert main(synthesis.command("survey", "--answers", *files)) == 2
    assert "answers another survey" in capsys.readouterr().err
    (tmp_path / "a.json").write_text("{}")
    assert main(synthesis.command("survey", "--answers", files[0])) == 2
    assert "no answers of a survey" in capsys.readouterr().err


def test_a_corpus_without_contexts_has_no_survey(
    synthesis: Synthesis, capsys: pytest.CaptureFixture[str]
) -> None:
    write_lines(synthesis.output / "corpus.jsonl", [{"id": "1", "text": "x"}])
    assert main(synthesis.command("survey")) == 2
    assert "no examples with context" in capsys.readouterr().err


def test_most_annotators_decide() -> None:
    items = [{"emotion": "joy", "labels": ["joy", "love"], "offered": ["joy", "love", "fear"]}]

    def scores(*ticks: list[str]) -> dict[str, Any]:
        answers = [[{"labels": t, "context": "neutral", "alone": "clear"}] for t in ticks]
        return score(items, answers)

    found = scores(["joy", "fear"], ["joy"], ["fear", "love"])
    assert found["primary_accuracy"] == 1
    assert found["label_accuracy"] == 0.5
    assert found["distractor_rate"] == 1
    assert found["neutral_contexts"] == 1
    assert found["ambiguous_alone"] == 0
    assert scores(["joy"], [])["primary_accuracy"] == 0  # a half is not most


def test_what_was_not_answered_does_not_count() -> None:
    items = [{"emotion": "joy", "labels": ["joy"], "offered": ["joy"]}] * 2
    seen = {"labels": ["joy"], "context": "neutral", "alone": "clear"}
    unseen = {"labels": [], "context": None, "alone": None}
    found = score(items, [[seen, unseen]])
    assert (found["items"], found["primary_accuracy"]) == (1, 1)
    assert math.isnan(score(items, [[unseen, unseen]])["primary_accuracy"])


def test_alpha_is_krippendorffs() -> None:
    # Krippendorff 2011, "Computing Krippendorff's Alpha-Reliability", sections A and C.
    first = [0, 1, 0, 0, 0, 0, 0, 0, 1, 0]
    second = [1, 1, 1, 0, 0, 1, 0, 0, 0, 0]
    assert krippendorff_alpha(list(zip(first, second, strict=True))) == pytest.approx(
        0.095, abs=5e-4
    )
    four = [
        [1, 1, 1],
        [2, 2, 3, 2],
        [3, 3, 3, 3],
        [3, 3, 3, 3],
        [2, 2, 2, 2],
        [1, 2, 3, 4],
        [4, 4, 4, 4],
        [1, 1, 2, 1],
        [2, 2, 2, 2],
        [5, 5, 5],
        [1, 1],
        [3],
    ]
    assert krippendorff_alpha(four) == pytest.approx(0.743, abs=5e-4)
    assert math.isnan(krippendorff_alpha([["a", "a"], ["b"]]))
    assert krippendorff_alpha([["a", "b"], ["b", "a"]]) < 0


def test_the_script_parses(tmp_path: Path) -> None:
    page = render(choose_items([example(0)], EMOTIONS, 1, 1, seed=0), DEFINITIONS)
    script = tmp_path / "survey.js"
    script.write_text(page.split("<script>")[1].split("</script>")[0])
    checked = subprocess.run(["node", "--check", script], capture_output=True, text=True)
    assert checked.returncode == 0, checked.stderr
