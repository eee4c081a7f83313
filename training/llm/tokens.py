"""Counting tokens before a call is made: for the limits, and for the dry run."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from pathlib import Path

from tokenizers import Tokenizer

from training.errors import UserError
from training.llm.settings import Message

BYTES_A_TOKEN = 4  # OpenAI's rule of thumb for English
TOKENS_A_MESSAGE = 4  # role and separators in the chat format

TokenCounter = Callable[[Sequence[Message]], int]


def token_counter(tokenizer: str | None) -> TokenCounter:
    """A function that counts the tokens of a prompt.

    Args:
        tokenizer: A ``tokenizer.json``, the name of a model on the Hugging Face hub, or None for
            four bytes a token.

    Returns:
        The function, from messages to a number of tokens.

    Raises:
        UserError: If the tokenizer cannot be loaded.
    """
    count = _by_bytes if tokenizer is None else _by_tokenizer(tokenizer)
    return lambda messages: sum(TOKENS_A_MESSAGE + count(m["content"]) for m in messages)


def _by_bytes(text: str) -> int:
    return math.ceil(len(text.encode()) / BYTES_A_TOKEN)


def _by_tokenizer(name: str) -> Callable[[str], int]:
    local = name.endswith(".json")
    if local and not Path(name).is_file():
        raise UserError(f"llm.tokenizer: no such file: {name}")
    try:
        tokenizer = Tokenizer.from_file(name) if local else Tokenizer.from_pretrained(name)
    except Exception as error:  # the library raises bare Exceptions
        raise UserError(f"llm.tokenizer: cannot load {name!r}: {error}") from None
    return lambda text: len(tokenizer.encode(text, add_special_tokens=False).ids)
