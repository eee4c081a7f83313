"""The recipe of `pillars train`."""

from __future__ import annotations

from pydantic import Field

from training.pillars.classifier_recipe import ClassifierRecipe
from training.pillars.sources import CorpusSource
from training.pillars.targets import Kind


class TrainRecipe(ClassifierRecipe):
    """Training on utterances, with or without context (arXiv 2504.16856, section 4).

    Attributes:
        sources: The corpora.
        held_out: Share of each kind of corpus that the results are reported on.
        dev: Share that the epoch and the threshold are chosen by.
        targets: "soft" (the emotions' levels) or "thresholded".
        threshold: Level from which an emotion counts as present.
        context: Whether contexts are read.
        context_dropout: Probability that a training utterance is read without its context.
        unrelated_context: Share of the training utterances without context that get one of
            another utterance: they mean the same after it.
    """

    sources: list[CorpusSource] = Field(min_length=1)
    held_out: float = Field(default=0.1, gt=0, lt=0.5)
    dev: float = Field(default=0.1, gt=0, lt=0.5)
    targets: Kind = "thresholded"
    threshold: float = Field(default=0.3, gt=0, le=1)
    context: bool = True
    context_dropout: float = Field(default=0.0, ge=0, le=1)
    unrelated_context: float = Field(default=0.0, ge=0, le=1)
