"""The command `emotion`: a table for a person, JSON Lines for a program."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from typing import Optional, cast

from emotion_component import json_lines, tables
from emotion_component.bundle import BundleError
from emotion_component.dialogue import InputError, Turn
from emotion_component.encoder import Encoded
from emotion_component.model import EmotionModel

USAGE_ERROR = 2
INTERRUPTED = 130  # 128 + SIGINT, as shells have it


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="emotion", description="Fine-grained emotions of chat messages, on this machine."
    )
    commands = parser.add_subparsers(dest="command", metavar="command", required=True)
    shared = argparse.ArgumentParser(add_help=False)
    shared.add_argument("--bundle", help="folder of another bundle than the shipped one")
    messages = argparse.ArgumentParser(add_help=False, parents=[shared])
    messages.add_argument(
        "text",
        nargs="*",
        help='messages; without any, JSON Lines on standard input: {"text": "...", "context": '
        '[{"role": "user"|"bot", "text": "..."}]}, one result line each',
    )
    messages.add_argument(
        "--context",
        action="append",
        default=[],
        metavar="ROLE: TEXT",
        help='an earlier turn of the messages given as arguments, "user: ..." or "bot: ...", '
        "oldest first; repeat it for more",
    )
    messages.add_argument("--context-turns", type=int, help="earlier turns read of each message")
    messages.add_argument("--threads", type=int, help="threads of one encoder run")
    messages.add_argument("--json", action="store_true", help="JSON Lines also for arguments")
    classify = commands.add_parser("classify", parents=[messages], help="the bundle's 28 emotions")
    _add_corpus_options(classify)
    rank = commands.add_parser("rank", parents=[messages], help="any labels, zero-shot")
    rank.add_argument("--labels", required=True, help="comma-separated words or short phrases")
    rank.add_argument("--single", action="store_true", help="exactly one label applies")
    describe = commands.add_parser("describe", parents=[messages], help="free-form descriptors")
    describe.add_argument("-k", type=int, default=5, help="how many descriptors (default 5)")
    info = commands.add_parser("info", parents=[shared], help="what the bundle says of itself")
    info.add_argument("--json", action="store_true", help="as JSON")
    return parser


def _add_corpus_options(parser: argparse.ArgumentParser) -> None:
    corpus = parser.add_argument_group("corpora, on a Ray cluster")
    corpus.add_argument("--engine", choices=["local", "ray"], default="local")
    corpus.add_argument("--input", help="Parquet or JSON Lines: a file or folder, path or URI")
    corpus.add_argument("--output", help="folder of the results, path or URI")
    corpus.add_argument("--workers", type=int, help="tasks at a time (default: one a CPU)")
    corpus.add_argument(
        "--rows-per-shard", type=int, default=10_000, help="rows of one task (default 10,000)"
    )


def _parse_turn(argument: str) -> Turn:
    role, _, text = argument.partition(":")
    try:
        return Turn(role.strip(), text.strip())
    except InputError as error:
        raise InputError(f'--context {argument!r}: {error}; write "user: ..."') from None


def _read(
    model: EmotionModel, encoded: Encoded, options: argparse.Namespace
) -> list[tables.Result]:
    """Reads the kind of result that the command asks for from an encoder pass."""
    if options.command == "classify":
        return list(model.classify(encoded))
    if options.command == "describe":
        return list(model.describe_encoded(encoded, options.k))
    labels = [label.strip() for label in options.labels.split(",")]
    return list(model.rank_encoded(encoded, labels, multi_label=not options.single))


def _answer_arguments(model: EmotionModel, options: argparse.Namespace) -> int:
    context = [_parse_turn(turn) for turn in options.context]
    contexts = [context] * len(options.text)
    encoded = model.encode(options.text, contexts, context_turns=options.context_turns)
    for text, result in zip(options.text, _read(model, encoded, options)):
        output = json.dumps(result.to_dict()) if options.json else tables.table(text, result)
        sys.stdout.write(output + "\n")
    return 0


def _answer_stream(model: EmotionModel, options: argparse.Namespace) -> int:
    if options.context:
        raise InputError("--context: goes with messages as arguments; in JSON Lines, each line")

    def answer(messages: Sequence[json_lines.Message]) -> list[tables.Result]:
        texts, contexts = [m.text for m in messages], [m.context for m in messages]
        encoded = model.encode(texts, contexts, context_turns=options.context_turns)
        return _read(model, encoded, options)

    answer([json_lines.Message("", ())])  # a mistake in the options shows before any line is read
    source = cast(json_lines.Readable, sys.stdin.buffer)
    return json_lines.answer_lines(source, sys.stdout, answer)


def _answer_corpus(options: argparse.Namespace) -> int:
    if options.text or options.context:
        raise InputError("--engine ray: reads its messages from --input alone")
    if not options.input or not options.output:
        raise InputError("--engine ray: needs --input and --output, each a path or URI")
    try:
        from emotion_component.ray_engine import CorpusJob, classify_corpus
    except ImportError as error:
        raise InputError(f"--engine ray: {error}; pip install 'emotion-component[scale]'") from None
    counts = classify_corpus(
        CorpusJob(
            options.input,
            options.output,
            bundle=options.bundle,
            context_turns=options.context_turns,
            rows_per_shard=options.rows_per_shard,
            workers=options.workers,
            threads=options.threads or 1,
        )
    )
    sys.stderr.write(f"{counts.rows:,} rows classified, {counts.errors:,} errors\n")
    return 1 if counts.errors else 0


def main(arguments: Optional[Sequence[str]] = None) -> int:
    """Runs the command.

    Args:
        arguments: The words after `emotion`; those of the process if not given.

    Returns:
        0; 1 if an input line could not be read; 2 for a mistake in the arguments or the bundle;
        130 if stopped by Ctrl-C.
    """
    options = _parser().parse_args(arguments)
    try:
        if options.command == "info":
            model = EmotionModel.load(options.bundle)
            sys.stdout.write(tables.info(model.manifest, as_json=options.json) + "\n")
            return 0
        if options.command == "classify" and options.engine == "ray":
            return _answer_corpus(options)
        if options.command == "classify" and (options.input or options.output):
            raise InputError("--input: goes with --engine ray; or use < and >")
        model = EmotionModel.load(options.bundle, threads=options.threads)
        return (_answer_arguments if options.text else _answer_stream)(model, options)
    except (BundleError, InputError) as error:
        sys.stderr.write(f"emotion: {error}\n")
        return USAGE_ERROR
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:  # the reader of our output has left, as `head` does
        sys.stderr.close()
        return 0
