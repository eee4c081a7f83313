"""Fetches the open sets that the shipped model is trained on: `python -m training fetch`.

Each set is downloaded from its project, counted, and written as JSON Lines below --output. Stop
it at any time; the same command goes on, and fetches nothing twice. Where no network is, put the
projects' files into <output>/raw/<set>/ by hand: they are taken from there.
"""

from __future__ import annotations

import argparse
import contextlib
import gzip
import json
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import httpx

from training.errors import UserError
from training.fetch.download import download
from training.fetch.formats import Row, read_rows
from training.fetch.recipe import OpenDataRecipe, Retries, SourceFile
from training.readers.data_folder import CHECKOUT
from training.recipe import load_recipe

if TYPE_CHECKING:
    from training.cli import Subparsers

log = logging.getLogger(__name__)


def add_parser(subparsers: Subparsers) -> None:
    """Adds `fetch` to the command line."""
    parser = subparsers.add_parser(
        "fetch", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--recipe", type=Path, default=CHECKOUT / "config" / "training" / "open_data.yaml"
    )
    parser.add_argument("--output", type=Path, default=Path("data"), help="default: data")
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Runs the command."""
    logging.basicConfig(level=logging.WARNING, format="%(message)s")  # httpx logs every request
    logging.getLogger("training").setLevel(logging.INFO)
    recipe = load_recipe(arguments.recipe, OpenDataRecipe)
    output: Path = arguments.output
    timeout = recipe.retries.timeout_seconds
    with httpx.Client(follow_redirects=True, timeout=timeout) as client:
        for key, open_set in recipe.sets.items():
            for table, files in open_set.tables().items():
                path = output / key / f"{table}.jsonl.gz"
                _fetch_table(client, files, path, output / "raw" / key, recipe.retries)
    for key, open_set in recipe.sets.items():
        log.info("%s: %s, %s", output / key, open_set.name, open_set.licence)
    return 0


def _fetch_table(
    client: httpx.Client, files: Sequence[SourceFile], path: Path, raw: Path, retries: Retries
) -> None:
    if path.is_file():
        _check_there(path, sum(file.rows for file in files))
        return
    rows: list[Row] = []
    for file in files:
        if not (raw / file.name).is_file():
            download(client, file.url, raw / file.name, retries)
        rows += _checked_rows(file, raw / file.name)
    _write(path, rows)
    for file in files:  # what they hold lies in the table now
        (raw / file.name).unlink()
    with contextlib.suppress(OSError):  # not empty yet
        raw.rmdir()
        raw.parent.rmdir()


def _check_there(path: Path, expected: int) -> None:
    try:
        with gzip.open(path, "rb") as file:
            found = sum(1 for _ in file)
    except (OSError, EOFError) as error:
        raise UserError(f"{path}: {error}; remove it to have it fetched again") from None
    if found != expected:
        raise UserError(
            f"{path}: holds {found:,} rows, expected {expected:,}; remove it to have it fetched "
            "again, or train on data of your own by make model DATA=folder"
        )


def _checked_rows(file: SourceFile, path: Path) -> list[Row]:
    rows = list(read_rows(path, file.format))
    if len(rows) != file.rows:
        raise UserError(
            f"{path}: holds {len(rows):,} rows, expected {file.rows:,} ({file.url}); remove it to "
            "have it downloaded again, or download it by hand to the same place"
        )
    return rows


def _write(path: Path, rows: Sequence[Row]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    unfinished = path.with_name(f"{path.name}.part")
    unfinished.write_bytes(gzip.compress(lines.encode(), mtime=0))  # the same bytes every time
    unfinished.replace(path)
