"""The command line of training: ``python -m training <command> --recipe <file.yaml>``.

A command is a module with ``add_parser(subparsers)``, which adds the parser of the command's last
word and sets ``run`` on it, a function from the parsed arguments to the exit status:

    def add_parser(subparsers: Subparsers) -> None:
        parser = subparsers.add_parser("annotate", description=__doc__)
        parser.add_argument("--recipe", required=True, type=Path)
        parser.set_defaults(run=run)

and one line in ``COMMANDS``. Only the module of the command asked for is imported, so that
``--help`` and light commands do not wait for torch.
"""

from __future__ import annotations

import argparse
import importlib
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from training.errors import UserError
from training.recipe import RecipeError

if TYPE_CHECKING:
    Subparsers = argparse._SubParsersAction[argparse.ArgumentParser]

# The words of a command: its module, and its line in the help.
COMMANDS = {
    ("distill", "annotate"): ("training.distill.annotate", "descriptors of texts from an LLM"),
    ("distill", "train"): ("training.distill.train", "dual encoder of texts and descriptors"),
    ("pillars", "synthesize"): ("training.pillars.synthesize", "examples written by an LLM"),
    ("pillars", "analyse"): ("training.pillars.analyse", "what a synthesised corpus is like"),
    ("pillars", "survey"): ("training.pillars.survey", "people judge examples; their agreement"),
    ("pillars", "train"): ("training.pillars.train", "a classifier of utterances in context"),
    ("pillars", "tune"): ("training.pillars.tune", "a classifier tuned to a task, and its scores"),
    ("taco", "train"): ("training.taco.train", "one label a text, by three views"),
    ("taco", "sweep"): ("training.taco.sweep", "ablations, or alpha and beta"),
    ("taco", "export"): ("training.taco.export", "a checkpoint becomes a bundle"),
    ("taco", "report"): ("training.taco.report", "runs side by side, tables and plots"),
    ("fetch",): ("training.fetch.command", "the open sets that the bundle is trained on"),
    ("joint",): ("training.joint.command", "the bundle that ships, both heads together"),
    ("evaluate",): ("training.evaluation.command", "zero-shot scores, tables and the map"),
    ("baselines",): ("training.evaluation.baselines.command", "what the paper compares with"),
    ("export",): ("training.export.command", "a checkpoint becomes the bundle that ships"),
    ("restore",): ("training.export.restore", "a bundle becomes a checkpoint again"),
    ("embed",): ("training.pillars.embed", "embeddings of transcribed utterances (IEMOCAP)"),
    ("launch",): ("training.launch", "a training in several processes, by Ray"),
    ("context",): ("training.evaluation.context", "what earlier turns do for a bundle"),
}

# A first word that holds several commands: its line in the help.
GROUPS = {
    "distill": "contrastive distillation of descriptors (arXiv 2505.18040)",
    "pillars": "emotion in context, from synthesised examples (arXiv 2504.16856)",
    "taco": "triple-view fine-grained classification (ACL 2025)",
}

USAGE_ERROR = 2
INTERRUPTED = 130  # 128 + SIGINT, as shells have it


def _parser(arguments: Sequence[str]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m training", description="Training: data, models, evaluation, export."
    )
    top = parser.add_subparsers(metavar="command", required=True)
    groups: dict[str, Subparsers] = {}
    for name, summary in GROUPS.items():
        group = top.add_parser(name, help=summary, description=summary)
        groups[name] = group.add_subparsers(metavar="command", required=True)
    for words, (module, summary) in COMMANDS.items():
        subparsers = groups[words[0]] if len(words) > 1 else top
        if tuple(arguments[: len(words)]) == words:
            importlib.import_module(module).add_parser(subparsers)
        else:
            subparsers.add_parser(words[-1], help=summary)
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command.

    Args:
        arguments: The words after the program's name; those of the process if not given.

    Returns:
        The exit status: the command's own, 2 for a mistake that the caller can mend, 130 if
        stopped by Ctrl-C.
    """
    arguments = sys.argv[1:] if arguments is None else arguments
    parsed = _parser(arguments).parse_args(arguments)
    try:
        status: int = parsed.run(parsed)
    except (RecipeError, UserError, OSError) as error:  # OSError: a full disk, a missing file
        sys.stderr.write(f"{error}\n")
        return USAGE_ERROR
    except KeyboardInterrupt:
        sys.stderr.write("Stopped.\n")
        return INTERRUPTED
    return status
