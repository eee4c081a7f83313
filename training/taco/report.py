"""Sets runs side by side, the paper's figures beside them: `python -m training taco report`.

Writes report.md and its plots: scores of all variants, F1 by label, entropy of the top scores
(figure 3), sensitivity to alpha and beta (figure 4), and maps of the test texts (t-SNE).
"""

from __future__ import annotations

import argparse
import logging
import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import yaml

from training.evaluation.report import table
from training.taco.collect import FULL, PLAIN, Dataset, Groups, Run, by_dataset, read_runs
from training.taco.figures import draw_curves, draw_map
from training.taco.run import VECTORS
from training.taco.scores import MEASURES

if TYPE_CHECKING:
    from training.cli import Subparsers

PAPER = yaml.safe_load(Path(__file__).with_name("paper.yaml").read_text(encoding="utf-8"))
PAPER_PLAIN = "RoBERTa-base, plain head"
"""What the paper's gains are over."""

log = logging.getLogger(__name__)


def add_parser(subparsers: Subparsers) -> None:
    """Adds `report` to the command line."""
    parser = subparsers.add_parser("report", description=__doc__)
    parser.add_argument(
        "--runs", required=True, nargs="+", type=Path, help="folders that hold runs"
    )
    parser.add_argument("--output", required=True, type=Path)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Runs the command."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    datasets = by_dataset(read_runs(arguments.runs))
    output: Path = arguments.output
    output.mkdir(parents=True, exist_ok=True)
    parts = ["# TACO: results", ""]
    for dataset in datasets:
        parts += [f"## {dataset.name}", "", *_section(dataset, output)]
    (output / "report.md").write_text("\n".join(parts), encoding="utf-8")
    log.info("Wrote report.md and its plots to %s", output)
    return 0


def _section(dataset: Dataset, output: Path) -> list[str]:
    groups, paper = dataset.groups, PAPER.get(dataset.name, {})
    name = "".join(letter if letter.isalnum() else "_" for letter in dataset.name.lower())
    shared = "".join(f", {key}={value}" for key, value in dataset.shared.items())
    parts = [f"Test split, in percent; mean and standard deviation over the seeds{shared}.", ""]
    parts += [scores_table(groups, paper)]
    gain = gains(groups, paper)
    parts += [gain, ""] if gain else []
    parts += ["### F1 of each label", "", labels_table(groups)]
    parts += ["### Entropy of the top scores (figure 3)", "", entropy_table(groups)]
    draw_curves(_entropies(groups), "k highest scores", "entropy in nats", output / f"{name}_k.png")
    parts += [f"![Entropy of the top scores]({name}_k.png)", ""]
    curves = sensitivity(groups)
    if curves:
        path = output / f"{name}_sensitivity.png"
        draw_curves(curves, "alpha or beta", "macro-F1 in percent", path)
        parts += ["### Sensitivity to alpha and beta (figure 4)", ""]
        parts += [_sensitivity_table(curves), f"![Sensitivity]({path.name})", ""]
    for variant in (PLAIN, FULL):
        if variant in groups:
            path = output / f"{name}_map_{'plain' if variant == PLAIN else 'taco'}.png"
            _draw_texts(groups[variant][0], path)
            parts += [f"### Test texts, {variant} (t-SNE)", "", f"![{variant}]({path.name})", ""]
    return parts


def scores_table(groups: Groups, paper: Mapping[str, Sequence[float]]) -> str:
    """Returns all variants, then the paper's figures."""
    rows = [["**Ours**", *[""] * len(MEASURES)]]
    rows += [
        [f"{variant}, {_seeds(runs)}", *(_mean(_scores(runs, m)) for m in MEASURES)]
        for variant, runs in groups.items()
    ]
    if paper:
        rows.append(["**The paper's**", *[""] * len(MEASURES)])
        rows += [[name, *(f"{value:.2f}" for value in values)] for name, values in paper.items()]
    return table(["Model", *MEASURES], rows)


def gains(groups: Groups, paper: Mapping[str, Sequence[float]]) -> str:
    """Returns in words what TACO gains in macro-F1 over the plain head; "" without both."""
    if PLAIN not in groups or FULL not in groups:
        return ""
    plain, full = (_scores(groups[variant], "macro-F1") for variant in (PLAIN, FULL))
    gain = statistics.fmean(full) - statistics.fmean(plain)
    text = f"Macro-F1 of TACO over the plain head: {gain:+.2f}"
    if min(len(plain), len(full)) > 1:
        deviation = max(statistics.stdev(plain), statistics.stdev(full))
        verb = "more than" if gain > deviation else "not more than"
        text += f", {verb} the larger deviation ({deviation:.2f})"
    if paper:
        text += f"; the paper's: {paper[FULL][-1] - paper[PAPER_PLAIN][-1]:+.2f}"
    return f"{text}."


def labels_table(groups: Groups) -> str:
    """Returns the mean F1 of each label, for the plain head and TACO (or all, without these)."""
    chosen = [variant for variant in (PLAIN, FULL) if variant in groups] or list(groups)
    rows = []
    for label in groups[chosen[0]][0].results["test F1 of each label"]:
        values = [
            [100 * run.results["test F1 of each label"][label] for run in groups[variant]]
            for variant in chosen
        ]
        rows.append([label, *(_mean(value) for value in values)])
    return table(["Label", *chosen], rows)


def _entropies(groups: Groups) -> dict[str, dict[float, list[float]]]:
    key = "test entropy of the top scores"
    return {
        variant: {int(k): [run.results[key][k] for run in runs] for k in runs[0].results[key]}
        for variant, runs in groups.items()
    }


def entropy_table(groups: Groups) -> str:
    """Returns the entropy in nats of the k highest scores, by k."""
    entropies = _entropies(groups)
    numbers = list(next(iter(entropies.values())))
    rows = [
        [variant, *(f"{statistics.fmean(curve[k]):.3f}" for k in numbers)]
        for variant, curve in entropies.items()
    ]
    return table(["Model", *(f"k = {k}" for k in numbers)], rows)


def sensitivity(groups: Groups) -> dict[str, dict[float, list[float]]]:
    """Returns macro-F1 in percent by alpha and by beta, where runs with several values are there.

    A run counts for a weight if it differs from the recipe in that weight at most.
    """
    curves = {}
    for weight in ("alpha", "beta"):
        curve: dict[float, list[float]] = {}
        for runs in groups.values():
            if set(runs[0].changes) <= {f"losses.{weight}"}:
                value = runs[0].results["recipe"]["losses"][weight]
                curve[value] = _scores(runs, "macro-F1")
        if len(curve) > 1:
            curves[weight] = dict(sorted(curve.items()))
    return curves


def _sensitivity_table(curves: Mapping[str, Mapping[float, Sequence[float]]]) -> str:
    rows = [
        [weight, f"{value:g}", _mean(scores)]
        for weight, curve in curves.items()
        for value, scores in curve.items()
    ]
    return table(["Weight", "value", "macro-F1"], rows)


def _draw_texts(run: Run, path: Path) -> None:
    with np.load(run.folder / VECTORS, allow_pickle=False) as archive:
        draw_map(archive["vectors"], archive["targets"], archive["labels"].tolist(), path)


def _scores(runs: Sequence[Run], name: str) -> list[float]:
    return [100 * run.results["test"][name] for run in runs]


def _mean(values: Sequence[float]) -> str:
    mean = f"{statistics.fmean(values):.2f}"
    return f"{mean} ±{statistics.stdev(values):.2f}" if len(values) > 1 else mean


def _seeds(runs: Sequence[Run]) -> str:
    return f"{len(runs)} seed{'s' if len(runs) > 1 else ''}"
