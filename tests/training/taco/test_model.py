"""The classifier's vectors and scores, and the sum of losses that it is trained by."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.nn import functional
from transformers import TrainerControl

from tests.training.taco.conftest import DESCRIPTIONS
from training.errors import UserError
from training.losses.clustering_guided_contrastive import ClusteringGuidedContrastiveLoss
from training.losses.label_disentanglement import LabelDisentanglementLoss
from training.models.single_label_classifier import SingleLabelClassifier
from training.taco.clusters import cluster_by_labels
from training.taco.model import ContrastiveWarmup, TripleViewModel
from training.taco.recipe import LossSettings

TEXTS = ["i am so happy", "this news", "hate it", "so sad today", "that you love", "i am afraid"]
TARGETS = torch.tensor([3, 1, 0, 2, 3, 1])


def make(tiny_backbone: str, **settings: Any) -> SingleLabelClassifier:
    torch.manual_seed(0)
    settings = {"dimension": 16, **settings}
    return SingleLabelClassifier.from_backbone(tiny_backbone, DESCRIPTIONS, **settings)


def batch(classifier: SingleLabelClassifier) -> dict[str, Tensor]:
    return classifier.tokenizer.pad(classifier.tokenizer.encode(TEXTS))


def tokens(classifier: SingleLabelClassifier, row: int) -> list[str]:
    ids = classifier.get_buffer("label_input_ids")[row]
    mask = classifier.get_buffer("label_attention_mask")[row]
    return [classifier.tokenizer.tokenizer.id_to_token(int(i)) for i in ids[mask == 1]]


def test_labels_are_read_with_their_descriptions(tiny_backbone: str) -> None:
    read = tokens(make(tiny_backbone), 2)
    assert read == ["[CLS]", "gloom", "[EMO]", "so", "sad", "today", "[SEP]"]
    read = tokens(make(tiny_backbone, with_descriptions=False), 2)
    assert read == ["[CLS]", "gloom", "[SEP]"]


def test_scores_are_dot_products(tiny_backbone: str) -> None:
    classifier = make(tiny_backbone).eval()
    with torch.no_grad():
        inputs = batch(classifier)
        states = classifier.encoder(
            **{k: v for k, v in inputs.items() if k != "pooling_mask"}
        ).last_hidden_state
        mask = inputs["attention_mask"].unsqueeze(-1)
        first, _, second = classifier.text_network
        hidden = functional.relu(first((states * mask).sum(1) / mask.sum(1)))
        expected = second(hidden) @ classifier.label_vectors().T
        torch.testing.assert_close(classifier(**inputs), expected)
    assert expected.shape == (6, 5)


@pytest.mark.parametrize("head", ["labels", "linear"])
@pytest.mark.parametrize("pooling", ["mean", "first"])
def test_predictions_are_those_of_single_texts_and_of_the_checkpoint(
    tiny_backbone: str, tmp_path: Path, head: Any, pooling: Any
) -> None:
    classifier = make(tiny_backbone, head=head, pooling=pooling)
    scores, vectors = classifier.predict(TEXTS, batch_size=2)
    assert vectors.shape == (6, 16 if head == "labels" else 32)
    for row, text in enumerate(TEXTS):
        torch.testing.assert_close(classifier.predict([text])[0][0], scores[row])
    classifier.save(tmp_path / "model", {"recipe": "x"})
    loaded = SingleLabelClassifier.load(tmp_path / "model")
    assert torch.equal(loaded.predict(TEXTS, batch_size=2)[0], scores)


def test_labels_are_encoded_once_for_all_texts(
    tiny_backbone: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    classifier = make(tiny_backbone)
    calls = []
    encode = classifier.label_vectors
    monkeypatch.setattr(classifier, "label_vectors", lambda: calls.append(1) or encode())
    classifier.predict(TEXTS, batch_size=1)
    assert len(calls) == 1


def test_a_context_counts(tiny_backbone: str) -> None:
    classifier = make(tiny_backbone)
    alone = classifier.predict(["it"])[0]
    assert not torch.allclose(classifier.predict(["it"], ["i am so sad"])[0], alone)
    assert torch.equal(classifier.predict(["it"], [None])[0], alone)


def test_the_loss_is_the_sum_of_three(tiny_backbone: str) -> None:
    classifier = make(tiny_backbone)
    model = TripleViewModel(classifier, LossSettings(alpha=0.3, beta=0.7), seed=1).train()
    for module in model.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
    model.strength = 0.5
    inputs = batch(classifier)
    found = model(TARGETS, **inputs)
    vectors, labels = classifier.embed(**inputs), classifier.label_vectors()
    scores = vectors @ labels.T
    clusters = cluster_by_labels(vectors, TARGETS, seed=1)
    contrast = ClusteringGuidedContrastiveLoss(0.5)(vectors, TARGETS, clusters)
    disentanglement = LabelDisentanglementLoss()(scores, labels)
    cross_entropy = functional.cross_entropy(scores, TARGETS)
    expected = cross_entropy + 0.5 * (0.3 * contrast + 0.7 * disentanglement)
    torch.testing.assert_close(found["loss"], expected)
    torch.testing.assert_close(found["logits"], scores)
    torch.testing.assert_close(model.eval()(TARGETS, **inputs)["loss"], cross_entropy)


def test_the_plain_head_is_trained_by_cross_entropy_alone(tiny_backbone: str) -> None:
    classifier = make(tiny_backbone, head="linear")
    model = TripleViewModel(classifier, LossSettings(alpha=1, beta=1), seed=0)
    inputs = batch(classifier)
    torch.manual_seed(0)
    found = model.train()(TARGETS, **inputs)
    expected = functional.cross_entropy(found["logits"], TARGETS)
    torch.testing.assert_close(found["loss"], expected)


def test_gradients_reach_texts_and_labels(tiny_backbone: str) -> None:
    classifier = make(tiny_backbone)
    model = TripleViewModel(classifier, LossSettings(alpha=0.4, beta=0.4), seed=0).train()
    model(TARGETS, **batch(classifier))["loss"].backward()
    without = [name for name, p in model.named_parameters() if p.grad is None]
    assert without == []


@pytest.mark.parametrize(
    ("share", "step", "strength"),
    [(0.0, 0, 1.0), (0.5, 0, 0.0), (0.5, 25, 0.5), (0.5, 50, 1.0), (0.5, 99, 1.0)],
)
def test_warm_up(tiny_backbone: str, share: float, step: int, strength: float) -> None:
    model = TripleViewModel(make(tiny_backbone), LossSettings(alpha=1, beta=1), seed=0)
    state: Any = SimpleNamespace(global_step=step, max_steps=100)
    arguments: Any = None
    ContrastiveWarmup(model, share).on_step_begin(arguments, state, TrainerControl())
    assert model.strength == strength


def test_what_cannot_be_loaded_is_said(tiny_backbone: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="--set backbone=PATH"):
        make(str(tmp_path / "nowhere"))
    with pytest.raises(UserError, match="no checkpoint"):
        SingleLabelClassifier.load(tmp_path)
