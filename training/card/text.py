"""The model card as Markdown: template.md with the figures filled in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from string import Template
from typing import Any

from training.card.bootstrap import Estimate
from training.card.goemotions import FIGURES
from training.evaluation.report import table
from training.readers.benchmarks import PUBLISHED

TEMPLATE = Path(__file__).with_name("template.md")
CALIBRATION_PLOT = "model_card_calibration.png"
CONFUSION_PLOT = "model_card_confusion.png"

SURE = 0.8
"""Precision on dev of the operating point that the card's example uses."""

Card = Mapping[str, Any]


def card_text(card: Card) -> str:
    """Returns the card.

    Args:
        card: Of `training.card.measure.measure_card`.
    """
    bundle = card["bundle"]
    return Template(TEMPLATE.read_text(encoding="utf-8")).substitute(
        name=bundle["name"],
        version=bundle["version"],
        sha256=bundle["sha256"],
        megabytes=f"{bundle['encoder_megabytes']:.0f}",
        context_turns=bundle["window"]["context_turns"],
        max_tokens=bundle["window"]["max_tokens"],
        model=_model(bundle["training"]),
        data=_list(bundle["training"].get("data", ["bundle.json does not say"])),
        held_out=_held_out(bundle["training"]),
        texts=f"{card['goemotions']['texts']:,}",
        also_in_train=card["goemotions"]["also_in_train"],
        macro=_macro(card["goemotions"]),
        classes=_classes(card["goemotions"]),
        confusions=_confusions(card["goemotions"]),
        confusion_plot=CONFUSION_PLOT,
        calibration=_calibration(card["calibration"]),
        calibration_plot=CALIBRATION_PLOT,
        confidence=_confidence(card["neutral_unless_sure"]),
        operating_points=_operating_points(card["neutral_unless_sure"]),
        template=card["zero_shot"]["template"],
        zero_shot=_zero_shot(card["zero_shot"]["benchmarks"]),
        emocontext=_emocontext(card["emocontext"]),
        dialogues=_dialogues(card["dialogues"]),
        fairness=_fairness(card["fairness"]),
        worst=_worst(card["fairness"]),
        valence=_valence(card["fairness"]),
        messages=sum(found["messages"] for found in card["probes"].values()),
        probes=_probes(card["probes"]),
    )


def _figure(estimate: Estimate) -> str:
    return f"{estimate['value']:.3f} [{estimate['low']:.3f}, {estimate['high']:.3f}]"


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"


def _share(estimate: Estimate) -> str:
    return (
        f"{_percent(estimate['value'])} [{100 * estimate['low']:.0f}, {100 * estimate['high']:.0f}]"
    )


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    return table(header, rows).rstrip()


def _list(items: Sequence[str]) -> str:
    return "\n".join(f"- {item}" for item in items)


def _model(training: Mapping[str, Any]) -> str:
    facts = [
        f"{key}: {value}"
        for key, value in training.items()
        if isinstance(value, str) and key != "held_out"
    ]
    return _list(facts or ["bundle.json does not say how it was trained"])


def _held_out(training: Mapping[str, Any]) -> str:
    if "held_out" in training:
        return f"Held out from this bundle's training: {training['held_out']}."
    return (
        "bundle.json does not say that they were held out from this bundle's training (`held_out` "
        "in `training`):\ntake them as seen, and the figures as too high."
    )


def _macro(goemotions: Card) -> str:
    names = {"own": "the bundle's", "0.5": "0.5 for each label"}
    rows = [
        [names[way], *(_figure(measured["macro"][figure]) for figure in FIGURES)]
        for way, measured in goemotions["thresholds"].items()
    ]
    return _table(["thresholds", *(f"macro {figure}" for figure in FIGURES)], rows)


def _classes(goemotions: Card) -> str:
    rows = [
        [
            label,
            f"{found['precision']:.2f}",
            f"{found['recall']:.2f}",
            _figure(found["F1"]),
            f"{found['threshold']:.2f}",
            f"{found['support']:,}",
        ]
        for label, found in goemotions["thresholds"]["own"]["classes"].items()
    ]
    return _table(["label", *FIGURES, "threshold", "texts"], rows)


def _confusions(goemotions: Card) -> str:
    rows = [
        [pair["gold"], pair["predicted"], str(pair["texts"]), _percent(pair["share"])]
        for pair in goemotions["frequent_confusions"]
    ]
    return _table(["gold", "strongest", "texts", "share of the gold label's"], rows)


def _calibration(calibration: Card) -> str:
    rows = [[name, _figure(measured["error"])] for name, measured in calibration.items()]
    return _table(["probabilities of", "expected calibration error"], rows)


def _confidence(points: Sequence[Card]) -> str:
    return next(f"{point['confidence']:.2f}" for point in points if point["aim"] == SURE)


def _operating_points(points: Sequence[Card]) -> str:
    rows = [
        [
            _percent(point["aim"]) if point["aim"] else "none",
            f"{point['confidence']:.2f}",
            *(_share(point[name]) for name in ("precision", "coverage", "recall")),
        ]
        for point in points
    ]
    header = ["precision sought on dev", "confidence", "precision", "coverage", "recall"]
    return _table(header, rows)


def _zero_shot(benchmarks: Card) -> str:
    rows = [
        [PUBLISHED[name].title, score, _figure(estimate)]
        for name, estimates in benchmarks.items()
        for score, estimate in estimates.items()
        if not score.startswith("F1 ")
    ]
    return _table(["benchmark (test split)", "score", ""], rows)


def _emocontext(emocontext: Card) -> str:
    rows = [
        [way, f"{found['threshold']:.2f}", *(_figure(found["micro"][name]) for name in FIGURES)]
        for way, found in emocontext.items()
    ]
    return _table(["", "threshold", *(f"micro {figure}" for figure in FIGURES)], rows)


def _dialogues(dialogues: Card) -> str:
    rows = [
        [measure, *(_share(dialogues[way][measure]) for way in dialogues)]
        for measure in next(iter(dialogues.values()))
    ]
    return _table(["", *dialogues], rows)


def _fairness(fairness: Card) -> str:
    rows = [
        [
            axis,
            str(found["sentences"]),
            f"{found['pairs']:,}",
            *(f"{found[name]:.3f}" for name in ("mean", "mean_largest", "largest")),
            _percent(found["changed"]),
        ]
        for axis, found in fairness.items()
    ]
    header = ["axis", "sentences", "pairs", "mean difference", "largest of a pair", "at worst"]
    return _table([*header, "label changes"], rows)


def _worst(fairness: Card) -> str:
    rows = [
        [axis, *found["worst"]["texts"], f"{found['worst']['label']} {found['largest']:.2f}"]
        for axis, found in fairness.items()
    ]
    return _table(["axis", "one wording", "another", "difference"], rows)


def _valence(fairness: Card) -> str:
    rows = [
        [axis, "; ".join(f"{group} {value:+.2f}" for group, value in found["valence"].items())]
        for axis, found in fairness.items()
    ]
    return _table(["axis", "valence"], rows)


def _probes(probes: Card) -> str:
    rows = [
        [phenomenon, str(found["messages"]), _share(found["label"]), _share(found["group"])]
        for phenomenon, found in probes.items()
    ]
    return _table(["messages", "number", "label fits", "group fits"], rows)
