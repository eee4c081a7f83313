"""What the joint model is trained on: each text once, with the supervision of both heads."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from training.joint.recipe import JointRecipe
from training.pillars.parts import deal_utterances
from training.pillars.sources import Utterance, read_corpus
from training.readers.sources import read_source

PRESENT = 0.3
"""Level from which an emotion counts as a label of the space (arXiv 2504.16856, section 3)."""


@dataclass(frozen=True)
class JointText(Utterance):
    """One training text; without emotions where the classifier's are not known.

    Attributes:
        terms: Its labels in the emotion space; may be empty.
    """

    terms: tuple[str, ...] = ()


def read_texts(recipe: JointRecipe, data: Path | None) -> tuple[list[JointText], list[Utterance]]:
    """Reads what to train on and what to choose the epoch by.

    Args:
        recipe: What to do.
        data: The data folder.

    Returns:
        Training texts, and utterances of development.

    Raises:
        UserError: If a source cannot be read, or is too small to be dealt.
    """
    spaced = [example for source in recipe.sources for example in read_source(source, data)]
    terms = {(example.text, example.context): example.labels for example in spaced}
    utterances, development = _utterances(recipe, data)
    texts = []
    for utterance in utterances:
        labels = terms.get((utterance.text, utterance.context), ())
        names = (label for label, level in utterance.emotions.items() if level >= PRESENT)
        merged = tuple(dict.fromkeys((*labels, *names)))
        texts.append(JointText(**vars(utterance), terms=merged))
    read = {(text.text, text.context) for text in texts}
    rest = ((key, labels) for key, labels in terms.items() if labels and key not in read)
    texts += [JointText(*key, {}, key[0], terms=labels) for key, labels in rest]
    return texts, development


def label_texts(terms: Sequence[str], phrases: Sequence[str]) -> list[JointText]:
    """Returns the labels of the space as texts: each in each phrase, with itself as its label."""
    return [
        JointText(phrase.replace("{label}", term), None, {}, term, terms=(term,))
        for term in terms
        for phrase in phrases
    ]


def without_some_contexts(texts: Sequence[JointText], share: float) -> list[JointText]:
    """Takes the context from a share of the texts, by chance; contrast groups keep theirs.

    Drawn once, so that texts of like length can be batched.

    Args:
        texts: Some have contexts.
        share: In [0, 1].
    """
    dice = random.Random(0)
    return [
        replace(text, context=None) if text.group is None and dice.random() < share else text
        for text in texts
    ]


def _utterances(recipe: JointRecipe, data: Path | None) -> tuple[list[Utterance], list[Utterance]]:
    training: list[Utterance] = []
    development = read_corpus(recipe.development, data)
    by_kind: defaultdict[str, list[tuple[Utterance, int]]] = defaultdict(list)
    for corpus in recipe.corpora:
        by_kind[corpus.kind] += [(u, corpus.repeat) for u in read_corpus(corpus, data)]
    for kind, rows in by_kind.items():
        train = range(len(rows))
        if kind != recipe.development.kind:
            dealt = deal_utterances([u for u, _ in rows], kind, recipe)
            train, dev = dealt[0].tolist(), dealt[1].tolist()
            development += [rows[row][0] for row in dev]
        training += [rows[row][0] for row in train for _ in range(rows[row][1])]
    return training, development
