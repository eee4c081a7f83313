"""Words for valence and activation, derived from a text's own descriptors.

Descriptors hardly ever say "positivity" or "high activation", yet the space needs these words to
rate texts by them. The rule: a hand-written table gives common descriptors a valence and an
activation; ridge regression on the frozen label encoder's vectors extends it to all descriptors;
a text has the mean of its descriptors' values, and the texts at either end of an axis take its
pole's word as one more descriptor. No benchmark data and no human label takes part.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
import yaml
from torch import Tensor

from training.errors import UserError
from training.models.dual_encoder import DualEncoder
from training.readers.example import Example

AXES = (("positivity", "negativity"), ("high activation", "low activation"))
"""Words of the upper and the lower pole of valence and of activation."""

RIDGE = 1.0
"""Weight of the ridge penalty, for unit vectors and values in [-1, 1]."""


def read_table(path: Path) -> dict[str, tuple[float, float]]:
    """Reads the table of seed words: term to [valence, activation], each in [-1, 1].

    Raises:
        UserError: If an entry is anything else; the message names the term.
    """
    table = yaml.safe_load(path.read_text(encoding="utf-8"))
    if not isinstance(table, dict):
        raise UserError(f"{path}: expected a mapping of terms to [valence, activation]")
    for term, values in table.items():
        if not (
            isinstance(values, list)
            and len(values) == len(AXES)
            and all(isinstance(v, (int, float)) and -1 <= v <= 1 for v in values)
        ):
            raise UserError(f"{path}: {term}: expected [valence, activation], each from -1 to 1")
    return {term: (values[0], values[1]) for term, values in table.items()}


def extend_table(
    table: Mapping[str, tuple[float, float]],
    seed_features: Tensor,
    terms: Sequence[str],
    term_features: Tensor,
) -> Tensor:
    """Gives every term a valence and an activation.

    Args:
        table: Seed words and their values.
        seed_features: Unit vectors of the seed words, in the table's order, (seeds, width).
        terms: Terms to value.
        term_features: Their unit vectors, (terms, width).

    Returns:
        (terms, 2), in [-1, 1]; a seed word keeps its own values.
    """
    values = torch.tensor(list(table.values()), dtype=torch.float64)
    features = seed_features.double()
    mean, centre = values.mean(0), features.mean(0)
    centred = features - centre
    gram = centred.T @ centred + RIDGE * torch.eye(features.shape[1], dtype=torch.float64)
    weights = torch.linalg.solve(gram, centred.T @ (values - mean))
    extended: Tensor = ((term_features.double() - centre) @ weights + mean).clamp(-1, 1)
    for row, term in enumerate(terms):
        if term in table:
            extended[row] = torch.tensor(table[term], dtype=torch.float64)
    return extended


def add_words(
    descriptors: Sequence[Sequence[str]], values: Mapping[str, Sequence[float]], share: float
) -> list[tuple[str, ...]]:
    """Adds the dimension words to every text's descriptors.

    Args:
        descriptors: The descriptors of each text.
        values: Valence and activation of every descriptor.
        share: Which share of the texts gets a pole's word: the upper and the lower `share` of the
            texts by the mean of their descriptors' values. At most 0.5.

    Returns:
        The descriptors of each text, with a dimension word an axis where one applies. A text
        without descriptors gets none, and one that has a word of an axis no other.
    """
    labelled = [row for row, terms in enumerate(descriptors) if terms]
    extended = [tuple(terms) for terms in descriptors]
    if not labelled:
        return extended
    means = torch.tensor(
        [
            [
                sum(values[t][axis] for t in descriptors[row]) / len(descriptors[row])
                for axis in range(len(AXES))
            ]
            for row in labelled
        ],
        dtype=torch.float64,
    )
    low, high = torch.quantile(means, torch.tensor([share, 1 - share], dtype=torch.float64), dim=0)
    for row, text_values in zip(labelled, means, strict=True):
        for axis, (upper, lower) in enumerate(AXES):
            if upper in descriptors[row] or lower in descriptors[row]:
                continue
            if text_values[axis] >= high[axis]:
                extended[row] += (upper,)
            elif text_values[axis] <= low[axis]:
                extended[row] += (lower,)
    return extended


def with_dimension_words(
    examples: list[Example], model: DualEncoder, table_path: Path, share: float
) -> list[Example]:
    """Adds the dimension words to texts.

    Args:
        examples: Texts and their descriptors.
        model: Whose frozen label encoder extends the table.
        table_path: See `read_table`.
        share: See `add_words`.
    """
    table = read_table(table_path)
    terms = sorted({label for example in examples for label in example.labels})
    values = extend_table(
        table, model.label_features(list(table)), terms, model.label_features(terms)
    )
    extended = add_words(
        [example.labels for example in examples],
        dict(zip(terms, values.tolist(), strict=True)),
        share,
    )
    return [
        Example(example.text, labels, example.context, example.id)
        for example, labels in zip(examples, extended, strict=True)
    ]
