"""Results as a person reads them in a terminal."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Union

from emotion_component.bundle import Manifest
from emotion_component.results import DescribeResult, EmotionResult, RankResult

Result = Union[EmotionResult, RankResult, DescribeResult]

BAR_WIDTH = 24
ROWS = 5


def _bars(scores: Mapping[str, float], present: Mapping[str, float]) -> list[str]:
    width = max(map(len, scores), default=0)
    return [
        f"  {'*' if name in present else ' '} {name:<{width}}  "
        f"{'█' * round(max(score, 0) * BAR_WIDTH):<{BAR_WIDTH}} {score:5.2f}"
        for name, score in scores.items()
    ]


def _strongest(scores: Mapping[str, float], least: int) -> dict[str, float]:
    ranked = sorted(scores.items(), key=lambda item: -item[1])
    return dict(ranked[:least])


def table(text: str, result: Result) -> str:
    """Returns a result as a small table with bars; "*" marks what is above its threshold."""
    shown = text if len(text) <= 72 else text[:71] + "…"
    lines = [shown.encode("utf-8", "replace").decode("utf-8")]
    if isinstance(result, EmotionResult):
        lines += _bars(_strongest(result.scores, max(ROWS, len(result.labels))), result.labels)
        lines.append(
            f"    {result.group}, valence {result.valence:+.2f}, arousal {result.arousal:+.2f}"
        )
    elif isinstance(result, RankResult):
        lines += _bars(_strongest(result.scores, len(result.scores)), result.labels)
    else:
        lines += _bars(result.descriptors, {})
    if result.truncated:
        lines.append("    (cut to the encoder's window)")
    return "\n".join(lines) + "\n"


def info(manifest: Manifest, *, as_json: bool) -> str:
    """Returns what a bundle says of itself, for a person or as JSON."""
    if as_json:
        return json.dumps(asdict(manifest), indent=2)
    window = manifest.window
    lines = [
        f"{manifest.name} {manifest.version}",
        f"  labels     {', '.join(manifest.labels)}",
        f"  window     {window.context_turns} earlier turns; {window.max_tokens} tokens with "
        f"context, {window.message_tokens} without",
    ]
    for key, value in manifest.training.items():
        entries = value if isinstance(value, (list, tuple)) else [value]
        lines += [f"  {key:<10} {entry}" for entry in entries]
    lines += [f"  score      {name}: {value}" for name, value in manifest.scores.items()]
    return "\n".join(lines)
