"""Makes emotion examples from narratives, by an LLM, in six steps.

python -m training pillars synthesize --recipe config/training/pillars_synthesis.yaml

The synthesis of Emo Pillars (arXiv 2504.16856, section 3): actors, utterances, soft labels,
context, cleaning, rewriting. Stop it at any time, by Ctrl-C or otherwise; the same command goes on
where it stopped. Exit status: 0 if every call has an answer, 1 if some have none yet.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from training.llm.journal import Record
from training.llm.settings import Prices
from training.pillars.files import read_lines, write_lines, write_text
from training.pillars.narratives import read_narratives
from training.pillars.recipe import STEP_NAMES, STEPS, PillarsRecipe
from training.pillars.splits import balanced, split_by_narrative
from training.pillars.step import Material, Outcome, run_step
from training.pillars.taxonomy import load_taxonomy
from training.recipe import load_recipe

if TYPE_CHECKING:
    from training.cli import Subparsers

INCOMPLETE = 1


def add_parser(subparsers: Subparsers) -> None:
    """Adds the command's parser."""
    parser = subparsers.add_parser(
        "synthesize", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--recipe", required=True, type=Path, help="the YAML file")
    parser.add_argument("--until", choices=STEP_NAMES, help="stop after this step")
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", dest="changes")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Runs the command.

    Returns:
        0 if every call of the steps run has an answer, else 1.

    Raises:
        RecipeError: If the recipe is wrong.
        UserError: If the narratives, the key or the endpoint is.
    """
    recipe = load_recipe(arguments.recipe, PillarsRecipe, arguments.changes)
    narratives = read_narratives(recipe.narratives)
    material = Material(narratives, load_taxonomy(recipe.emotions, recipe.label_mapping))
    source = recipe.output / "narratives.jsonl"
    write_lines(source, ({"id": id_, "text": text} for id_, text in narratives.items()))
    summary: dict[str, Any] = {"narratives": len(narratives), "steps": {}}
    complete = True
    for step in STEPS:
        settings = recipe.steps[step.name]
        outcome = run_step(step, source, recipe.output, settings, recipe.llm, material)
        source = recipe.output / f"{step.name}.jsonl"
        summary["steps"][step.name] = vars(outcome)
        complete &= outcome.answered == outcome.asked
        _tell(_lines(step.name, outcome, recipe.llm.prices))
        if step.name == arguments.until:
            break
        if step.name == "utterances":
            source = recipe.output / "distinct_utterances.jsonl"
            summary["near_duplicates"] = _drop_near_duplicates(recipe, source)
            _tell([f"  near-duplicates left out: {summary['near_duplicates']:,}"])
    else:
        summary |= _finish(recipe)
        _tell([f"Examples: {summary['examples']:,}, with context: {summary['with_context']:,}"])
    write_text(recipe.output / "summary.json", json.dumps(summary, indent=2) + "\n")
    _tell([f"Results: {recipe.output}"])
    return 0 if complete else INCOMPLETE


def _tell(lines: Sequence[str]) -> None:
    sys.stdout.writelines(f"{line}\n" for line in lines)


def _lines(name: str, outcome: Outcome, prices: Prices | None) -> list[str]:
    lines = [
        f"{name}: {outcome.answered:,} of {outcome.asked:,} calls answered, {outcome.kept:,} kept"
    ]
    for title, counts in (("rejected", outcome.rejected), ("failed", outcome.failed)):
        lines += [f"  {title}: {count:,} x {reason}" for reason, count in counts.most_common()]
    tokens = f"  tokens: {outcome.prompt_tokens:,} of prompts, {outcome.answer_tokens:,} of answers"
    if prices is not None:
        cost = prices.cost(outcome.prompt_tokens, outcome.answer_tokens)
        tokens += f"; cost: {cost:,.2f} {prices.currency}"
    return [*lines, tokens]


def _drop_near_duplicates(recipe: PillarsRecipe, target: Path) -> int:
    """Writes the utterances unlike earlier ones; before the costly steps, not after them."""
    # Not at the top: the command's help and its mistakes need no torch.
    from training.pillars.duplicates import distinct_rows
    from training.pillars.embedding import Encoder

    utterances = read_lines(recipe.output / "utterances.jsonl")
    vectors = Encoder(recipe.encoder).embed([record["text"] for record in utterances])
    kept = distinct_rows(vectors, recipe.duplicate_similarity)
    write_lines(target, (utterances[row] for row in kept))
    return len(utterances) - len(kept)


def _finish(recipe: PillarsRecipe) -> dict[str, Any]:
    """Writes the corpus and its splits.

    An example without a context (a step rejected it) serves context-less models all the same.
    """
    contextual = {record["id"]: record for record in read_lines(recipe.output / "rewriting.jsonl")}
    labelled = read_lines(recipe.output / "soft_labels.jsonl")
    merged = [contextual.get(record["id"], record) for record in labelled]
    examples = balanced(merged, recipe.most_per_emotion, recipe.seed)
    write_lines(recipe.corpus, examples)
    splits = {
        scheme: split_by_narrative(examples, shares, recipe.seed)
        for scheme, shares in recipe.splits.items()
    }
    for scheme, parts in splits.items():
        for name, part in parts.items():
            write_lines(recipe.output / scheme / f"{name}.jsonl", part)
    return {
        "examples": len(examples),
        "with_context": sum("rewritten" in example for example in examples),
        "emotions": Counter(example["emotion"] for example in examples),
        "mapped_labels": _mapped(examples),
        "splits": {s: {name: len(part) for name, part in p.items()} for s, p in splits.items()},
    }


def _mapped(examples: Sequence[Record]) -> Counter[str]:
    """How often which label outside the taxonomy became which emotion."""
    counts: Counter[str] = Counter()
    for example in examples:
        if "original_label" in example:
            counts[f"{example['original_label'].lower()} -> {example['emotion']}"] += 1
        for emotion, note in example.get("label_notes", {}).items():
            if "original_label" in note:
                counts[f"{note['original_label'].lower()} -> {emotion}"] += 1
    return counts
