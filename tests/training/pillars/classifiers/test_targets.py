"""Targets from levels, the mapping of EDOS's labels, groups and parts of a split."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from training.errors import UserError
from training.pillars.groups import connected_groups, deal
from training.pillars.parts import with_unrelated_contexts
from training.pillars.sources import (
    DEFINITIONS,
    EDOS_LABELS,
    CorpusSource,
    Utterance,
    edos_emotions,
    read_corpus,
)
from training.pillars.targets import make_targets
from training.pillars.taxonomy import load_taxonomy

Writer = Callable[..., Path]

LABELS = ("anger", "joy", "neutral")

# The labels that EDOS's classifier has: 32 emotions, 8 intents, neutral.
NAMES = """
    acknowledging afraid agreeing angry annoyed anticipating anxious apprehensive ashamed caring
    confident consoling content devastated disappointed disgusted embarrassed encouraging excited
    faithful furious grateful guilty hopeful impressed jealous joyful lonely neutral nostalgic
    prepared proud questioning sad sentimental suggesting surprised sympathizing terrified trusting
    wishing
"""


def test_thresholded_targets_keep_the_strongest_however_weak() -> None:
    emotions = [{"joy": 0.3, "anger": 0.2}, {"neutral": 0.1}, {"joy": 0.9, "anger": 0.4}, {}]
    targets = make_targets(emotions, LABELS, "thresholded", 0.3)
    assert targets.tolist() == [[0, 1, 0], [0, 0, 1], [1, 1, 0], [0, 0, 0]]


def test_soft_targets_are_the_levels() -> None:
    targets = make_targets([{"joy": 0.3, "anger": 0.2}], LABELS, "soft", 0.3)
    assert targets.tolist() == [[0.2, 0.3, 0]]


def test_every_label_of_edos_means_one_of_the_28() -> None:
    taxonomy = load_taxonomy(DEFINITIONS, EDOS_LABELS)
    labels = NAMES.split()
    assert len(labels) == 41
    assert all(taxonomy.resolve(label) for label in labels)
    assert taxonomy.resolve("ashamed") == "embarrassment"


def test_votes_become_shares() -> None:
    taxonomy = load_taxonomy(DEFINITIONS, EDOS_LABELS)
    votes = ["terrified", "afraid", "annoyed (other)"]
    assert edos_emotions(votes, taxonomy) == {
        "fear": pytest.approx(2 / 3),
        "annoyance": pytest.approx(1 / 3),
    }
    assert edos_emotions(["greeting (other)", "n (other)", "meeting (other)"], taxonomy) == {}


def test_edos_is_read_with_turns_by_speaker(tmp_path: Path, write_jsonl: Writer) -> None:
    rows: list[dict[str, Any]] = [
        {"dialogue_id": "1", "turns": ["hi", "no", "why ?"], "label": "sad", "method": "similar"},
        {"dialogue_id": "2", "turns": ["well"], "label": None, "votes": ["n (other)"] * 3},
    ]
    path = write_jsonl(tmp_path / "edos.jsonl", rows)
    found = read_corpus(CorpusSource(kind="edos", file=str(path)), None)
    assert found == [Utterance("why ?", "user: hi bot: no", {"sadness": 1.0}, "1")]


@pytest.mark.parametrize(
    ("utterance", "texts"),
    [
        ("original", ["You never paid!", "Fine."]),
        ("rewritten", ["The flour was not free."]),
        ("both", ["You never paid!", "The flour was not free.", "Fine."]),
    ],
)
def test_synthesised_corpora(
    tmp_path: Path, write_jsonl: Writer, utterance: Any, texts: list[str]
) -> None:
    rows: list[dict[str, Any]] = [
        {
            **{"id": "m/1", "narrative": "m", "text": texts[0], "labels": {"anger": 0.9}},
            **{"context": "Ida baked.", "rewritten": "The flour was not free."},
        },
        {"id": "m/2", "narrative": "m", "text": "Fine.", "labels": {"approval": 0.5}},
    ]
    rows[0]["text"] = "You never paid!"
    path = write_jsonl(tmp_path / "corpus.jsonl", rows)
    source = CorpusSource(kind="synthesised", file=str(path), utterance=utterance)
    found = read_corpus(source, None)
    assert [u.text for u in found] == texts
    assert {u.context for u in found if u.text != "Fine."} == {"Ida baked."}
    assert {u.unit for u in found} == {"m"}


def test_a_limit_keeps_whole_groups(tmp_path: Path, write_jsonl: Writer) -> None:
    case = {"turns": [["user", "so"]], "emotions": {"joy": 0.5}}
    rows = [{"utterance": f"ok {n}", "cases": [case, case]} for n in range(9)]
    path = write_jsonl(tmp_path / "contrast.jsonl", rows)
    found = read_corpus(CorpusSource(kind="contrast", file=str(path), limit=4), None)
    assert len(found) == 8
    assert len({u.group for u in found}) == 4


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ({"text": "hi"}, "not of the form that kind 'goemotions' has"),
        ({"text": "hi", "labels": ["bliss"]}, "unknown emotion 'bliss'"),
    ],
)
def test_corpora_of_another_form_are_refused(
    tmp_path: Path, write_jsonl: Writer, row: dict[str, Any], message: str
) -> None:
    path = write_jsonl(tmp_path / "rows.jsonl", [row])
    with pytest.raises(UserError, match=message):
        read_corpus(CorpusSource(kind="goemotions", file=str(path)), None)


def test_groups_are_connected_through_others() -> None:
    people = ["ann", "ann", "bob", "bob", "eve", "joe"]
    texts = ["a", "b", "b", "c", "d", "c"]
    groups = connected_groups(people, texts).tolist()
    assert len(set(groups)) == 2
    assert groups[0] == groups[1] == groups[2] == groups[3] == groups[5] != groups[4]
    assert len(set(connected_groups(["x", "y"], ["y", "x"]).tolist())) == 2


def test_dealing_keeps_groups_together() -> None:
    groups = np.repeat(np.arange(100), 3)
    rest, dev, held_out = deal(groups, (0.1, 0.2))
    assert [len(part) for part in (rest, dev, held_out)] == [210, 30, 60]
    assert sorted(np.concatenate([rest, dev, held_out])) == list(range(300))
    for one, other in ((rest, dev), (rest, held_out), (dev, held_out)):
        assert not set(groups[one]) & set(groups[other])
    assert np.array_equal(deal(groups, (0.1, 0.2))[2], held_out)


def test_unrelated_contexts_go_to_utterances_without() -> None:
    told = [Utterance(f"t{n}", "user: so", {"joy": 1.0}, str(n)) for n in range(5)]
    bare = [Utterance(f"b{n}", None, {"fear": 1.0}, str(n)) for n in range(400)]
    changed = with_unrelated_contexts([*told, *bare], 0.25)
    assert changed[:5] == told
    with_one = [u for u in changed[5:] if u.context]
    assert 60 < len(with_one) < 140
    assert {u.context for u in with_one} == {"user: so"}
    assert [u.emotions for u in changed] == [u.emotions for u in [*told, *bare]]
    assert with_unrelated_contexts(bare, 1.0) == bare  # there is none to give
