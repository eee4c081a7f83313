r"""Makes a survey of a corpus, as one HTML file, and scores its answers.

python -m training pillars survey --recipe config/training/pillars_synthesis.yaml
python -m training pillars survey --recipe config/training/pillars_synthesis.yaml \
    --answers A.json B.json

The human evaluation of Emo Pillars (arXiv 2504.16856, section 8). The first command writes
survey.html, which annotators open in a browser, and survey.jsonl, which the second needs.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ValidationError

from training.errors import UserError
from training.pillars.files import read_lines, write_lines, write_text
from training.pillars.recipe import PillarsRecipe
from training.pillars.survey_form import choose_items, render, survey_id
from training.pillars.survey_score import score
from training.pillars.taxonomy import load_taxonomy
from training.recipe import load_recipe

if TYPE_CHECKING:
    from training.cli import Subparsers


class _Answer(BaseModel):
    context: str | None
    labels: list[str]
    alone: str | None


class _Answers(BaseModel):
    survey: str
    annotator: str
    answers: list[_Answer]


def add_parser(subparsers: Subparsers) -> None:
    """Adds the command's parser."""
    parser = subparsers.add_parser(
        "survey", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--recipe", required=True, type=Path, help="that of the synthesis")
    parser.add_argument("--corpus", type=Path, help="another corpus.jsonl than the recipe's own")
    parser.add_argument("--output", type=Path, help="folder; 'survey' beside the corpus if none")
    parser.add_argument("--answers", type=Path, nargs="+", help="score these instead")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Runs the command.

    Raises:
        RecipeError: If the recipe is wrong.
        UserError: If the corpus has no contexts, or answers are not of this survey.
    """
    recipe = load_recipe(arguments.recipe, PillarsRecipe)
    corpus = arguments.corpus or recipe.corpus
    folder = arguments.output or corpus.parent / "survey"
    if arguments.answers:
        _score(folder, arguments.answers)
    else:
        _make(corpus, folder, recipe)
    return 0


def _make(corpus: Path, folder: Path, recipe: PillarsRecipe) -> None:
    examples = [example for example in read_lines(corpus) if "rewritten" in example]
    if not examples:
        raise UserError(f"{corpus}: no examples with context")
    definitions = load_taxonomy(recipe.emotions, recipe.label_mapping).definitions
    settings = recipe.survey
    items = choose_items(
        examples, list(definitions), settings.examples, settings.distractors, recipe.seed
    )
    write_lines(folder / "survey.jsonl", items)
    write_text(folder / "survey.html", render(items, definitions))
    sys.stdout.write(f"Survey of {len(items)} examples: {folder / 'survey.html'}\n")


def _score(folder: Path, paths: Sequence[Path]) -> None:
    items = read_lines(folder / "survey.jsonl")
    answers = [_read_answers(path, items) for path in paths]
    names = [one.annotator for one in answers]
    if len(set(names)) < len(names):
        raise UserError(f"--answers: one annotator twice: {', '.join(sorted(names))}")
    scores = score(items, [[a.model_dump() for a in one.answers] for one in answers])
    # nan, where there is nothing to count, is null in JSON.
    plain = json.loads(json.dumps(scores), parse_constant=lambda _: None)
    write_text(folder / "scores.json", json.dumps(plain, indent=2) + "\n")
    sys.stdout.writelines(f"{line}\n" for line in _lines(scores))


def _read_answers(path: Path, items: list[dict[str, Any]]) -> _Answers:
    try:
        answers = _Answers.model_validate_json(path.read_bytes())
    except ValidationError as error:
        raise UserError(f"{path}: no answers of a survey: {error.errors()[0]['msg']}") from None
    if answers.survey != survey_id(items) or len(answers.answers) != len(items):
        raise UserError(f"{path}: answers another survey")
    return answers


def _lines(scores: dict[str, Any]) -> list[str]:
    agreement = scores["agreement"]
    return [
        f"{scores['annotators']} annotators, {scores['items']} examples",
        f"Labels confirmed: primary {scores['primary_accuracy']:.0%}, all "
        f"{scores['label_accuracy']:.0%}, distractors {scores['distractor_rate']:.0%}; "
        f"alpha {agreement['labels']:.2f}",
        f"Contexts neutral: {scores['neutral_contexts']:.0%}; alpha {agreement['context']:.2f}",
        f"Rewritten utterances ambiguous alone: {scores['ambiguous_alone']:.0%}; "
        f"alpha {agreement['alone']:.2f}",
    ]
