"""`python -m training export`: a checkpoint becomes the bundle that the runtime reads."""

from __future__ import annotations

import argparse
import json
import logging
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from training.export.recipe import ExportRecipe
from training.readers.data_folder import data_folder
from training.recipe import load_recipe

if TYPE_CHECKING:
    from training.cli import Subparsers


def add_parser(subparsers: Subparsers) -> None:
    """Adds `export` to the command line."""
    parser = subparsers.add_parser("export", description=__doc__)
    parser.add_argument("--recipe", type=Path, required=True, help="YAML, see config/training")
    parser.add_argument("--checkpoint", type=Path, required=True, help="folder of a joint model")
    parser.add_argument("--data", help="folder of the data sets (or EMOTION_DATA)")
    parser.add_argument("--output", type=Path, default=Path("runs/export"))
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Exports, measures, and says where the bundle lies."""
    recipe = load_recipe(arguments.recipe, ExportRecipe)
    data = data_folder(arguments.data)
    logging.basicConfig(level=logging.ERROR, format="%(message)s")
    logging.getLogger("training").setLevel(logging.INFO)
    from training.export.build import build

    report = build(recipe, arguments.checkpoint, arguments.output, data)
    (arguments.output / "report.json").write_text(json.dumps(report, indent=2) + "\n")
    sys.stdout.write(f"{json.dumps(report, indent=2)}\n")
    sys.stdout.write(f"Bundle: {arguments.output / 'int8'} (float32 beside it)\n")
    return 0
