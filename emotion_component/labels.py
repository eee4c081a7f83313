"""Label sets that the runtime knows: GoEmotions' 28, and coarser ones made of them."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

import yaml

SENTIMENT = "groups"
EKMAN = "ekman"


@lru_cache(maxsize=1)
def _mappings() -> dict[str, dict[str, str]]:
    """Fine label to coarse label, for each coarse set."""
    path = Path(__file__).with_name("label_sets.yaml")
    sets = yaml.safe_load(path.read_text(encoding="utf-8"))
    return {
        name: {fine: coarse for coarse, members in groups.items() for fine in members}
        for name, groups in sets.items()
    }


def coarse_labels(label_set: str) -> tuple[str, ...]:
    """Returns the labels of the coarse set `label_set` ("groups" or "ekman")."""
    return tuple(dict.fromkeys(_mappings()[label_set].values()))


def coarse_label(label: str, label_set: str = SENTIMENT) -> str:
    """Returns the coarse label of a fine one.

    Args:
        label: A label of the bundle.
        label_set: "groups" (positive, negative, ambiguous, neutral) or "ekman" (six emotions and
            neutral); Demszky et al. 2020, section 3.

    Returns:
        The coarse label; "ambiguous" for a label that GoEmotions does not have, "neutral" where
        the set has no "ambiguous".
    """
    mapping = _mappings()[label_set]
    unknown = "ambiguous" if "ambiguous" in mapping.values() else "neutral"
    return mapping.get(label, unknown)
