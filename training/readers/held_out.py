"""The held-out part of the training texts, for choosing a model."""

from __future__ import annotations

import random
from collections.abc import Sequence

from training.readers.example import Example


def split_held_out(
    examples: Sequence[Example], share: float, seed: int = 0
) -> tuple[list[Example], list[Example]]:
    """Splits examples at random, equal texts on one side.

    Args:
        examples: What there is to train on.
        share: Share of the distinct texts that is held out, 0 to 1.
        seed: The same seed holds out the same texts; apart from the training's seed, so that
            runs with several seeds choose on the same texts.

    Returns:
        The examples to train on and those held out, in their order.
    """
    texts = sorted({example.text for example in examples})
    random.Random(seed).shuffle(texts)
    held_out = set(texts[: round(share * len(texts))])
    return (
        [example for example in examples if example.text not in held_out],
        [example for example in examples if example.text in held_out],
    )
