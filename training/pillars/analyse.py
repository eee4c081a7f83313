"""Analyses a synthesised corpus: diversity, coverage, topics, contexts, cleaning, rewriting.

python -m training pillars analyse --recipe config/training/pillars_synthesis.yaml

Section 7 of Emo Pillars (arXiv 2504.16856). Writes analysis.md, analysis.json and plots.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING, Any

from training.errors import UserError
from training.llm.journal import Record
from training.pillars.changes import compare, markers, removed_words
from training.pillars.diversity import (
    Similarity,
    coverage,
    personalisation,
    similarity_by_emotion,
)
from training.pillars.embedding import Encoder
from training.pillars.files import read_lines, write_text
from training.pillars.plots import plot_changes, plot_coverage, plot_similarity
from training.pillars.recipe import PillarsRecipe
from training.pillars.taxonomy import Taxonomy, load_taxonomy
from training.pillars.topics import find_topics
from training.recipe import load_recipe

if TYPE_CHECKING:
    from training.cli import Subparsers

REMOVED_WORDS = 20
TOPICS_SHOWN = 20


def add_parser(subparsers: Subparsers) -> None:
    """Adds the command's parser."""
    parser = subparsers.add_parser(
        "analyse", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--recipe", required=True, type=Path, help="that of the synthesis")
    parser.add_argument("--corpus", type=Path, help="another corpus.jsonl than the recipe's own")
    parser.add_argument("--output", type=Path, help="folder; 'analysis' beside the corpus if none")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", dest="changes")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Runs the command.

    Raises:
        RecipeError: If the recipe is wrong.
        UserError: If there is no corpus or no encoder.
    """
    recipe = load_recipe(arguments.recipe, PillarsRecipe, arguments.changes)
    corpus = arguments.corpus or recipe.corpus
    examples = read_lines(corpus)
    if not examples:
        raise UserError(f"{corpus}: no examples")
    folder = arguments.output or corpus.parent / "analysis"
    folder.mkdir(parents=True, exist_ok=True)
    taxonomy = load_taxonomy(recipe.emotions, recipe.label_mapping)
    results = _analyse(examples, recipe, taxonomy, folder)
    # Where there is no pair to compare, a mean is nan; JSON has null for that.
    plain = json.loads(json.dumps(results), parse_constant=lambda _: None)
    write_text(folder / "analysis.json", json.dumps(plain, indent=2) + "\n")
    write_text(folder / "analysis.md", _report(results))
    sys.stdout.write(f"Results: {folder}\n")
    return 0


def _analyse(
    examples: Sequence[Record], recipe: PillarsRecipe, taxonomy: Taxonomy, folder: Path
) -> dict[str, Any]:
    covered = coverage(examples, list(taxonomy.definitions))
    plot_coverage(covered, folder / "coverage.png")
    encoder = Encoder(recipe.encoder)
    utterances, similarity = _diversity(_drawn(examples, recipe), encoder)
    plot_similarity(similarity, folder / "similarity.png")
    results: dict[str, Any] = {
        "examples": len(examples),
        "coverage": covered,
        "utterances": utterances,
    }
    contextual = _drawn([e for e in examples if "rewritten" in e], recipe)
    if contextual:
        results |= _contexts(contextual, recipe, taxonomy, encoder, folder)
    return results


def _drawn(examples: Sequence[Record], recipe: PillarsRecipe) -> list[Record]:
    count = min(recipe.analysis.examples, len(examples))
    return random.Random(recipe.seed).sample(examples, count)


def _diversity(examples: Sequence[Record], encoder: Encoder) -> tuple[dict[str, Any], Similarity]:
    vectors = encoder.embed([example["text"] for example in examples])
    similarity = similarity_by_emotion(vectors, [example["emotion"] for example in examples])
    return similarity.summary(), similarity


def _contexts(
    examples: Sequence[Record],
    recipe: PillarsRecipe,
    taxonomy: Taxonomy,
    encoder: Encoder,
    folder: Path,
) -> dict[str, Any]:
    settings = recipe.analysis
    contexts = [example["context"] for example in examples]
    texts = [example["text"] for example in examples]
    rewritten = [example["rewritten"] for example in examples]
    vectors = encoder.embed(contexts)
    topics = find_topics(
        contexts,
        vectors,
        settings.neighbours,
        settings.topic_similarity,
        settings.topic_terms,
        recipe.seed,
    )
    changes = {
        "cleaning": compare([example["full_context"] for example in examples], contexts, encoder),
        "rewriting": compare(texts, rewritten, encoder),
    }
    plot_changes(changes, folder / "changes.png")
    emotions = [example["emotion"] for example in examples]
    return {
        "contextual": len(examples),
        "rewritten": similarity_by_emotion(encoder.embed(rewritten), emotions).summary(),
        "contexts": similarity_by_emotion(vectors, emotions).summary(),
        "topics": asdict(topics),
        "personalisation": personalisation(vectors, examples),
        "changes": {name: _means(values) for name, values in changes.items()},
        "markers": markers(texts, rewritten, taxonomy),
        "removed_words": removed_words(texts, rewritten, REMOVED_WORDS),
    }


def _means(change: Mapping[str, Any]) -> dict[str, float]:
    lists = {"cosine", "levenshtein"}
    return {name: fmean(value) if name in lists else value for name, value in change.items()}


def _report(results: Mapping[str, Any]) -> str:
    covered = results["coverage"]
    lines = [
        "# Analysis of the corpus",
        "",
        f"{results['examples']:,} examples. Primary emotions: evenness {covered['evenness']:.2f}; "
        f"missing: {', '.join(covered['missing']) or 'none'}. "
        f"{covered['labels_each']:.2f} labels an example, of mean level {covered['level']:.2f}.",
        "",
        "![coverage](coverage.png)",
        "",
        "## Similarity within and across emotions (mean cosine)",
        "",
        "| | within | across |",
        "|---|---|---|",
    ]
    lines += [
        f"| {name} | {results[name]['within']:.3f} | {results[name]['across']:.3f} |"
        for name in ("utterances", "rewritten", "contexts")
        if name in results
    ]
    lines += ["", "![similarity](similarity.png)", ""]
    if "contextual" in results:
        lines += _report_contexts(results)
    return "\n".join(lines)


def _report_contexts(results: Mapping[str, Any]) -> list[str]:
    topics = results["topics"]
    personal = results["personalisation"]
    lines = [
        f"## Topics of {results['contextual']:,} contexts",
        "",
        f"{len(topics['topics'])} clusters, modularity {topics['modularity']:.2f}; "
        f"{topics['single']} contexts are like no other.",
        "",
        "| contexts | terms |",
        "|---|---|",
    ]
    for topic in topics["topics"][:TOPICS_SHOWN]:
        lines.append(f"| {topic['texts']} | {', '.join(topic['terms'])} |")
    lines += [
        "",
        "## Personalisation of contexts (mean cosine)",
        "",
        f"Of the same actor {personal['same_actor']:.3f}, of another actor of the same narrative "
        f"{personal['same_narrative']:.3f}, of another narrative "
        f"{personal['other_narrative']:.3f}; {personal['names_actor']:.0%} name the actor.",
        "",
        "## What cleaning and rewriting changed",
        "",
        "| | cosine | partial Levenshtein | words before | words after | unchanged |",
        "|---|---|---|---|---|---|",
    ]
    lines += [
        f"| {name} | {row['cosine']:.3f} | {row['levenshtein']:.3f} | {row['words_before']:.1f} | "
        f"{row['words_after']:.1f} | {row['unchanged']:.0%} |"
        for name, row in results["changes"].items()
    ]
    lines += ["", "![changes](changes.png)", "", "## Markers in utterances", ""]
    lines += ["| | original | rewritten |", "|---|---|---|"]
    lines += [
        f"| {kind} | {row['before']:.0%} | {row['after']:.0%} |"
        for kind, row in results["markers"].items()
    ]
    words = ", ".join(f"{word} ({count})" for word, count in results["removed_words"].items())
    return [*lines, "", f"Words removed most often: {words or 'none'}.", ""]
