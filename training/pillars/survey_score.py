"""Scoring a survey: agreement, accuracy of labels, neutrality of contexts (section 8)."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from statistics import fmean
from typing import Any


def krippendorff_alpha(units: Sequence[Sequence[Hashable]]) -> float:
    """Krippendorff's alpha for nominal values.

    Args:
        units: The values that annotators gave to each unit; those who gave none are left out.

    Returns:
        1 for perfect agreement, 0 for what chance would give, below for less; nan if all values
        are equal or no unit has two.

    Example:
        >>> krippendorff_alpha([["a", "a"], ["b", "b"]])
        1.0
    """
    pairable = [unit for unit in units if len(unit) > 1]
    totals = Counter(value for unit in pairable for value in unit)
    number = totals.total()
    expected = number**2 - sum(count**2 for count in totals.values())
    if not expected:
        return math.nan
    observed = sum(
        (len(unit) ** 2 - sum(count**2 for count in Counter(unit).values())) / (len(unit) - 1)
        for unit in pairable
    )
    return 1 - (number - 1) * observed / expected


def score(
    items: Sequence[Mapping[str, Any]], answers: Sequence[Sequence[Mapping[str, Any]]]
) -> dict[str, Any]:
    """Scores the answers of several annotators.

    Args:
        items: Of the survey.
        answers: For each annotator one answer an item: ``labels`` (ticked), ``context``
            ("neutral" or "emotive") and ``alone`` ("ambiguous" or "clear"); None if not answered.

    Returns:
        ``primary_accuracy``, ``label_accuracy`` and ``distractor_rate``: the share of primary
        labels, of the model's labels and of distractors that most annotators ticked (a half is
        not most); ``neutral_contexts`` and ``ambiguous_alone``: the share of contexts and of
        rewritten utterances that most judged so; ``agreement``: Krippendorff's alpha of labels
        (a unit is a label offered), contexts and rewritten utterances. nan where nothing is
        answered.
    """
    primary: list[bool] = []
    given: list[bool] = []
    distractors: list[bool] = []
    label_units: list[list[Hashable]] = []
    contexts: list[list[Hashable]] = []
    alone: list[list[Hashable]] = []
    for number, item in enumerate(items):
        # An item whose questions are open was not seen: no ticks say nothing then.
        own = [a[number] for a in answers if a[number]["context"] and a[number]["alone"]]
        if not own:
            continue
        contexts.append([answer["context"] for answer in own])
        alone.append([answer["alone"] for answer in own])
        for label in item["offered"]:
            ticks: list[Hashable] = [label in answer["labels"] for answer in own]
            label_units.append(ticks)
            (given if label in item["labels"] else distractors).append(_most(ticks, True))
            if label == item["emotion"]:
                primary.append(_most(ticks, True))
    return {
        "annotators": len(answers),
        "items": len(contexts),
        "primary_accuracy": _mean(primary),
        "label_accuracy": _mean(given),
        "distractor_rate": _mean(distractors),
        "neutral_contexts": _mean([_most(unit, "neutral") for unit in contexts]),
        "ambiguous_alone": _mean([_most(unit, "ambiguous") for unit in alone]),
        "agreement": {
            "labels": krippendorff_alpha(label_units),
            "context": krippendorff_alpha(contexts),
            "alone": krippendorff_alpha(alone),
        },
    }


def _most(values: Sequence[Hashable], wanted: Hashable) -> bool:
    return sum(value == wanted for value in values) * 2 > len(values)


def _mean(values: Sequence[bool]) -> float:
    return fmean(values) if values else math.nan
