"""Turns to tokens: the context as first segment, the message as second, the message last to go."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Optional

import numpy as np
import numpy.typing as npt
from tokenizers import Tokenizer

from emotion_component.bundle import TOKENIZER, BundleError, Manifest, Window
from emotion_component.dialogue import Turn
from emotion_component.text import MAX_CHARACTERS, normalise, spell_emoji

IntArray = npt.NDArray[np.int64]


@dataclass(frozen=True)
class TokenizedMessage:
    """One message with its context, as the encoder reads it.

    Attributes:
        context_ids: [CLS] context [SEP], or [CLS] alone where there is no context.
        message_ids: The message and its [SEP].
        truncated: Whether the message or a turn of the context was cut.
    """

    context_ids: list[int]
    message_ids: list[int]
    truncated: bool

    @property
    def blank(self) -> bool:
        """Whether the message holds nothing but its [SEP]."""
        return len(self.message_ids) == 1

    def __len__(self) -> int:
        return len(self.context_ids) + len(self.message_ids)


class MessageTokenizer:
    """Cuts a message and its earlier turns to the encoder's window.

    With context the input is "[CLS] user: ... bot: ... [SEP] message [SEP]" and the context loses
    its oldest tokens first; without, it is "[CLS] message [SEP]". Thread-safe.

    Args:
        path: tokenizer.json.
        window: Token budget and number of turns.
        label_template: What is read for a label, with {label} in it.
    """

    def __init__(self, path: Path, window: Window, label_template: str = "{label}") -> None:
        self._tokenizer = Tokenizer.from_file(str(path))
        # Cutting and padding happen here, so that the shared tokenizer never changes its state.
        self._tokenizer.no_truncation()
        self._tokenizer.no_padding()
        self._window = window
        self._label_template = label_template
        self._cls, self._sep, self._unknown = map(self._special, ("[CLS]", "[SEP]", "[UNK]"))

    @classmethod
    def of_bundle(cls, folder: Path, manifest: Manifest) -> MessageTokenizer:
        """Opens the tokenizer of a bundle."""
        return cls(folder / TOKENIZER, manifest.window, manifest.space.label_template)

    def _special(self, token: str) -> int:
        number: Optional[int] = self._tokenizer.token_to_id(token)
        if number is None:
            raise BundleError(
                f"{TOKENIZER}: has no {token}; export the bundle with a BERT tokenizer"
            )
        return number

    def _ids(self, text: str) -> list[int]:
        ids: list[int] = self._tokenizer.encode(text, add_special_tokens=False).ids
        return ids

    def encode(
        self, text: str, context: Sequence[Turn] = (), context_turns: Optional[int] = None
    ) -> TokenizedMessage:
        """Tokenizes one message.

        Args:
            text: The message.
            context: Earlier turns, oldest first.
            context_turns: How many of the last turns to read; None for the bundle's number.

        Returns:
            The tokens; `blank` if the text has no words.
        """
        window = self._window
        turns = window.context_turns if context_turns is None else context_turns
        context_ids = self._context_ids(context[-turns:] if turns else ())
        budget = window.max_tokens if context_ids else window.message_tokens
        special = 3 if context_ids else 2
        message_ids = self._message_ids(normalise(text))
        kept_message = message_ids[: budget - special]
        room = budget - special - len(kept_message)
        kept_context = context_ids[max(0, len(context_ids) - room) :]
        truncated = (
            len(text) > MAX_CHARACTERS
            or len(kept_message) < len(message_ids)
            or len(kept_context) < len(context_ids)
        )
        first = [self._cls, *kept_context, self._sep] if kept_context else [self._cls]
        return TokenizedMessage(first, [*kept_message, self._sep], truncated)

    def _message_ids(self, text: str) -> list[int]:
        ids = self._ids(text)
        # Beside words, an emoji's name only distracts encoders that never saw one (GoEmotions dev:
        # mean average precision .62 without, .55 with). Where it stands alone, it is all there is.
        only_unknown = bool(ids) and all(token == self._unknown for token in ids)
        return self._ids(spell_emoji(text)) if only_unknown else ids

    def _context_ids(self, turns: Sequence[Turn]) -> list[int]:
        prefixes = self._window.role_prefixes
        spoken = [prefixes[t.role] + normalise(t.text[-MAX_CHARACTERS:]) for t in turns]
        return self._ids(" ".join(spoken)) if spoken else []

    def encode_label(self, label: str) -> TokenizedMessage:
        """Tokenizes a label or descriptor; "order_anger" reads as "order anger"."""
        phrase = self._label_template.replace("{label}", label.replace("_", " "))
        ids = self._ids(normalise(phrase))[: self._window.message_tokens - 2]
        return TokenizedMessage([self._cls], [*ids, self._sep], False)


def pad(messages: Sequence[TokenizedMessage]) -> dict[str, IntArray]:
    """Pads messages to one length.

    Args:
        messages: n messages, at least one.

    Returns:
        `input_ids`, `attention_mask`, `token_type_ids` and `pooling_mask`, each (n, length). The
        pooling mask is 1 on the message and its [SEP], and, without context, on [CLS].
    """
    shape = (len(messages), max(len(m) for m in messages))
    names = ("input_ids", "attention_mask", "token_type_ids", "pooling_mask")
    feeds = {name: np.zeros(shape, dtype=np.int64) for name in names}
    for row, message in enumerate(messages):
        first, length = len(message.context_ids), len(message)
        has_context = first > 1
        feeds["input_ids"][row, :length] = message.context_ids + message.message_ids
        feeds["attention_mask"][row, :length] = 1
        feeds["token_type_ids"][row, first:length] = int(has_context)
        feeds["pooling_mask"][row, first if has_context else 0 : length] = 1
    return feeds
