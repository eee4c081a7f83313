"""Making and fitting a classifier, the same for every corpus and task."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from torch import nn
from transformers import EvalPrediction, set_seed

from training.errors import UserError
from training.fit import fit, training_arguments
from training.losses.asymmetric import AsymmetricLoss
from training.models.checkpoint import read_config
from training.models.dual_encoder import DualEncoder
from training.models.emotion_classifier import EmotionClassifier
from training.models.joint_model import load_classifier
from training.pillars.classifier_recipe import ClassifierRecipe
from training.pillars.corpus import Collator, Corpus, Floats, TokenizedCorpus
from training.pillars.objective import ClassifierObjective
from training.pillars.runs import claim_folder
from training.readers.benchmarks import PUBLISHED

LABELS = PUBLISHED["goemotions"].labels
"""The outputs of every classifier."""

DevScore = Callable[[Floats, Floats], float]
"""From logits and targets of the dev part, (texts, labels) each, to what the epoch is chosen by."""

log = logging.getLogger(__name__)


def check_start(recipe: ClassifierRecipe) -> None:
    """Looks whether the checkpoint that a recipe starts from can be used.

    Raises:
        UserError: If it is none, has other outputs, or another pooling than the recipe wants.
    """
    if recipe.start is None:
        return
    content = read_config(recipe.start)
    if "labels" not in content:
        return
    if tuple(content["labels"]) != LABELS:
        raise UserError(f"start: {recipe.start} has other outputs than the 28 of GoEmotions")
    if content["pooling"] != recipe.model.pooling:
        raise UserError(f"model.pooling: {recipe.start} has {content['pooling']!r}; set it to that")


def starts_as_classifier(recipe: ClassifierRecipe) -> bool:
    """Whether the outputs have been trained before."""
    return recipe.start is not None and "labels" in read_config(recipe.start)


def make_classifier(recipe: ClassifierRecipe) -> EmotionClassifier:
    """Returns the classifier that training starts from; new weights by the recipe's seed."""
    set_seed(recipe.seed)
    settings = recipe.model.model_dump()
    if not starts_as_classifier(recipe):
        dual_encoder = (
            DualEncoder.load(recipe.start)
            if recipe.start
            else DualEncoder.from_backbone(str(recipe.backbone))
        )
        return EmotionClassifier.from_dual_encoder(dual_encoder, LABELS, **settings)
    classifier = load_classifier(str(recipe.start))
    config = replace(classifier.config, **settings)
    resized = EmotionClassifier(config, classifier.encoder, classifier.tokenizer.tokenizer)
    resized.load_state_dict(classifier.state_dict())
    return resized


def fit_classifier(
    classifier: EmotionClassifier,
    train: Corpus,
    dev: Corpus,
    recipe: ClassifierRecipe,
    output: Path,
    dev_score: DevScore,
    context_dropout: float = 0.0,
) -> float:
    """Trains a classifier in place, to the epoch with the best score on dev.

    Args:
        classifier: See `make_classifier`.
        train: What to learn from.
        dev: What to choose the epoch by.
        recipe: Loss and settings of the training.
        output: Folder of the run; if it holds checkpoints, the run goes on from the last.
        dev_score: What the epoch is chosen by; higher is better.
        context_dropout: Probability that a training utterance is read without its context.

    Returns:
        The best score.
    """
    claim_folder(output, recipe)
    log.info("%d utterances to train on, %d to choose the epoch by", len(train), len(dev))

    def score(prediction: EvalPrediction) -> dict[str, float]:
        logits = np.asarray(prediction.predictions, dtype=np.float64)
        return {"score": dev_score(logits, np.asarray(prediction.label_ids, dtype=np.float64))}

    trainer = fit(
        ClassifierObjective(classifier, _loss(recipe), recipe.r_drop),
        classifier.encoder,
        TokenizedCorpus(train, classifier.tokenizer, context_dropout),
        TokenizedCorpus(dev, classifier.tokenizer),
        Collator(classifier.tokenizer),
        recipe.training,
        training_arguments(recipe.training, output, recipe.seed, "score"),
        score,
    )
    return float(trainer.state.best_metric or 0.0)


def _loss(recipe: ClassifierRecipe) -> nn.Module:
    if recipe.loss == "bce":
        return nn.BCEWithLogitsLoss()
    return AsymmetricLoss(**recipe.asymmetric.model_dump())


def predict(classifier: EmotionClassifier, corpus: Corpus) -> Floats:
    """Returns the logits of a corpus, (n, labels)."""
    logits: torch.Tensor = classifier.predict(corpus.texts, corpus.contexts)
    return logits.double().numpy()
