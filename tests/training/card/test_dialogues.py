from __future__ import annotations

from pathlib import Path

import pytest

from emotion_component import EmotionModel
from training.card.dialogues import measure_dialogues
from training.evaluation.context import pairs_in_order, top_label_share
from training.evaluation.dialogue_parts import read_part
from training.pillars.parts import read_parts
from training.pillars.sources import CorpusSource
from training.pillars.train_recipe import TrainRecipe
from training.readers.data_folder import CHECKOUT
from training.readers.dialogues import DIALOGUES
from training.readers.turns import join_turns
from training.recipe import load_recipe

KINDS = ("chats", "contrast")


def test_held_out_as_the_recipes_hold_out() -> None:
    sources = [
        CorpusSource.model_validate({"kind": kind, "file": f"training/data/dialogues/{kind}.jsonl"})
        for kind in KINDS
    ]
    recipe = load_recipe(CHECKOUT / "config/training/pillars_context.yaml", TrainRecipe)
    parts = read_parts(recipe.model_copy(update={"sources": sources}), None)
    for kind in KINDS:
        expected = [(u.text, u.context) for u in parts.held_out[kind]]
        found = [(case.text, join_turns(case.context)) for case in read_part(kind, "held_out")]
        assert found == expected


def test_shares_are_those_of_all_cases(tmp_path: Path) -> None:
    for kind in KINDS:
        lines = (DIALOGUES / f"{kind}.jsonl").read_text().splitlines(keepends=True)
        (tmp_path / f"{kind}.jsonl").write_text("".join(lines[:60]))
    model = EmotionModel.load()
    measured = measure_dialogues(model, tmp_path)

    cases = read_part("contrast", "held_out", tmp_path)
    results = model.predict_batch([c.text for c in cases], [c.context for c in cases])
    scores = [dict(result.scores) for result in results]
    found = measured["with context"]
    top, pairs = found["contrast: strongest label is gold"], found["contrast: pairs in order"]
    assert top["value"] == pytest.approx(top_label_share(cases, scores))
    assert pairs["value"] == pytest.approx(pairs_in_order(cases, scores))
    assert top["low"] < top["value"] < top["high"]
    blind = measured["without context"]["contrast: pairs in order"]
    assert blind == {"value": 0.5, "low": 0.5, "high": 0.5}
    assert measured["without context"].keys() == found.keys()
