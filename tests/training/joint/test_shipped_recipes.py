"""The recipes of the model that ships, and our own data that they name."""

from __future__ import annotations

import pytest

from training.joint.recipe import JointRecipe
from training.pillars.sources import read_corpus
from training.readers.data_folder import CHECKOUT
from training.readers.rows import read_rows
from training.readers.sources import read_source
from training.recipe import load_recipe

GENRES = "training/data/texts/genres.jsonl.gz"
POLES = {"positivity", "negativity", "high activation", "low activation"}


@pytest.fixture(params=["default", "continue"])
def recipe(request: pytest.FixtureRequest) -> JointRecipe:
    return load_recipe(CHECKOUT / f"config/training/{request.param}.yaml", JointRecipe)


def test_our_dialogues_can_be_read(recipe: JointRecipe) -> None:
    assert recipe.finish is not None
    ours = [c for c in recipe.finish.corpora if c.file.startswith("training/data/")]
    assert len(ours) == 6
    for source in ours:
        assert all(utterance.emotions for utterance in read_corpus(source, None))
        assert source.hold_out == ("_training" not in source.file)


def test_texts_of_many_genres_have_descriptors_and_poles(recipe: JointRecipe) -> None:
    assert recipe.finish is not None
    (source,) = (s for s in recipe.finish.sources if s.file == GENRES)
    examples = read_source(source, None)
    rows = read_rows(CHECKOUT / GENRES)
    assert len(examples) == 2 * len(rows)
    for row, example in zip(rows, examples, strict=False):
        assert example.text == row["text"]
        assert set(row["descriptors"]) <= set(example.labels)
        assert ("positivity" in example.labels) == (row["valence"] >= 0.4)
        assert ("low activation" in example.labels) == (row["activation"] <= -0.4)
        assert -1 <= row["valence"] <= 1
        assert -1 <= row["activation"] <= 1
    assert len({row["text"].lower() for row in rows}) == len(rows)
    assert {pole for row in rows for pole in row["dimensions"]} == POLES
