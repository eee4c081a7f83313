"""What the joint model is trained on: each text once, with the supervision of both heads."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from training.joint.recipe import JointRecipe, JointStage
from training.pillars.parts import deal_sources
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


def read_texts(
    recipe: JointRecipe, stage: JointStage, data: Path | None
) -> tuple[list[JointText], list[Utterance]]:
    """Reads what to train on and what to choose the epoch by.

    Args:
        recipe: What to choose by, and how much to keep apart.
        stage: What to train on.
        data: The data folder.

    Returns:
        Training texts, and utterances of development.

    Raises:
        UserError: If a source cannot be read, or is too small to be dealt.
    """
    spaced = [example for source in stage.sources for example in read_source(source, data)]
    terms = {(example.text, example.context): example.labels for example in spaced}
    parts = deal_sources(stage.corpora, data, recipe)
    texts = []
    for utterance in parts.train:
        labels = terms.get((utterance.text, utterance.context), ())
        names = (label for label, level in utterance.emotions.items() if level >= PRESENT)
        merged = tuple(dict.fromkeys((*labels, *names)))
        texts.append(JointText(**vars(utterance), terms=merged))
    read = {(text.text, text.context) for text in texts}
    texts += [
        JointText(example.text, example.context, {}, example.text, terms=example.labels)
        for example in spaced
        if example.labels and (example.text, example.context) not in read
    ]
    return texts, read_corpus(recipe.development, data) + parts.dev


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
