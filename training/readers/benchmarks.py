"""The benchmarks of the papers, from local files, with their counts checked.

The data folder holds `<name>/<split>.jsonl.gz` (or .jsonl), one {"text", "labels": [...]} a line;
ISEAR has one file `isear/all.jsonl.gz` with `label` and `subject`, EmoBank has `V` and `A`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from training.errors import UserError
from training.readers.data_folder import find_table
from training.readers.rows import read_rows

Kind = Literal["multi-label", "single-label", "regression"]
Floats = npt.NDArray[np.float64]

ISEAR_SHARES = {"train": 0.5, "dev": 0.1, "test": 0.4}


@dataclass(frozen=True)
class Split:
    """Part of a benchmark.

    Attributes:
        texts: n texts.
        targets: (n, labels): 0 or 1; or, for a regression, valence and activation.
    """

    texts: list[str]
    targets: Floats


@dataclass(frozen=True)
class Benchmark:
    """A benchmark's data.

    Attributes:
        name: Its folder.
        kind: What is asked.
        labels: Names of the columns of the targets.
        splits: "train", "dev" and "test".
        differences: Where the rows read differ from the published counts; empty if nowhere.
    """

    name: str
    kind: Kind
    labels: tuple[str, ...]
    splits: dict[str, Split]
    differences: tuple[str, ...]


@dataclass(frozen=True)
class _Published:
    """What the authors of a benchmark say of it."""

    title: str
    kind: Kind
    labels: tuple[str, ...]
    counts: dict[str, int]


PUBLISHED = {
    "goemotions": _Published(
        "GoEmotions",
        "multi-label",
        (
            *("admiration", "amusement", "anger", "annoyance", "approval", "caring", "confusion"),
            *("curiosity", "desire", "disappointment", "disapproval", "disgust", "embarrassment"),
            *("excitement", "fear", "gratitude", "grief", "joy", "love", "nervousness"),
            *("optimism", "pride", "realization", "relief", "remorse", "sadness", "surprise"),
            "neutral",
        ),
        {"train": 43_410, "dev": 5_426, "test": 5_427},
    ),
    "semeval2018_ec": _Published(
        "SemEval-2018 E-c",
        "multi-label",
        (
            *("anger", "anticipation", "disgust", "fear", "joy", "love", "optimism"),
            *("pessimism", "sadness", "surprise", "trust"),
        ),
        {"train": 6_838, "dev": 886, "test": 3_259},
    ),
    "isear": _Published(
        "ISEAR",
        "single-label",
        ("anger", "disgust", "fear", "guilt", "joy", "sadness", "shame"),
        {"all": 7_666},
    ),
    "emobank": _Published(
        "EmoBank",
        "regression",
        ("valence", "activation"),
        {"train": 8_062, "dev": 1_000, "test": 1_000},
    ),
}


def read_benchmark(name: str, data: Path | None) -> Benchmark:
    """Reads a benchmark.

    ISEAR has no official split: its subjects are dealt to train, dev and test by a hash, in the
    proportions of `ISEAR_SHARES`, so that no person is on two sides.

    Args:
        name: A key of `PUBLISHED`.
        data: The data folder.

    Raises:
        UserError: If a file or a column is missing, or a label is not one of the benchmark's.
    """
    published = PUBLISHED[name]
    splits: dict[str, Split] = {}
    differences = []
    for split, count in published.counts.items():
        path = find_table(f"{name}/{split}.jsonl", data)
        rows = read_rows(path)
        if len(rows) != count:
            differences.append(f"{name}/{split}: {len(rows):,} rows read, {count:,} published")
        try:
            if name == "isear":
                for part in ISEAR_SHARES:
                    chosen = [row for row in rows if _isear_part(row["subject"]) == part]
                    splits[part] = _split(chosen, published, path)
            else:
                splits[split] = _split(rows, published, path)
        except KeyError as error:
            raise UserError(
                f"{path}: no column {error}; see training/README.md, Evaluation"
            ) from None
    return Benchmark(name, published.kind, published.labels, splits, tuple(differences))


def _isear_part(subject: str) -> str:
    digest = hashlib.sha256(subject.encode()).digest()
    position = int.from_bytes(digest[:4], "big") / 2**32
    if position < ISEAR_SHARES["train"]:
        return "train"
    return "dev" if position < ISEAR_SHARES["train"] + ISEAR_SHARES["dev"] else "test"


def _split(rows: Sequence[dict[str, Any]], published: _Published, path: Path) -> Split:
    texts = [row["text"] for row in rows]
    if published.kind == "regression":
        return Split(texts, np.array([[row["V"], row["A"]] for row in rows], dtype=np.float64))
    columns = {label: column for column, label in enumerate(published.labels)}
    targets = np.zeros((len(rows), len(columns)))
    for number, row in enumerate(rows):
        for label in row["labels"] if "labels" in row else [row["label"]]:
            if label not in columns:
                known = ", ".join(columns)
                raise UserError(
                    f"{path}: row {number + 1}: unknown label {label!r}; known: {known}"
                )
            targets[number, columns[label]] = 1
    return Split(texts, targets)
