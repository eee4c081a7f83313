"""Clusters of a batch's texts: k-means, K given or found at the elbow of the inertia."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
from sklearn.cluster import KMeans
from torch import Tensor
from torch.nn import functional

CANDIDATES = 8
"""How many numbers of clusters the elbow is looked for among."""


def cluster_by_labels(vectors: Tensor, labels: Tensor, seed: int) -> Tensor:
    """Clusters n vectors by direction into as many clusters as they have labels.

    Args:
        vectors: (n, width).
        labels: (n,).
        seed: Of k-means' first centres.

    Returns:
        The number of each vector's cluster, (n,).
    """
    points = _points(vectors)
    return _numbers(_k_means(points, len(set(labels.tolist())), seed), vectors)


def cluster_by_elbow(vectors: Tensor, seed: int) -> Tensor:
    """Clusters n vectors by direction, their number found from themselves (appendix D).

    K runs from 2 to half of n; the elbow is where the inertia lies furthest below the straight
    line from its first value to its last.

    Args:
        vectors: (n, width).
        seed: Of k-means' first centres.

    Returns:
        The number of each vector's cluster, (n,).
    """
    points = _points(vectors)
    largest = max(2, len(points) // 2)
    numbers = np.unique(np.linspace(2, largest, CANDIDATES).round().astype(int))
    fits = [_k_means(points, int(k), seed) for k in numbers]
    return _numbers(fits[elbow(numbers, np.array([fit.inertia_ for fit in fits]))], vectors)


def elbow(x: npt.NDArray[np.int64], y: npt.NDArray[np.floating]) -> int:
    """Returns the index at which a falling curve lies furthest below the line between its ends.

    Args:
        x: (n,), rising.
        y: (n,).
    """
    line = y[0] + (y[-1] - y[0]) * (x - x[0]) / max(1, x[-1] - x[0])
    return int((line - y).argmax())


def _points(vectors: Tensor) -> npt.NDArray[np.float32]:
    unit = functional.normalize(vectors.detach().float(), dim=1)
    points: npt.NDArray[np.float32] = unit.cpu().numpy()
    return points


def _k_means(points: npt.NDArray[np.float32], k: int, seed: int) -> KMeans:
    k = min(k, len(np.unique(points, axis=0)))  # equal texts cannot be parted
    return KMeans(k, n_init=1, random_state=seed).fit(points)


def _numbers(fit: KMeans, like: Tensor) -> Tensor:
    return torch.from_numpy(fit.labels_).to(like.device)
