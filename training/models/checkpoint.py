"""A checkpoint's folder: weights, configuration and tokenizer."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from safetensors.torch import save_file
from tokenizers import Tokenizer
from torch import nn

from training.errors import UserError

WEIGHTS, CONFIG, TOKENIZER = "model.safetensors", "model.json", "tokenizer.json"


def save_checkpoint(
    folder: str | Path, model: nn.Module, config: dict[str, Any], tokenizer: Tokenizer
) -> None:
    """Writes model.safetensors, model.json and tokenizer.json.

    Args:
        folder: Made if missing.
        model: Whose weights are saved.
        config: What model.json holds.
        tokenizer: Of the model.
    """
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    save_file({k: v.contiguous() for k, v in model.state_dict().items()}, folder / WEIGHTS)
    (folder / CONFIG).write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")
    tokenizer.save(str(folder / TOKENIZER))


def read_config(folder: str | Path) -> dict[str, Any]:
    """Reads a checkpoint's model.json.

    Raises:
        UserError: If the folder is no checkpoint.
    """
    folder = Path(folder)
    for name in (WEIGHTS, CONFIG, TOKENIZER):
        if not (folder / name).is_file():
            raise UserError(f"{folder}: no checkpoint: {name} is missing")
    content: dict[str, Any] = json.loads((folder / CONFIG).read_text(encoding="utf-8"))
    return content
