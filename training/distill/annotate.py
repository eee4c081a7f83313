"""Annotates texts with free-form descriptors of their writers' emotions, by an LLM.

python -m training distill annotate --recipe config/training/annotate.yaml --dry-run
python -m training distill annotate --recipe config/training/annotate.yaml

The first step of contrastive distillation (arXiv 2505.18040, section 3.1). Stop it at any time, by
Ctrl-C or otherwise; the same command goes on where it stopped.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import PositiveFloat, field_validator

from training.distill.normalise import Normalisation
from training.distill.results import write_results
from training.distill.texts import RecipePath, TextFile, read_texts
from training.llm.batch import Batches, BatchSettings
from training.llm.estimate import estimate
from training.llm.journal import Journal, Record, read_records
from training.llm.run import Task, answered, ask_all
from training.llm.settings import LLM, Prompt
from training.recipe import Recipe, load_recipe

if TYPE_CHECKING:
    from training.cli import Subparsers

INCOMPLETE = 1
INTERRUPTED = 130


class AnnotateRecipe(Recipe):
    """The recipe of an annotation.

    Attributes:
        input: The texts.
        output: The folder of the results.
        llm: The model that annotates.
        prompt: What it is asked; ``{text}`` stands for the text.
        expected_answer_tokens: Tokens of an ordinary answer, for the cost in a dry run.
        normalisation: What is too long for a descriptor.
        batch: How the Batch API is used, if it is.
    """

    input: TextFile
    output: RecipePath
    llm: LLM
    prompt: Prompt
    expected_answer_tokens: PositiveFloat = 8.0
    normalisation: Normalisation = Normalisation()
    batch: BatchSettings = BatchSettings()

    @field_validator("prompt")
    @classmethod
    def _has_the_text(cls, prompt: Prompt) -> Prompt:
        if prompt.placeholders() != {"text"}:
            raise ValueError("write {text} where the text goes, and no other name in braces")
        return prompt

    def tasks(self) -> list[Task]:
        """One call a text."""
        texts = read_texts(self.input)
        return [Task(id_, self.prompt.messages(text=text)) for id_, text in texts.items()]

    def header(self) -> Record:
        """What the answers depend on; others do not belong in the same file."""
        return {
            "input": str(self.input.path),
            "model": self.llm.model,
            "parameters": self.llm.parameters(),
            "prompt": self.prompt.model_dump(),
        }


def add_parser(subparsers: Subparsers) -> None:
    """Adds the command's parser."""
    parser = subparsers.add_parser(
        "annotate", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--recipe", required=True, type=Path, help="the YAML file")
    parser.add_argument(
        "--dry-run", action="store_true", help="tell calls, tokens and cost; call nothing"
    )
    parser.add_argument(
        "--batch-api",
        choices=["submit", "collect", "run"],
        help="use OpenAI's Batch API: submit what is missing, collect what has ended, or submit "
        "and wait for all",
    )
    parser.add_argument("--set", action="append", default=[], metavar="KEY=VALUE", dest="changes")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Runs the command.

    Returns:
        0 if every text has an answer, 1 if some have none yet, 130 if stopped by Ctrl-C.

    Raises:
        RecipeError: If the recipe is wrong.
        UserError: If the input, the key or the endpoint is.
    """
    recipe = load_recipe(arguments.recipe, AnnotateRecipe, arguments.changes)
    tasks = recipe.tasks()
    if arguments.dry_run:
        _tell(_plan(recipe, tasks))
        return 0
    with Journal(recipe.output / "answers.jsonl", recipe.header()) as answers:
        try:
            return _annotate(recipe, tasks, answers, arguments.batch_api)
        finally:
            summary = write_results(recipe.output, tasks, answers.records, recipe.normalisation)
            _tell([*summary.lines(recipe.llm.prices), f"Results: {recipe.output}"])


def _tell(lines: Iterable[str]) -> None:
    sys.stdout.writelines(f"{line}\n" for line in lines)


def _annotate(
    recipe: AnnotateRecipe, tasks: list[Task], answers: Journal, batch_api: str | None
) -> int:
    try:
        if batch_api is None:
            failures = ask_all(tasks, recipe.llm, answers, unit="text")
        else:
            failures = _by_batches(recipe, tasks, answers, batch_api)
    except KeyboardInterrupt:
        _tell(["Stopped; the same command goes on from here."])
        return INTERRUPTED
    _tell(f"Failed: {count:,} x {reason}" for reason, count in failures.most_common())
    done = answered(answers)
    return 0 if all(task.id in done for task in tasks) else INCOMPLETE


def _by_batches(
    recipe: AnnotateRecipe, tasks: list[Task], answers: Journal, action: str
) -> Counter[str]:
    failures: Counter[str] = Counter()
    state = Journal(recipe.output / "batches.jsonl", recipe.header())
    with state, Batches(recipe.llm, recipe.batch, answers, state) as batches:
        if action != "collect":
            batches.submit(tasks)
        if action != "submit":
            failures = batches.collect(wait=action == "run")
        _tell([f"In batches under way: {batches.under_way():,}"])
    return failures


def _plan(recipe: AnnotateRecipe, tasks: list[Task]) -> list[str]:
    answers = read_records(recipe.output / "answers.jsonl", recipe.header())
    done = {record["id"] for record in answers}
    missing = [task for task in tasks if task.id not in done]
    plan = estimate(missing, recipe.llm, recipe.expected_answer_tokens)
    return [
        f"Texts: {len(tasks):,}, answered before: {len(tasks) - len(missing):,}",
        *plan.lines(recipe.llm.limits, recipe.llm.prices),
    ]
