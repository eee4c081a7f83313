"""Clusters of a batch: as many as labels, or by the elbow."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import Tensor

from training.taco.clusters import cluster_by_elbow, cluster_by_labels, elbow


def bunches(count: int, each: int) -> Tensor:
    """Directions on a circle in narrow bunches, their lengths at random."""
    generator = torch.Generator().manual_seed(1)
    angles = torch.arange(count).repeat_interleave(each) * 2 * math.pi / count
    angles = angles + 0.05 * torch.randn(len(angles), generator=generator)
    lengths = 1 + 5 * torch.rand(len(angles), 1, generator=generator)
    return lengths * torch.stack([angles.cos(), angles.sin()], 1)


def partition(clusters: Tensor) -> set[frozenset[int]]:
    numbers = clusters.tolist()
    return {
        frozenset(row for row, number in enumerate(numbers) if number == own) for own in numbers
    }


def expected(count: int, each: int) -> set[frozenset[int]]:
    return {frozenset(range(each * number, each * (number + 1))) for number in range(count)}


def test_as_many_clusters_as_labels_by_direction() -> None:
    labels = torch.tensor([3, 7, 9] * 4)  # their number counts, not where they lie
    clusters = cluster_by_labels(bunches(3, 4), labels, seed=0)
    assert partition(clusters) == expected(3, 4)


def test_the_elbow_finds_the_bunches() -> None:
    clusters = cluster_by_elbow(bunches(4, 5), seed=0)
    assert partition(clusters) == expected(4, 5)


def test_the_elbow_of_a_curve() -> None:
    assert elbow(np.array([2, 3, 4, 5, 6]), np.array([10.0, 8.0, 1.0, 0.8, 0.6])) == 2
    assert elbow(np.array([2]), np.array([3.0])) == 0


def test_the_seed_decides() -> None:
    vectors, labels = torch.randn(40, 6), torch.arange(40) % 9
    first, again = (cluster_by_labels(vectors, labels, seed=4) for _ in range(2))
    assert torch.equal(first, again)
    others = {tuple(cluster_by_labels(vectors, labels, seed=s).tolist()) for s in range(5)}
    assert len(others) > 1


@pytest.mark.parametrize("count", [1, 2, 5])
def test_equal_texts_and_small_batches(count: int) -> None:
    equal = torch.ones(count, 3)
    assert len(set(cluster_by_labels(equal, torch.arange(count), seed=0).tolist())) == 1
    assert len(set(cluster_by_elbow(equal, seed=0).tolist())) == 1


def test_no_gradient_flows_into_clusters() -> None:
    vectors = torch.randn(6, 3, requires_grad=True)
    assert not cluster_by_labels(vectors, torch.arange(6) % 2, seed=0).requires_grad
