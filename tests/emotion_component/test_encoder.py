"""Messages of like length run together."""

from __future__ import annotations

import pytest

from emotion_component.encoder import BATCH_TOKENS, RUN_TOKENS, run_sizes


@pytest.mark.parametrize(
    ("lengths", "sizes"),
    [
        ([8], [1]),
        ([8, 8, 8, 8], [4]),
        ([9, 8, 7], [3]),  # padding of 3 tokens costs less than another run
        ([128, 127, 8, 8], [2, 2]),
        ([30, 20, 10], [1, 1, 1]),
        ([64] * 40, [32, 8]),  # as many tokens as a run may have
    ],
)
def test_runs(lengths: list[int], sizes: list[int]) -> None:
    assert BATCH_TOKENS == 64 * 32
    assert run_sizes(lengths) == sizes


def test_no_run_is_padded_more_than_another_run_costs() -> None:
    lengths = [100, 99, 98, 50, 50, 47, 12, 11, 9, 3, 3]
    start = 0
    for size in run_sizes(lengths):
        run = lengths[start : start + size]
        assert sum(run[0] - length for length in run) <= RUN_TOKENS
        start += size
    assert start == len(lengths)
