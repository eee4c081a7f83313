"""Near-duplicates and splits."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from training.pillars.duplicates import BLOCK, distinct_rows
from training.pillars.splits import balanced, split_by_narrative


def test_what_is_near_an_earlier_text_is_left_out() -> None:
    angles = np.radians([0, 5, 90, 12, 95, 180])
    vectors = np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)
    threshold = float(np.cos(np.radians(10)))
    # 12 degrees is near 5, which is not kept, and not near 0.
    assert distinct_rows(vectors, threshold) == [0, 2, 3, 5]


def test_repeats_are_found_across_blocks() -> None:
    dice = np.random.default_rng(0)
    vectors = dice.normal(size=(BLOCK + 10, 64)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    vectors[BLOCK + 3] = vectors[7]
    vectors[BLOCK + 5] = vectors[BLOCK + 1]
    kept = distinct_rows(vectors, 0.99)
    assert set(range(BLOCK + 10)) - set(kept) == {BLOCK + 3, BLOCK + 5}


def test_no_texts() -> None:
    assert distinct_rows(np.zeros((0, 3), np.float32), 0.9) == []


EXAMPLES = st.lists(
    st.tuples(st.integers(0, 20), st.sampled_from(["joy", "fear", "neutral"])), max_size=200
)


@settings(deadline=None)
@given(EXAMPLES, st.sampled_from([(80, 10, 10), (90, 5, 5)]), st.integers(0, 3))
def test_no_narrative_lies_in_two_splits_and_no_example_is_lost(
    pairs: list[tuple[int, str]], shares: tuple[float, float, float], seed: int
) -> None:
    examples = [
        {"id": n, "narrative": str(narrative), "emotion": emotion}
        for n, (narrative, emotion) in enumerate(pairs)
    ]
    parts = split_by_narrative(examples, shares, seed)
    assert sorted(e["id"] for part in parts.values() for e in part) == list(range(len(pairs)))
    homes = defaultdict(set)
    for name, part in parts.items():
        for example in part:
            homes[example["narrative"]].add(name)
    assert all(len(splits) == 1 for splits in homes.values())
    if len(homes) >= 3:
        assert all(parts.values())


def test_every_split_has_its_share_of_every_emotion() -> None:
    dice = np.random.default_rng(0)
    emotions = ["joy", "anger", "fear", "rare"]
    examples: list[dict[str, Any]] = []
    for narrative in range(200):  # narratives differ in size and in what they are about
        shares = dice.dirichlet([2, 1, 1, 0.1])
        for _ in range(int(dice.integers(5, 60))):
            emotion = str(dice.choice(emotions, p=shares))
            examples.append({"narrative": str(narrative), "emotion": emotion})
    total = Counter(e["emotion"] for e in examples)
    for shares in ((80, 10, 10), (90, 5, 5)):
        parts = split_by_narrative(examples, shares, seed=1)
        for part, share in zip(parts.values(), shares, strict=True):
            counts = Counter(e["emotion"] for e in part)
            for emotion in emotions:
                assert abs(counts[emotion] / total[emotion] - share / 100) < 0.02, emotion


def test_frequent_emotions_are_thinned_out() -> None:
    examples = [{"id": str(n), "emotion": "joy" if n % 4 else "fear"} for n in range(40)]
    kept = balanced(examples, 12, seed=0)
    assert Counter(e["emotion"] for e in kept) == {"joy": 12, "fear": 10}
    assert kept == sorted(kept, key=lambda e: int(e["id"]))
    assert kept == balanced(examples, 12, seed=0)
    assert kept != balanced(examples, 12, seed=1)
    assert balanced(examples, None, seed=0) == examples
