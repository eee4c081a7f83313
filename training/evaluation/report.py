"""The tables of the distillation paper, ours beside the paper's, as Markdown."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from training.evaluation.zero_shot import Scores
from training.readers.benchmarks import PUBLISHED

PAPER = yaml.safe_load(Path(__file__).with_name("paper.yaml").read_text(encoding="utf-8"))

CLASSES = ("goemotions", "semeval2018_ec", "isear")
TITLES = [PUBLISHED[name].title for name in CLASSES]

BASELINE_TITLES = {
    "plain": "Plain encoder, label names",
    "definitions": "Similarity with definitions (Olah 2021)",
    "entailment": "Entailment (Bareiß 2024)",
    "reused_head": "Tuned on GoEmotions, head reused",
    "fine_tuned": "Fine-tuned on each set",
}

Results = Mapping[str, Scores]


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Returns a Markdown table."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"


def table_1(groups: Mapping[str, Sequence[Results]], baselines: Mapping[str, Results]) -> str:
    """Every benchmark: our models, baselines and the paper's figures.

    Args:
        groups: Name to the results of each seed.
        baselines: Key of `BASELINE_TITLES` to results.
    """
    rows = [["**Ours**", *[""] * 5]]
    rows += [[f"{name}, {_seeds(runs)}", *_cells(runs)] for name, runs in groups.items()]
    rows += [
        [BASELINE_TITLES[key], *_cells([baselines[key]])]
        for key in BASELINE_TITLES
        if key in baselines
    ]
    rows.append(["**The paper's (BERT-base)**", *[""] * 5])
    rows += [
        [name, *[_number(figures.get(k)) for k in (*CLASSES, "V", "A")]]
        for name, figures in PAPER["table_1"].items()
    ]
    header = ["Model", *TITLES, "EmoBank V (Spearman / Pearson)", "EmoBank A"]
    return table(header, rows)


def table_2(dimensions: Mapping[int, Sequence[Results]]) -> str:
    """Macro-F1 and Pearson's r by the width of the space."""
    rows = [
        [f"ours, d = {d}, {_seeds(runs)}", *_cells(runs)] for d, runs in sorted(dimensions.items())
    ]
    rows += [
        [f"the paper's, d = {d}", *[_number(figures[k]) for k in CLASSES], "", ""]
        for d, figures in PAPER["table_2"].items()
    ]
    return table(["Dimensions", *TITLES, "EmoBank V", "EmoBank A"], rows)


def table_3(groups: Mapping[str, Sequence[Results]]) -> str:
    """Supervision: all classes, and those that GoEmotions has (seen) or has not (unseen)."""
    rows = []
    for name, runs in groups.items():
        cells = [_mean([_score(run, "goemotions") for run in runs])]
        for benchmark in CLASSES[1:]:
            cells.append(_mean([_score(run, benchmark) for run in runs]))
            cells += [
                _mean([_part(run, benchmark, seen) for run in runs]) for seen in (True, False)
            ]
        rows.append([f"ours: {name}, {_seeds(runs)}", *cells])
    paper = PAPER["table_3"]
    for name in ("GPT-4 descriptors", "Human labels"):
        cells = [_number(paper[name]["goemotions"])]
        for benchmark in CLASSES[1:]:
            cells.append(_number(paper[name][benchmark]))
            cells += [
                _number(paper.get(f"{name}, {part} classes", {}).get(benchmark))
                for part in ("seen", "unseen")
            ]
        rows.append([f"the paper's: {name}", *cells])
    header = ["Supervision", TITLES[0]]
    for title in TITLES[1:]:
        header += [title, "seen", "unseen"]
    return table(header, rows)


def neighbours_table(ours: Mapping[str, Sequence[str]], plain: Mapping[str, Sequence[str]]) -> str:
    """Nearest descriptors of each label (Tables 4 and 6)."""
    rows = [[label, ", ".join(ours[label]), ", ".join(plain[label])] for label in ours]
    return table(["Label", "Trained space", "Plain encoder"], rows)


def classes_table(groups: Mapping[str, Sequence[Results]]) -> str:
    """F1 of each class of the benchmarks whose classes the models never saw as a set."""
    rows = []
    for benchmark in CLASSES:
        for label in PUBLISHED[benchmark].labels:
            cells = [
                _mean([run[benchmark][f"F1 {label}"] for run in runs]) for runs in groups.values()
            ]
            rows.append([PUBLISHED[benchmark].title, label, *cells])
    return table(["Benchmark", "Class", *groups], rows)


def _score(run: Results, benchmark: str) -> float:
    return run[benchmark]["macro-F1"]


def _part(run: Results, benchmark: str, seen: bool) -> float:
    known = PUBLISHED["goemotions"].labels
    labels = [label for label in PUBLISHED[benchmark].labels if (label in known) == seen]
    return statistics.fmean(run[benchmark][f"F1 {label}"] for label in labels)


def _cells(runs: Sequence[Results]) -> list[str]:
    cells = [
        _mean([_score(run, name) for run in runs]) if name in runs[0] else "" for name in CLASSES
    ]
    for axis in "VA":
        pair = [
            _mean([run["emobank"][f"{axis} {kind}"] for run in runs])
            for kind in ("Spearman", "Pearson")
            if "emobank" in runs[0]
        ]
        cells.append(" / ".join(pair))
    return cells


def _mean(values: Sequence[float]) -> str:
    mean = f"{statistics.fmean(values):.3f}"
    return f"{mean} ±{statistics.stdev(values):.3f}" if len(values) > 1 else mean


def _seeds(runs: Sequence[Any]) -> str:
    return f"{len(runs)} seed{'s' if len(runs) > 1 else ''}"


def _number(value: float | Sequence[float] | None) -> str:
    if value is None:
        return ""
    if isinstance(value, (int, float)):
        return f"{value:.3f}"
    return " / ".join(f"{part:.3f}" for part in value)
