"""What to train on, what to choose by and what to report on, without leaks."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol, TypeVar

from training.errors import UserError
from training.pillars.corpus import Corpus
from training.pillars.fitting import LABELS
from training.pillars.groups import Rows, connected_groups, deal
from training.pillars.sources import CorpusSource, Utterance, read_corpus
from training.pillars.targets import Kind, make_targets
from training.pillars.train_recipe import TrainRecipe

Spoken = TypeVar("Spoken", bound=Utterance)


class Shares(Protocol):
    """Shares of the units that are not trained on."""

    @property
    def dev(self) -> float:
        """To choose by."""

    @property
    def held_out(self) -> float:
        """To report on."""


@dataclass(frozen=True)
class Parts:
    """The utterances of a recipe's sources.

    Attributes:
        train: To learn from; those of a repeated source come several times.
        dev: To choose the epoch and the threshold by.
        held_out: To report on, by kind of corpus.
    """

    train: list[Utterance]
    dev: list[Utterance]
    held_out: dict[str, list[Utterance]]


def read_parts(recipe: TrainRecipe, data: Path | None) -> Parts:
    """Reads a recipe's sources, dealt to parts, with some unrelated contexts in the training part.

    Args:
        recipe: What to do.
        data: The data folder.

    Raises:
        UserError: If a source cannot be read, or is too small to be dealt.
    """
    parts = deal_sources(recipe.sources, data, recipe)
    return replace(parts, train=with_unrelated_contexts(parts.train, recipe.unrelated_context))


def deal_sources(sources: Sequence[CorpusSource], data: Path | None, shares: Shares) -> Parts:
    """Reads sources and deals their units to the parts; no seed takes part in it.

    Contrast groups with equal utterances stay together; so do rows of several sources of a kind
    that belong to one unit.

    Args:
        sources: What to read.
        data: The data folder.
        shares: Of the units, for dev and for the held-out part.

    Raises:
        UserError: If a source cannot be read, or is too small to be dealt.
    """
    parts = Parts([], [], {})
    by_kind: defaultdict[str, list[tuple[Utterance, int]]] = defaultdict(list)
    for source in sources:
        utterances = read_corpus(source, data)
        if source.hold_out:
            by_kind[source.kind] += [(utterance, source.repeat) for utterance in utterances]
        else:
            parts.train.extend(u for u in utterances for _ in range(source.repeat))
    for kind, rows in by_kind.items():
        train, dev, held_out = deal_utterances([u for u, _ in rows], kind, shares)
        parts.train.extend(rows[row][0] for row in train for _ in range(rows[row][1]))
        parts.dev.extend(rows[row][0] for row in dev)
        parts.held_out[kind] = [rows[row][0] for row in held_out]
    return parts


def deal_utterances(utterances: Sequence[Utterance], kind: str, shares: Shares) -> list[Rows]:
    """Deals the utterances of one kind of corpus, whole units and, of contrast groups, equal words.

    Args:
        utterances: All of the kind.
        kind: Of the corpus.
        shares: Of the units, for dev and for the held-out part.

    Returns:
        The rows to train on, to choose by and to report on.

    Raises:
        UserError: If there are too few.
    """
    units = [utterance.unit for utterance in utterances]
    texts = [utterance.text.strip().lower() for utterance in utterances]
    groups = connected_groups(units, texts if kind == "contrast" else units)
    dealt = deal(groups, (shares.dev, shares.held_out))
    if not all(len(part) for part in dealt):
        raise UserError(f"sources: kind {kind!r} is too small to hold out dev and held_out")
    return dealt


def with_unrelated_contexts(utterances: Sequence[Spoken], share: float) -> list[Spoken]:
    """Gives a share of the utterances without context one of another, by chance.

    Args:
        utterances: Some have contexts.
        share: In [0, 1].
    """
    dice = random.Random(0)
    contexts = [u.context for u in utterances if u.context]
    return [
        replace(u, context=dice.choice(contexts))
        if not u.context and contexts and dice.random() < share
        else u
        for u in utterances
    ]


def to_corpus(
    utterances: Sequence[Utterance], recipe: TrainRecipe, kind: Kind = "thresholded"
) -> Corpus:
    """Returns utterances with targets.

    Args:
        utterances: Of a part.
        recipe: Whether contexts are read; the threshold.
        kind: "soft": levels as targets; "thresholded": 1 from the threshold on.
    """
    emotions = [utterance.emotions for utterance in utterances]
    corpus = Corpus(
        [utterance.text for utterance in utterances],
        [utterance.context for utterance in utterances],
        make_targets(emotions, LABELS, kind, recipe.threshold),
    )
    return corpus if recipe.context else corpus.without_context()
