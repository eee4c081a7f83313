"""The third and fourth stages: one encoder and both heads, from a dual encoder or a joint model."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from scipy.special import expit
from transformers import EvalPrediction, set_seed

from training.distill.dataset import vocabulary
from training.distill.dimension_words import with_dimension_words
from training.fit import fit, training_arguments
from training.joint.dataset import Collator, JointTexts
from training.joint.objective import JointObjective
from training.joint.recipe import JointRecipe, JointStage
from training.joint.teachers import softened
from training.joint.texts import (
    PRESENT,
    JointText,
    label_texts,
    read_texts,
    without_some_contexts,
)
from training.losses.asymmetric import AsymmetricLoss
from training.losses.softmax_contrastive import SoftmaxContrastiveLoss
from training.models.dual_encoder import DualEncoder
from training.models.joint_model import JointModel
from training.pillars.corpus import Floats
from training.pillars.decisions import macro_f1, one_threshold
from training.pillars.fitting import LABELS
from training.pillars.parts import with_unrelated_contexts
from training.pillars.sources import Utterance
from training.pillars.targets import make_targets
from training.readers.data_folder import find_file
from training.readers.example import Example

log = logging.getLogger(__name__)


def train(
    recipe: JointRecipe,
    stage: JointStage,
    data: Path | None,
    start: Path,
    teachers: Sequence[Path],
    output: Path,
) -> Path:
    """Trains the joint model and saves it.

    Args:
        recipe: What the stages share.
        stage: What to do.
        data: The data folder.
        start: Checkpoint of a dual encoder, or of a joint model.
        teachers: Checkpoints of the classifiers to learn from; may be empty.
        output: The stage's folder. If it holds checkpoints of an interrupted run, the run goes on
            from the last one.

    Returns:
        The checkpoint's folder.

    Raises:
        UserError: If the start or the data cannot be used.
    """
    set_seed(recipe.seed)
    model = _model(start, recipe)
    texts, development = read_texts(recipe, stage, data)
    texts += label_texts(_vocabulary(texts, recipe), stage.label_phrases)
    texts = _with_dimension_words(texts, recipe, model.space)
    texts = without_some_contexts(texts, stage.context_dropout)
    targets = _targets(texts)
    if recipe.teachers:
        bf16 = stage.training.precision == "bf16"
        targets = softened(targets, texts, teachers, recipe.teachers.weight, bf16)
    texts = with_unrelated_contexts(texts, stage.unrelated_context)
    terms = _vocabulary(texts, recipe)
    tokenizer = model.space.tokenizer
    train_set = JointTexts(texts, targets, terms, tokenizer)
    dev_texts = [JointText(**vars(utterance)) for utterance in development]
    dev_set = JointTexts(dev_texts, _targets(development), terms, tokenizer)
    log.info(
        "%d texts to train on, %d to choose by, %d terms", len(texts), len(dev_set), len(terms)
    )
    trainer = fit(
        JointObjective(
            model,
            model.space.label_features(terms),
            AsymmetricLoss(**stage.asymmetric.model_dump()),
            SoftmaxContrastiveLoss(),
            stage.space_weight,
            stage.logit_adjustment * train_set.log_priors(),
        ),
        model.space.text_tower.encoder,
        train_set,
        dev_set,
        Collator(tokenizer, len(LABELS), len(terms)),
        stage.training,
        training_arguments(stage.training, output, recipe.seed, "score"),
        _score,
    )
    score = float(trainer.state.best_metric or 0.0)
    notes = {"recipe": recipe.model_dump(exclude={"backbone", "data"}), "terms": terms}
    model.save(output / "model", {**notes, "dev": score})
    log.info("Saved %s; dev macro-F1 %.4f", output / "model", score)
    return output / "model"


def _model(start: Path, recipe: JointRecipe) -> JointModel:
    if JointModel.is_saved_in(start):
        return JointModel.load(start)
    return JointModel.from_dual_encoder(
        DualEncoder.load(start),
        LABELS,
        pooling=recipe.model.pooling,
        max_length=recipe.model.max_length,
    )


def _vocabulary(texts: Sequence[JointText], recipe: JointRecipe) -> list[str]:
    examples = [Example(text.text, text.terms) for text in texts]
    return vocabulary(examples, recipe.labels.min_count, recipe.labels.leave_out)


def _with_dimension_words(
    texts: list[JointText], recipe: JointRecipe, space: DualEncoder
) -> list[JointText]:
    labels = recipe.labels
    if labels.dimension_words is None:
        return texts
    table = find_file(labels.dimension_words, None)
    examples = [Example(text.text, text.terms) for text in texts]
    extended = with_dimension_words(examples, space, table, labels.dimension_share)
    return [
        JointText(**{**vars(text), "terms": example.labels})
        for text, example in zip(texts, extended, strict=True)
    ]


def _targets(utterances: Sequence[Utterance]) -> Floats:
    """Returns (utterances, labels); NaN in rows of utterances without emotions."""
    emotions = [utterance.emotions for utterance in utterances]
    targets = make_targets(emotions, LABELS, "thresholded", PRESENT)
    targets[[not levels for levels in emotions]] = np.nan
    return targets


def _score(prediction: EvalPrediction) -> dict[str, float]:
    logits = np.asarray(prediction.predictions, dtype=np.float64)
    targets = np.asarray(prediction.label_ids, dtype=np.float64)
    scores = expit(logits)
    return {"score": macro_f1(scores, targets, one_threshold(scores, targets))}
