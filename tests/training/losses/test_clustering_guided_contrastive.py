"""The loss of the instance-instance view against plain loops in float64, and its gradients."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from training.losses.clustering_guided_contrastive import ClusteringGuidedContrastiveLoss

TEMPERATURE = 0.5


def cosine(a: list[float], b: list[float]) -> float:
    dot = sum(x * y for x, y in zip(a, b, strict=True))
    return dot / math.sqrt(sum(x * x for x in a)) / math.sqrt(sum(x * x for x in b))


def reference(vectors: list[list[float]], labels: list[int], clusters: list[int] | None) -> float:
    each = []
    for i in range(len(vectors)):
        positives, negatives = [], []
        for j in range(len(vectors)):
            if j == i:
                continue
            if labels[j] == labels[i] and (clusters is None or clusters[j] != clusters[i]):
                positives.append(math.exp(cosine(vectors[i], vectors[j]) / TEMPERATURE))
            if labels[j] != labels[i] and (clusters is None or clusters[j] == clusters[i]):
                negatives.append(math.exp(cosine(vectors[i], vectors[j]) / TEMPERATURE))
        if positives:
            total = sum(positives) + sum(negatives)
            each.append(sum(-math.log(p / total) for p in positives) / len(positives))
    return sum(each) / len(each) if each else 0.0


def batch() -> tuple[Tensor, Tensor, Tensor]:
    generator = torch.Generator().manual_seed(5)
    vectors = 3 * torch.randn(9, 4, generator=generator, dtype=torch.float64)
    labels = torch.tensor([0, 0, 0, 1, 1, 2, 2, 2, 3])
    # Text 8 is alone in its label, 5 shares its cluster with all of its label, 3 has no negative.
    clusters = torch.tensor([0, 1, 0, 2, 1, 3, 3, 3, 0])
    return vectors, labels, clusters


@pytest.mark.parametrize("clustered", [True, False])
def test_equals_the_loop(clustered: bool) -> None:
    vectors, labels, clusters = batch()
    value = ClusteringGuidedContrastiveLoss(TEMPERATURE)(
        vectors, labels, clusters if clustered else None
    )
    expected = reference(
        vectors.tolist(), labels.tolist(), clusters.tolist() if clustered else None
    )
    assert expected > 0.1
    assert value.item() == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("clustered", [True, False])
def test_gradients(clustered: bool) -> None:
    vectors, labels, clusters = batch()
    loss = ClusteringGuidedContrastiveLoss(TEMPERATURE)
    given = clusters if clustered else None
    assert torch.autograd.gradcheck(lambda x: loss(x, labels, given), vectors.requires_grad_())


@pytest.mark.parametrize(
    ("labels", "clusters"),
    [
        pytest.param([0, 1, 2, 3], [0, 0, 1, 1], id="no label comes twice"),
        pytest.param([0, 0, 1, 1], [0, 0, 1, 1], id="clusters are the labels"),
        pytest.param([0, 0, 0, 0], [0, 0, 0, 0], id="one label, one cluster"),
    ],
)
def test_without_hard_positives_there_is_nothing_to_learn(
    labels: list[int], clusters: list[int]
) -> None:
    vectors = torch.randn(4, 3, requires_grad=True)
    loss = ClusteringGuidedContrastiveLoss()
    value = loss(vectors, torch.tensor(labels), torch.tensor(clusters))
    value.backward()
    assert value.item() == 0
    assert vectors.grad is not None
    assert torch.equal(vectors.grad, torch.zeros(4, 3))


def test_positives_without_negatives_contrast_with_each_other() -> None:
    vectors = torch.eye(3, dtype=torch.float64)
    labels, clusters = torch.tensor([0, 0, 0]), torch.tensor([0, 1, 2])
    value = ClusteringGuidedContrastiveLoss()(vectors, labels, clusters)
    assert value.item() == pytest.approx(math.log(2), abs=1e-12)


def test_the_length_of_a_vector_does_not_count() -> None:
    vectors, labels, clusters = batch()
    loss = ClusteringGuidedContrastiveLoss()
    longer = vectors * torch.arange(1, 10)[:, None]
    torch.testing.assert_close(loss(vectors, labels, clusters), loss(longer, labels, clusters))
