"""Evaluates checkpoints and bundles zero-shot: `python -m training evaluate`.

Writes results.json, results.md (the distillation paper's tables, ours beside its own) and
space.png (a map of the descriptors) into the output folder; of a single bundle with GoEmotions'
labels also its model card (model_card.md, .json and plots). A model whose scores stand there
already, by the hash of its weights, is not scored again; a card is always measured anew.
"""

from __future__ import annotations

import argparse
import json
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from training.card.write import has_card, write_card
from training.errors import UserError
from training.evaluation.embedder import CheckpointEmbedder, Embedder
from training.evaluation.models import Candidate, by_seed, read_bundle, read_checkpoint
from training.evaluation.neighbours import TERMS, nearest_terms
from training.evaluation.report import (
    classes_table,
    neighbours_table,
    table_1,
    table_2,
    table_3,
)
from training.evaluation.similarity import SimilarityScorer
from training.evaluation.space_map import draw_space
from training.evaluation.zero_shot import AXES, evaluate
from training.models.dual_encoder import DualEncoder
from training.readers.benchmarks import PUBLISHED, Benchmark, read_benchmark
from training.readers.data_folder import data_folder

if TYPE_CHECKING:
    from training.cli import Subparsers

log = logging.getLogger(__name__)

RESULTS = "results.json"


def add_parser(subparsers: Subparsers) -> None:
    """Adds `evaluate` to the command line."""
    parser = subparsers.add_parser("evaluate", description=__doc__)
    parser.add_argument(
        "--checkpoint",
        action="append",
        default=[],
        type=Path,
        help="folder of a dual encoder; may be given several times, seeds are grouped",
    )
    parser.add_argument(
        "--bundle", action="append", default=[], type=Path, help="folder of a bundle"
    )
    parser.add_argument("--data", type=Path, help="folder of the benchmarks")
    parser.add_argument(
        "--template",
        default="{label}",
        help="what stands for a label ('feeling of {label}')",
    )
    parser.add_argument("--bf16", action="store_true", help="embed in mixed precision")
    parser.add_argument("--baselines", type=Path, help="baselines.json of `training baselines`")
    parser.add_argument("--backbone", help="plain encoder to set the nearest descriptors beside")
    parser.add_argument("--output", required=True, type=Path)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Runs the command."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    candidates = [
        *map(read_checkpoint, arguments.checkpoint),
        *map(read_bundle, arguments.bundle),
    ]
    if not candidates:
        raise UserError("nothing to evaluate: give --checkpoint or --bundle")
    if "{label}" not in arguments.template:
        raise UserError(f"--template: {arguments.template!r} lacks {{label}}")
    if arguments.baselines and not arguments.baselines.is_file():
        raise UserError(f"--baselines: {arguments.baselines}: no such file")
    data = data_folder(arguments.data)
    benchmarks = {name: read_benchmark(name, data) for name in PUBLISHED}
    for benchmark in benchmarks.values():
        for difference in benchmark.differences:
            log.warning("%s", difference)
    output: Path = arguments.output
    output.mkdir(parents=True, exist_ok=True)
    results: dict[str, Any] = {
        "differences": [d for b in benchmarks.values() for d in b.differences],
        "template": arguments.template,
        "models": [],
        "baselines": json.loads(arguments.baselines.read_text()) if arguments.baselines else {},
        "neighbours": neighbours(candidates[0], arguments.backbone),
    }
    template: str = arguments.template
    known = _scored_before(output / RESULTS, template)
    for candidate in candidates:
        model = known.get(candidate.fingerprint)
        model = model or evaluate_candidate(candidate, benchmarks, template, arguments.bf16)
        results["models"].append(model)
        content = json.dumps(results, indent=2, ensure_ascii=False)
        (output / RESULTS).write_text(content + "\n", encoding="utf-8")
    draw_space(candidates[0].open(), emotion_terms(candidates[0]), output / "space.png")
    (output / "results.md").write_text(markdown(candidates, results), encoding="utf-8")
    log.info("Wrote results.md, results.json, space.png to %s", output)
    if len(candidates) == len(arguments.bundle) == 1 and has_card(candidates[0].path):
        write_card(candidates[0].path, benchmarks, data, template, output)
    return 0


def _scored_before(path: Path, template: str) -> dict[str, dict[str, Any]]:
    if not path.is_file():
        return {}
    results = json.loads(path.read_text(encoding="utf-8"))
    if results["template"] != template:
        return {}
    return {model["fingerprint"]: model for model in results["models"]}


def evaluate_candidate(
    candidate: Candidate, benchmarks: dict[str, Benchmark], template: str, bf16: bool
) -> dict[str, Any]:
    """Returns a model's fingerprint, name, dimension, seed and its scores on every benchmark."""
    scorer = SimilarityScorer(candidate.open(bf16))
    scores = {}
    for name, benchmark in benchmarks.items():
        log.info("%s on %s", candidate.path, name)
        scores[name] = evaluate(benchmark, scorer, template)
    return {
        "fingerprint": candidate.fingerprint,
        "name": candidate.name,
        "dimension": candidate.dimension,
        "seed": candidate.seed,
        "scores": scores,
    }


def emotion_terms(candidate: Candidate) -> list[str]:
    """Returns the most frequent descriptors of a model without the words of the two axes."""
    poles = {pole for axis in AXES for pole in axis}
    return [term for term in candidate.terms if term not in poles][:TERMS]


def neighbours(candidate: Candidate, backbone: str | None) -> dict[str, dict[str, list[str]]]:
    """Returns the nearest descriptors of GoEmotions' 27 emotions, trained and plain."""
    labels = [label for label in PUBLISHED["goemotions"].labels if label != "neutral"]
    terms = emotion_terms(candidate)
    spaces: dict[str, Embedder] = {"trained": candidate.open()}
    if backbone:
        plain = DualEncoder.from_backbone(backbone)
        plain.align(plain.label_features(terms))
        spaces["plain"] = CheckpointEmbedder(plain)
    return {name: nearest_terms(space, labels, terms) for name, space in spaces.items()}


def markdown(candidates: Sequence[Candidate], results: dict[str, Any]) -> str:
    """Returns the report."""
    scores = {c.path: m["scores"] for c, m in zip(candidates, results["models"], strict=True)}
    groups = {
        key: [scores[candidate.path] for candidate in group]
        for key, group in by_seed(candidates).items()
    }
    main = candidates[0]
    widths = {d: runs for (name, d), runs in groups.items() if name == main.name and d}
    same_width = {name: runs for (name, d), runs in groups.items() if d == main.dimension}
    parts = ["# Zero-shot evaluation", "", f"Labels read as `{results['template']}`.", ""]
    parts += [*results["differences"], ""]
    parts += ["## Table 1: benchmarks", "", table_1(same_width, results["baselines"])]
    if len(widths) > 1:
        parts += ["## Table 2: dimensions", "", table_2(widths)]
    if len(same_width) > 1:
        parts += ["## Table 3: supervision", "", table_3(same_width)]
    parts += ["## Classes: F1", "", classes_table(same_width)]
    found = results["neighbours"]
    if "plain" in found:
        parts += [
            f"## Tables 4 and 6: nearest of {len(emotion_terms(main))} descriptors",
            "",
            neighbours_table(found["trained"], found["plain"]),
        ]
    parts += ["## Map of the descriptors", "", "![Map of the descriptors](space.png)", ""]
    return "\n".join(parts)
