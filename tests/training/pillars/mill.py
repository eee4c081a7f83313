"""A narrative with an actor and an utterance, and what a step makes of an answer."""

from __future__ import annotations

from collections import Counter
from typing import Any

from training.pillars.answer import Rejected

NARRATIVE = "Ida Marsh, a baker, hires Tom. The old miller and the Finch brothers owe Ida flour."
IDA = {"id": "mill/1", "narrative": "mill", "actor": "Ida", "role": "the baker"}
SAID = {**IDA, "id": "mill/1/1", "emotion": "anger", "text": "You never paid me for the flour!"}


def outcome(found: Any) -> tuple[list[dict[str, Any]], Counter[str]]:
    """Records kept, and rejections by reason."""
    kept: list[dict[str, Any]] = []
    reasons: Counter[str] = Counter()
    try:
        for one in found:
            if isinstance(one, Rejected):
                reasons[one.reason] += 1
            else:
                kept.append(one)
    except Rejected as why:
        reasons[why.reason] += 1
    return kept, reasons
