"""Groups of rows that must lie on one side of a split."""

from __future__ import annotations

from collections.abc import Hashable, Sequence

import numpy as np
import numpy.typing as npt
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

Rows = npt.NDArray[np.integer]


def connected_groups(first: Sequence[Hashable], second: Sequence[Hashable]) -> Rows:
    """Numbers the groups of rows that share a key, directly or through other rows.

    Args:
        first: One key of each row, such as its author.
        second: Another, such as its text; the two are never equal to each other.

    Returns:
        (rows,).

    Example:
        >>> connected_groups(["ann", "ann", "bob", "eve"], ["hi", "no", "no", "so"]).tolist()
        [0, 0, 0, 1]
    """
    numbers: dict[tuple[int, Hashable], int] = {}
    one, other = (
        [numbers.setdefault((side, key), len(numbers)) for key in keys]
        for side, keys in enumerate((first, second))
    )
    links = coo_matrix((np.ones(len(one)), (one, other)), shape=(len(numbers), len(numbers)))
    _, group = connected_components(links, directed=False)
    groups: Rows = np.unique(group[one], return_inverse=True)[1]
    return groups


def deal(groups: Rows, shares: Sequence[float], seed: int = 0) -> list[Rows]:
    """Deals rows to parts, each group to one.

    Args:
        groups: Number of each row's group.
        shares: Of the groups, of all parts but the first, which gets the rest.
        seed: Of the order in which groups are dealt.

    Returns:
        The rows of each part, in their order.
    """
    names = np.unique(groups)
    order = np.random.default_rng(seed).permutation(names)
    ends = np.round(np.cumsum(shares) * len(names)).astype(int)
    parts = [*np.split(order, ends)]
    return [np.flatnonzero(np.isin(groups, part)) for part in (parts[-1], *parts[:-1])]
