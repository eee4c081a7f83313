"""The analysis, on corpora made up for it."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.training.pillars.playing import CONFIG, Synthesis
from training.cli import main
from training.pillars.changes import compare, markers, removed_words
from training.pillars.diversity import coverage, personalisation, similarity_by_emotion
from training.pillars.embedding import Encoder
from training.pillars.files import write_lines
from training.pillars.taxonomy import load_taxonomy
from training.pillars.topics import find_topics


def example(number: int, **fields: Any) -> dict[str, Any]:
    emotion = ("joy", "anger")[number % 2]
    return {
        "id": str(number),
        "narrative": f"plot{number // 8}",
        "actor": f"Ida {number // 4}",
        "emotion": emotion,
        "labels": {emotion: 0.8, "fear": 0.4},
        "text": f"Oh, I am so {emotion} of the news {number}!",
        "rewritten": f"I am of the news {number}.",
        "context": f"Ida reads the news {number}.",
        "full_context": f"Ida sadly reads the news {number}.",
        **fields,
    }


def without_context(number: int) -> dict[str, Any]:
    kept = ("id", "narrative", "actor", "emotion", "labels", "text")
    return {key: value for key, value in example(number).items() if key in kept}


def test_the_command(synthesis: Synthesis, capsys: pytest.CaptureFixture[str]) -> None:
    rows = [example(n) for n in range(16)] + [without_context(n) for n in range(16, 20)]
    write_lines(synthesis.output / "corpus.jsonl", rows)

    assert main(synthesis.command("analyse")) == 0

    folder = synthesis.output / "analysis"
    assert f"Results: {folder}" in capsys.readouterr().out
    results = json.loads((folder / "analysis.json").read_text())
    assert results["examples"] == 20
    assert results["contextual"] == 16
    assert results["coverage"]["primary"]["joy"] == 10
    assert results["coverage"]["soft"]["fear"] == 20
    assert len(results["coverage"]["missing"]) == 26
    assert results["changes"]["rewriting"]["words_before"] == 9
    assert results["changes"]["rewriting"]["words_after"] == 6
    assert results["markers"]["exclamation mark"] == {"before": 1.0, "after": 0.0}
    assert results["removed_words"]["so"] == 16
    assert results["personalisation"]["names_actor"] == 1
    report = (folder / "analysis.md").read_text()
    assert "20 examples" in report
    assert "| emotion word | 100% | 0% |" in report
    for name in ("coverage.png", "similarity.png", "changes.png"):
        assert (folder / name).read_bytes().startswith(b"\x89PNG")
        assert f"({name})" in report


def test_a_corpus_without_contexts(synthesis: Synthesis, tmp_path: Path) -> None:
    corpus = tmp_path / "other" / "corpus.jsonl"
    write_lines(corpus, [without_context(0)])
    assert main(synthesis.command("analyse", "--corpus", str(corpus))) == 0
    # One text makes no pair: null, which JSON has, and not NaN, which it has not.
    content = (corpus.parent / "analysis" / "analysis.json").read_text()
    results = json.loads(content, parse_constant=pytest.fail)
    assert results["utterances"]["within"] is None
    assert "topics" not in results


def test_no_corpus_is_told(synthesis: Synthesis, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(synthesis.command("analyse")) == 2
    assert "corpus.jsonl: no such file" in capsys.readouterr().err
    write_lines(synthesis.output / "corpus.jsonl", [])
    assert main(synthesis.command("analyse")) == 2
    assert "no examples" in capsys.readouterr().err


def test_similarity_is_the_mean_over_pairs() -> None:
    dice = np.random.default_rng(0)
    vectors = dice.normal(size=(12, 5)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    emotions = [*(["joy"] * 5), *(["fear"] * 6), "grief"]
    found = similarity_by_emotion(vectors, emotions)

    pairs = {(a, b): float(vectors[a] @ vectors[b]) for a in range(12) for b in range(12) if a != b}
    within = [cosine for (a, b), cosine in pairs.items() if emotions[a] == emotions[b]]
    across = [cosine for (a, b), cosine in pairs.items() if emotions[a] != emotions[b]]
    assert found.emotions == ["fear", "grief", "joy"]
    assert found.within == pytest.approx(np.mean(within), abs=1e-5)
    assert found.across == pytest.approx(np.mean(across), abs=1e-5)
    joy_fear = [cosine for (a, b), cosine in pairs.items() if a < 5 <= b < 11]
    assert found.matrix[0, 2] == pytest.approx(np.mean(joy_fear), abs=1e-5)
    assert math.isnan(found.matrix[1, 1])


def test_evenness_of_emotions() -> None:
    def evenness(emotions: list[str]) -> float:
        rows = [{"emotion": emotion, "labels": {emotion: 0.5}} for emotion in emotions]
        return float(coverage(rows, ["joy", "fear"])["evenness"])

    assert evenness(["joy", "fear"] * 5) == pytest.approx(1)
    assert evenness(["joy"] * 10) == pytest.approx(0)
    assert 0.4 < evenness(["joy"] * 9 + ["fear"]) < 0.5


def test_personal_contexts_are_told_from_shared_ones() -> None:
    east, north, up = np.eye(3, dtype=np.float32)
    rows = [
        {"narrative": "a", "actor": "Ida", "context": "Ida waits."},
        {"narrative": "a", "actor": "Ida", "context": "She waits."},
        {"narrative": "a", "actor": "Tom", "context": "Tom waits."},
        {"narrative": "b", "actor": "Ida", "context": "It rains."},
    ]
    tilted = (east + north) / np.sqrt(np.float32(2))
    found = personalisation(np.stack([east, east, tilted, up]), rows)
    assert found == {
        "same_actor": pytest.approx(1),
        "same_narrative": pytest.approx(0.7071, abs=1e-3),
        "other_narrative": pytest.approx(0),
        "names_actor": 0.5,
    }


def test_topics_are_the_clusters() -> None:
    dice = np.random.default_rng(0)
    centres = np.eye(3, 8)
    subjects = ["ships sail", "bread bakes", "snow falls"]
    rows = [0] * 9 + [1] * 6 + [2] * 4
    vectors = centres[rows] + dice.normal(scale=0.05, size=(len(rows), 8))
    vectors = np.vstack([vectors, np.eye(8)[7]])  # like no other
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    texts = [*(subjects[row] for row in rows), "nothing"]
    found = find_topics(texts, vectors.astype(np.float32), 4, 0.5, 2, seed=0)
    assert [(t.texts, set(t.terms)) for t in found.topics] == [
        (9, {"ships", "sail"}),
        (6, {"bread", "bakes"}),
        (4, {"snow", "falls"}),
    ]
    assert found.single == 1
    assert found.modularity > 0.5


def test_texts_alike_none_have_no_topics() -> None:
    found = find_topics(["a", "b"], np.eye(2, dtype=np.float32), 3, 0.5, 2, seed=0)
    assert (found.topics, found.single) == ([], 2)


def test_changes(tiny_backbone: str) -> None:
    encoder = Encoder(tiny_backbone)
    found = compare(["i am so happy", "the news"], ["so happy", "the news"], encoder)
    assert found["levenshtein"] == [1.0, 1.0]  # partial: the shorter lies within the longer
    assert found["cosine"][1] == pytest.approx(1, abs=1e-5)
    assert found["cosine"][0] < 0.9999
    assert (found["words_before"], found["words_after"]) == (3, 2)
    assert found["unchanged"] == 0.5
    assert compare(["happy"], ["sad news"], encoder)["levenshtein"][0] < 0.7


def test_markers_of_emotion() -> None:
    taxonomy = load_taxonomy(
        CONFIG.parent / "labels/goemotions.yaml", CONFIG / "label_mapping.yaml"
    )
    before = ["Wow, I am SCARED!", "So it goes...", "Why?", "He came."]
    after = ["I am here.", "It goes.", "Why?", "He came."]
    found = markers(before, after, taxonomy)
    assert {kind: (row["before"], row["after"]) for kind, row in found.items()} == {
        "emotion word": (0.25, 0),
        "exclamation mark": (0.25, 0),
        "interjection": (0.25, 0),
        "intensifier": (0.25, 0),
        "ellipsis": (0.25, 0),
        "capitals": (0.25, 0),
        "question mark": (0.25, 0.25),
    }
    assert removed_words(["so so good", "so bad"], ["good", "bad it is"], 5) == {"so": 2}
