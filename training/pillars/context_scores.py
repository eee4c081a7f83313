"""What contexts do for a classifier: held-out parts read with and without them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
from scipy.special import expit

from training.evaluation.context import pairs_in_order, top_label_share
from training.models.emotion_classifier import EmotionClassifier
from training.pillars.corpus import Floats
from training.pillars.fitting import LABELS, predict
from training.pillars.parts import to_corpus
from training.pillars.results import Figures, averaged, by_class
from training.pillars.sources import Utterance
from training.pillars.train_recipe import TrainRecipe
from training.readers.dialogues import Case

Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class ContextScores:
    """Scores of held-out utterances.

    Attributes:
        scores: "<kind of corpus>, with context" and "..., without context" to macro-averages.
        measures: Share of best labels among the gold ones; of contrast pairs in order.
        classes: Figures of each class over all held-out utterances, read as the recipe says.
    """

    scores: dict[str, Figures] = field(default_factory=dict)
    measures: dict[str, float] = field(default_factory=dict)
    classes: dict[str, Figures] = field(default_factory=dict)


def score_contexts(
    classifier: EmotionClassifier,
    held_out: Mapping[str, Sequence[Utterance]],
    thresholds: Floats,
    recipe: TrainRecipe,
) -> ContextScores:
    """Scores a classifier on held-out utterances of several kinds of corpora.

    Args:
        classifier: Trained.
        held_out: Kind to utterances.
        thresholds: Chosen on dev, (labels,).
        recipe: Whether contexts are read; what counts as present.
    """
    result = ContextScores()
    kinds = np.repeat(list(held_out), [len(part) for part in held_out.values()])
    whole = to_corpus([utterance for part in held_out.values() for utterance in part], recipe)
    ways = {"without context": whole.without_context()}
    if recipe.context:
        ways = {"with context": whole, **ways}
    for way, corpus in ways.items():
        probabilities = expit(predict(classifier, corpus))
        predicted = probabilities >= thresholds
        if not result.classes:
            result.classes.update(by_class(corpus.targets, predicted, LABELS))
        for kind, part in held_out.items():
            if way == "with context" and not any(utterance.context for utterance in part):
                continue
            name, rows = f"{kind}, {way}", kinds == kind
            result.scores[name] = _macro(corpus.targets[rows], predicted[rows])
            result.measures.update(_measures(name, part, probabilities[rows]))
    return result


def _macro(targets: Floats, predicted: Bools) -> Figures:
    """Macro-averages over the emotions that occur: not all do in a small part."""
    occurring = targets.any(0)
    return averaged(targets[:, occurring], predicted[:, occurring])


def _measures(
    name: str, utterances: Sequence[Utterance], probabilities: Floats
) -> dict[str, float]:
    cases = [Case(u.text, (), u.emotions, u.group) for u in utterances]
    rows = [dict(zip(LABELS, row, strict=True)) for row in probabilities.tolist()]
    measures = {f"{name}: best label among the gold ones": top_label_share(cases, rows)}
    if cases[0].group is not None:
        measures[f"{name}: pairs of the same words in order"] = pairs_in_order(cases, rows)
    return measures
