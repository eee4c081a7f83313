"""Runs the baselines that the distillation paper compares with: `python -m training baselines`."""

from __future__ import annotations

import argparse
import json
import logging
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from training.evaluation.baselines.definitions import DefinitionEmbedder
from training.evaluation.baselines.entailment import EntailmentScorer
from training.evaluation.baselines.supervised import ReusedHeadScorer, SupervisedModel
from training.evaluation.embedder import CheckpointEmbedder
from training.evaluation.similarity import SimilarityScorer
from training.evaluation.zero_shot import Scores, evaluate
from training.fit import FitSettings
from training.models.dual_encoder import DualEncoder
from training.readers.benchmarks import PUBLISHED, Benchmark, read_benchmark
from training.readers.data_folder import data_folder
from training.recipe import Recipe, load_recipe

if TYPE_CHECKING:
    from training.cli import Subparsers

log = logging.getLogger(__name__)

Results = dict[str, Scores]


class EntailmentSettings(Recipe):
    """The NLI baseline.

    Attributes:
        model: Folder or hub name of an NLI model.
        hypothesis: A sentence with {label}.
    """

    model: str
    hypothesis: str


class BaselinesRecipe(Recipe):
    """What the baselines need.

    Attributes:
        backbone: Folder or hub name of the encoder of all baselines but entailment.
        data: Folder of the data files; a flag or EMOTION_DATA may name it instead.
        definitions: Every label's definition, in a sentence or two.
        entailment: The NLI baseline.
        training: How the supervised models are trained.
        seed: Of the supervised models.
    """

    backbone: str
    data: str | None = None
    definitions: dict[str, str]
    entailment: EntailmentSettings
    training: FitSettings
    seed: int = 0


def add_parser(subparsers: Subparsers) -> None:
    """Adds `baselines` to the command line."""
    parser = subparsers.add_parser("baselines", description=__doc__)
    parser.add_argument("--recipe", required=True, type=Path)
    parser.add_argument("--data", type=Path, help="folder of the benchmarks")
    parser.add_argument("--output", required=True, type=Path, help="folder of baselines.json")
    parser.add_argument("--only", nargs="+", choices=sorted(BASELINES), default=list(BASELINES))
    parser.add_argument(
        "--set", action="append", default=[], metavar="KEY=VALUE", help="change a recipe key"
    )
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Runs the command; a baseline's scores replace its earlier ones in baselines.json."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    recipe = load_recipe(arguments.recipe, BaselinesRecipe, arguments.set)
    data = data_folder(arguments.data or recipe.data)
    benchmarks = {name: read_benchmark(name, data) for name in PUBLISHED}
    output: Path = arguments.output
    output.mkdir(parents=True, exist_ok=True)
    path = output / "baselines.json"
    results = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    for name in arguments.only:
        log.info("%s", name)
        results[name] = BASELINES[name](recipe, benchmarks, output)
        path.write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")
    return 0


def plain(recipe: BaselinesRecipe, benchmarks: dict[str, Benchmark], _: Path) -> Results:
    """Similarity with the label's name under the untrained encoder."""
    scorer = SimilarityScorer(CheckpointEmbedder(_plain_encoder(recipe)))
    return {name: evaluate(benchmark, scorer) for name, benchmark in benchmarks.items()}


def definitions(recipe: BaselinesRecipe, benchmarks: dict[str, Benchmark], _: Path) -> Results:
    """Similarity with the label's definition under the untrained encoder."""
    embedder = DefinitionEmbedder(_plain_encoder(recipe), recipe.definitions)
    scorer = SimilarityScorer(embedder)
    return {name: evaluate(benchmark, scorer) for name, benchmark in benchmarks.items()}


def entailment(recipe: BaselinesRecipe, benchmarks: dict[str, Benchmark], _: Path) -> Results:
    """An NLI model's probability that the text entails the label."""
    scorer = EntailmentScorer(recipe.entailment.model, recipe.entailment.hypothesis)
    return {name: evaluate(benchmark, scorer) for name, benchmark in benchmarks.items()}


def reused_head(recipe: BaselinesRecipe, benchmarks: dict[str, Benchmark], output: Path) -> Results:
    """A classifier of GoEmotions, its outputs reused for labels of the same name.

    EmoBank is left out: none of the poles is a GoEmotions label.
    """
    source = benchmarks["goemotions"]
    model = _supervised(recipe, source, output)
    scorer = ReusedHeadScorer(model, source.labels)
    others = (b for b in benchmarks.values() if b is not source and b.kind != "regression")
    return {"goemotions": model.evaluate()} | {b.name: evaluate(b, scorer) for b in others}


def fine_tuned(recipe: BaselinesRecipe, benchmarks: dict[str, Benchmark], output: Path) -> Results:
    """A classifier or regressor fine-tuned on each benchmark's own train split."""
    return {
        name: _supervised(recipe, benchmark, output).evaluate()
        for name, benchmark in benchmarks.items()
    }


def _supervised(recipe: BaselinesRecipe, benchmark: Benchmark, output: Path) -> SupervisedModel:
    """Trains a model on a benchmark; what another baseline has trained is read again."""
    folder = output / "supervised" / benchmark.name
    return SupervisedModel(_plain_encoder(recipe), benchmark, recipe.training, folder, recipe.seed)


def _plain_encoder(recipe: BaselinesRecipe) -> DualEncoder:
    encoder = DualEncoder.from_backbone(recipe.backbone)
    encoder.align(encoder.label_features(sorted(recipe.definitions)))  # a rotation: cosines stay
    return encoder


Baseline = Callable[[BaselinesRecipe, dict[str, Benchmark], Path], Results]
BASELINES: dict[str, Baseline] = {
    "plain": plain,
    "definitions": definitions,
    "entailment": entailment,
    "reused_head": reused_head,
    "fine_tuned": fine_tuned,
}
