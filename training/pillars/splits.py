"""Balanced splits without leaks: a narrative lies in one split, emotions are shared out alike."""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from collections.abc import Sequence

from training.llm.journal import Record

NAMES = ("train", "dev", "test")


def balanced(examples: Sequence[Record], most: int | None, seed: int) -> list[Record]:
    """Drops examples, by chance, of emotions that have more than `most`; order is kept."""
    if most is None:
        return list(examples)
    by_emotion: defaultdict[str, list[str]] = defaultdict(list)
    for example in examples:
        by_emotion[example["emotion"]].append(example["id"])
    dice = random.Random(seed)
    chosen: set[str] = set()
    for ids in by_emotion.values():
        chosen.update(dice.sample(ids, min(most, len(ids))))
    return [example for example in examples if example["id"] in chosen]


def split_by_narrative(
    examples: Sequence[Record], shares: Sequence[float], seed: int
) -> dict[str, list[Record]]:
    """Deals narratives to train, dev and test, so that each has its share of every emotion.

    Narratives are dealt in an order drawn by chance: the first three one to each split, so that
    none is empty, the others each to where it brings the shares nearest to those wanted.

    Args:
        examples: With ``narrative`` and ``emotion``.
        shares: Of train, dev and test; in any unit.
        seed: Of the order.

    Returns:
        The examples of each split, in their order.

    Example:
        >>> rows = [{"narrative": str(n), "emotion": "joy"} for n in range(10)]
        >>> {name: len(part) for name, part in split_by_narrative(rows, (8, 1, 1), 0).items()}
        {'train': 8, 'dev': 1, 'test': 1}
    """
    held: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for example in examples:
        held[example["narrative"]][example["emotion"]] += 1
    total = sum(held.values(), Counter[str]())
    wanted = {name: share / sum(shares) for name, share in zip(NAMES, shares, strict=True)}
    having: dict[str, Counter[str]] = {name: Counter() for name in NAMES}
    order = sorted(held)
    random.Random(seed).shuffle(order)
    split_of: dict[str, str] = {}
    for narrative in order:
        empty = [name for name in NAMES if not having[name]]
        costs = {
            name: _cost(held[narrative], having[name], wanted[name], total)
            for name in empty or NAMES
        }
        chosen = min(costs, key=costs.__getitem__)
        having[chosen] += held[narrative]
        split_of[narrative] = chosen
    return {name: [e for e in examples if split_of[e["narrative"]] == name] for name in NAMES}


def _cost(offered: Counter[str], having: Counter[str], wanted: float, total: Counter[str]) -> float:
    """By how much a narrative would move a split's shares from those wanted, squared, summed."""
    return sum(
        ((having[emotion] + count) / total[emotion] - wanted) ** 2
        - (having[emotion] / total[emotion] - wanted) ** 2
        for emotion, count in offered.items()
    )
