"""What is particular to ISEAR and EmoContext: folds, relabelling, decisions."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest
from scipy.special import logit

from training.pillars.corpus import Corpus
from training.pillars.fitting import LABELS
from training.pillars.tasks import emocontext, isear


def isear_rows() -> list[dict[str, Any]]:
    """140 persons with a text for each class; some texts are several persons' own words."""
    dice = random.Random(0)
    rows = []
    for person in range(140):
        for label in isear.OUTPUTS:
            text = f"{label} {person}"
            row = {"subject": str(person), "label": label, "text": text, "nonresponse": False}
            if dice.random() < 0.02:
                row["text"] = f"When my dog died, {label}."
            if dice.random() < 0.05:
                row |= {"text": "[ No response.]", "nonresponse": True}
            rows.append(row)
    return rows


def test_folds_do_not_leak() -> None:
    rows = isear_rows()
    classes = np.array([list(isear.OUTPUTS).index(row["label"]) for row in rows])
    groups = isear.leak_groups(rows)
    folds = list(isear.split_folds(classes, groups, 5))
    assert sorted(np.concatenate([test for _, test in folds])) == list(range(len(rows)))
    for rest, test in folds:
        for key in ("subject", "text"):
            sides = [
                {rows[row][key] for row in side if key == "subject" or not rows[row]["nonresponse"]}
                for side in (rest, test)
            ]
            assert not sides[0] & sides[1]
        shares = np.bincount(classes[test], minlength=7) / len(test)
        assert shares == pytest.approx(np.full(7, 1 / 7), abs=0.02)


def test_answers_that_tell_nothing_tie_nobody() -> None:
    rows = [{"subject": str(n), "text": "None.", "nonresponse": True} for n in range(5)]
    assert len(set(isear.leak_groups(rows))) == 5
    assert len(set(isear.leak_groups([{**row, "nonresponse": False} for row in rows]))) == 1


def test_isear_keeps_the_28_outputs() -> None:
    from pathlib import Path

    rows = [{"text": "x", "label": "shame"}, {"text": "y", "label": "joy"}]
    targets = isear.read_corpus(rows, Path("isear")).targets
    assert targets.shape == (2, 28)
    assert [LABELS[column] for column in targets.argmax(1)] == ["embarrassment", "joy"]
    assert targets.sum() == 2


def probabilities(*rows: dict[str, float]) -> np.ndarray:
    """Logits of these probabilities; .01 where none is given."""
    values = np.full((len(rows), len(LABELS)), 0.01)
    for number, row in enumerate(rows):
        for label, value in row.items():
            values[number, LABELS.index(label)] = value
    return logit(values)


def one_hot(*labels: str) -> np.ndarray:
    return np.eye(len(LABELS))[[LABELS.index(label) for label in labels]]


def test_others_get_the_models_best_label() -> None:
    corpus = Corpus(list("abcde"), [None] * 5, one_hot(*["neutral"] * 4, "joy"))
    logits = probabilities(
        {"surprise": 0.8, "neutral": 0.1},
        {"surprise": 0.29, "neutral": 0.1},  # below .3
        {"joy": 0.9, "curiosity": 0.4},  # the annotators said that it is not joy
        {"neutral": 0.9},
        {"fear": 0.9},  # not one of the others
    )
    targets = emocontext.relabel_others(corpus, logits, 0.3).targets
    assert targets.sum() == 5
    found = [LABELS[column] for column in targets.argmax(1)]
    assert found == ["surprise", "neutral", "curiosity", "neutral", "joy"]
    assert corpus.targets[0].argmax() == LABELS.index("neutral")


def test_decisions() -> None:
    logits = probabilities(
        {"joy": 0.6, "neutral": 0.7}, {"sadness": 0.4, "anger": 0.5}, {"joy": 0.2}, {"fear": 0.9}
    )
    names = [
        [emocontext.CLASSES[c] for c in emocontext.decide(logits, t).argmax(1)] for t in (0.5, None)
    ]
    assert names[0] == ["happy", "angry", "others", "others"]
    assert names[1] == ["others", "angry", "happy", "others"]
    assert emocontext.decide(logits, 0.5).sum() == 4


def test_the_contests_score_leaves_others_out() -> None:
    targets = one_hot("joy", "joy", "sadness", "anger", "neutral", "fear")
    predicted = emocontext.gold(one_hot("joy", "neutral", "sadness", "joy", "anger", "neutral"))
    # 2 hits of 4 predicted, 4 gold.
    found = emocontext._micro(targets, predicted)
    assert found == {"precision": 0.5, "recall": 0.5, "f1": 0.5}


def test_the_threshold_parts_what_can_be_parted() -> None:
    rows = [{"joy": p} for p in (0.2, 0.3, 0.4, 0.7, 0.8)]
    targets = one_hot("neutral", "neutral", "neutral", "joy", "joy")
    assert 0.4 < emocontext.best_threshold(probabilities(*rows), targets) <= 0.7
