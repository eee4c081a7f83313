"""Texts with one label each, and the labels' descriptions."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
import yaml
from torch import Tensor

from training.distill.dataset import Item
from training.errors import UserError
from training.readers.data_folder import find_file
from training.readers.example import Example
from training.readers.sources import Source, read_source
from training.taco.recipe import TacoRecipe
from training.tokenization import TextTokenizer


@dataclass(frozen=True)
class TacoData:
    """What a recipe trains and tests on.

    Attributes:
        descriptions: Label to description; labels that no training text has are left out.
        train: To train on.
        dev: To choose the epoch by.
        test: To report scores on.
    """

    descriptions: dict[str, str]
    train: list[Example]
    dev: list[Example]
    test: list[Example]


def read_data(recipe: TacoRecipe, folder: Path | None) -> TacoData:
    """Reads texts and descriptions.

    Raises:
        UserError: If a file or a column is missing, a text has not just one label, or a label has
            no description.
    """
    known = read_descriptions(find_file(recipe.labels, folder))
    train = [
        example
        for source in recipe.train
        for example in read_single_label(source, known, folder, recipe.labels)
    ]
    found = {example.labels[0] for example in train}
    descriptions = {label: text for label, text in known.items() if label in found}
    dev, test = (
        read_single_label(source, descriptions, folder, "the training texts")
        for source in (recipe.dev, recipe.test)
    )
    return TacoData(descriptions, train, dev, test)


def read_descriptions(path: Path) -> dict[str, str]:
    """Reads a YAML mapping of labels to descriptions.

    Raises:
        UserError: If it is anything else, or two labels have one description.
    """
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        raise UserError(f"labels: {path}: not valid YAML: {error}") from None
    if not isinstance(content, dict) or not all(
        isinstance(part, str) and part.strip() for pair in content.items() for part in pair
    ):
        raise UserError(f"labels: {path}: expected a mapping of labels to descriptions")
    if len(set(content.values())) < len(content):
        raise UserError(f"labels: {path}: two labels have one description; tell them apart")
    return content


def read_single_label(
    source: Source, labels: Collection[str], folder: Path | None, origin: str
) -> list[Example]:
    """Reads texts with one label each.

    Args:
        source: Where they lie.
        labels: The labels that they may have.
        folder: The data folder, if there is one.
        origin: Where `labels` come from, for the message.

    Raises:
        UserError: If a file or a column is missing, or a text has not just one of the labels.
    """
    examples = read_source(source, folder)
    for number, example in enumerate(examples, 1):
        where = f"{source.file or source.hub}: row {number}"
        if len(example.labels) != 1:
            raise UserError(f"{where}: expected one label, found {len(example.labels)}")
        if example.labels[0] not in labels:
            raise UserError(f"{where}: the label {example.labels[0]!r} is not in {origin}")
    return examples


@dataclass(frozen=True)
class Collator:
    """Makes batches for `TripleViewModel`.

    Attributes:
        padder: Pads the texts.
    """

    padder: TextTokenizer

    def __call__(self, items: Sequence[Item]) -> dict[str, Tensor]:
        """Returns the padded texts and `targets`, (texts,), the number of each text's label."""
        batch = self.padder.pad([item["text"] for item in items])
        return {**batch, "targets": torch.tensor([item["labels"][0] for item in items])}
