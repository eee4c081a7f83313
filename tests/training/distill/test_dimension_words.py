"""Dimension words from descriptors."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from training.distill.dimension_words import add_words, extend_table, read_table
from training.errors import UserError
from training.readers.data_folder import CHECKOUT

TABLE = CHECKOUT / "config/training/dimension_words.yaml"


def test_the_shipped_table_is_whole() -> None:
    table = read_table(TABLE)
    assert table["joy"][0] > 0 > table["grief"][0]
    assert table["panic"][1] > 0 > table["serenity"][1]
    assert table["positivity"][0] == table["high activation"][1] == 1
    assert table["negativity"][0] == table["low activation"][1] == -1


def test_bad_entries_are_named(tmp_path: Path) -> None:
    path = tmp_path / "table.yaml"
    path.write_text("joy: [0.9, 0.4]\ngrief: [-1.5, 0]\n")
    with pytest.raises(UserError, match="grief: expected"):
        read_table(path)


def test_ridge_regression_against_the_closed_form_with_an_explicit_intercept() -> None:
    torch.manual_seed(0)
    seeds, terms = torch.randn(40, 6), torch.randn(5, 6)
    values = 0.3 * torch.tanh(seeds[:, :2])
    table = {f"seed {row}": (float(v), float(a)) for row, (v, a) in enumerate(values)}
    extended = extend_table(table, seeds, [*"abcde"], terms)
    design = torch.cat([seeds, torch.ones(40, 1)], 1).double()
    penalty = torch.eye(7).double()
    penalty[6, 6] = 0  # the intercept is not shrunk
    weights = torch.linalg.solve(design.T @ design + penalty, design.T @ values.double())
    expected = torch.cat([terms, torch.ones(5, 1)], 1).double() @ weights
    torch.testing.assert_close(extended, expected.clamp(-1, 1), atol=1e-6, rtol=1e-6)


def test_seed_words_keep_their_values() -> None:
    table = {"joy": (0.9, 0.5), "grief": (-1.0, 0.0)}
    features = torch.nn.functional.normalize(torch.randn(3, 4), dim=1)
    extended = extend_table(table, features[:2], ["grief", "other", "joy"], features[[1, 2, 0]])
    assert extended[0].tolist() == [-1.0, 0.0]
    assert extended[2].tolist() == [0.9, 0.5]


def test_texts_at_the_ends_of_an_axis_take_its_words() -> None:
    values = {"joy": (1.0, 0.6), "calm": (0.3, -0.9), "fear": (-0.9, 0.9), "meh": (0.0, 0.0)}
    texts = [("joy",), ("calm",), ("fear",), ("meh",), ("joy", "fear"), ()]
    # Quartiles of the means: valence 0 and 0.3, activation 0 and 0.75.
    assert add_words(texts, values, 0.25) == [
        ("joy", "positivity"),
        ("calm", "positivity", "low activation"),
        ("fear", "negativity", "high activation"),
        ("meh", "negativity", "low activation"),
        ("joy", "fear", "high activation"),
        (),
    ]


def test_words_that_a_text_has_already_stand() -> None:
    values = {"joy": (1.0, 0.6), "positivity": (1.0, 0.1), "negativity": (-1.0, 0.1)}
    texts = [("joy", "negativity"), ("joy",), ("negativity",)]
    extended = add_words(texts, values, 0.4)
    assert extended[0][:2] == ("joy", "negativity")
    assert "positivity" not in extended[0]
    assert "positivity" in extended[1]
