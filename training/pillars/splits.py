"""Balanced splits without leaks: a narrative lies in one split, emotions are shared out alike."""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence

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

    Narratives are dealt by size, the largest first, each to the split that lacks most of what it
    holds, relative to what the split should have of each emotion.

    Args:
        examples: With ``narrative`` and ``emotion``.
        shares: Of train, dev and test; in any unit.
        seed: Of the order among narratives of one size.

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
    wanted = {
        name: {emotion: count * share / sum(shares) for emotion, count in total.items()}
        for name, share in zip(NAMES, shares, strict=True)
    }
    having: dict[str, Counter[str]] = {name: Counter() for name in NAMES}
    order = sorted(held)
    random.Random(seed).shuffle(order)
    order.sort(key=lambda narrative: -held[narrative].total())
    split_of: dict[str, str] = {}
    for narrative in order:
        chosen = max(NAMES, key=lambda name: _lack(held[narrative], having[name], wanted[name]))
        having[chosen] += held[narrative]
        split_of[narrative] = chosen
    return {name: [e for e in examples if split_of[e["narrative"]] == name] for name in NAMES}


def _lack(offered: Counter[str], having: Counter[str], wanted: Mapping[str, float]) -> float:
    """How much a split lacks of what a narrative offers: 1 an example if it has nothing yet."""
    return sum(
        count * (1 - having[emotion] / wanted[emotion]) for emotion, count in offered.items()
    )
