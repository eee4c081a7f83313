"""Texts to tensors: context as first segment, text as second, only the text's tokens pooled."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from tokenizers import Encoding, Tokenizer
from torch import Tensor

from emotion_component.text import normalise


@dataclass(frozen=True)
class TokenizedText:
    """One text, without padding.

    Attributes:
        input_ids: Token ids, special tokens included.
        type_ids: Segment of each token.
        pooled_from: Index of the first token that is pooled: 0, or the start of the text where a
            context stands before it.
    """

    input_ids: list[int]
    type_ids: list[int]
    pooled_from: int

    def __len__(self) -> int:
        return len(self.input_ids)


class TextTokenizer:
    """Tokenizes texts and their contexts, and pads batches of them.

    Args:
        tokenizer: A tokenizer with a template for special tokens.
        max_length: Most tokens of one text with its context; contexts lose their oldest tokens
            first, then texts their last.
        pad_id: Token id of padding.
        token_types: Whether the encoder reads token types.
    """

    def __init__(
        self, tokenizer: Tokenizer, max_length: int, pad_id: int, token_types: bool
    ) -> None:
        self.tokenizer = tokenizer
        self.tokenizer.no_truncation()
        self.tokenizer.no_padding()
        self.max_length = max_length
        self.pad_id = pad_id
        self.token_types = token_types

    def encode(
        self, texts: Sequence[str], contexts: Sequence[str | None] | None = None
    ) -> list[TokenizedText]:
        """Tokenizes n texts, each with what was said before it, if anything."""
        encodings = self._encode(texts)
        if contexts is None:
            return [self._single(encoding) for encoding in encodings]
        before = self._encode([context or "" for context in contexts])
        return [
            self._pair(first, second) if first.ids else self._single(second)
            for first, second in zip(before, encodings, strict=True)
        ]

    def _encode(self, texts: Sequence[str]) -> list[Encoding]:
        cleaned = [normalise(text) for text in texts]
        return self.tokenizer.encode_batch(cleaned, add_special_tokens=False)

    def _single(self, text: Encoding) -> TokenizedText:
        text.truncate(self.max_length - self.tokenizer.num_special_tokens_to_add(False))
        full = self.tokenizer.post_process(text)
        return TokenizedText(full.ids, full.type_ids, 0)

    def _pair(self, context: Encoding, text: Encoding) -> TokenizedText:
        room = self.max_length - self.tokenizer.num_special_tokens_to_add(True)
        text.truncate(room - 1)
        context.truncate(room - len(text.ids), direction="left")
        full = self.tokenizer.post_process(context, text)
        return TokenizedText(full.ids, full.type_ids, full.sequence_ids.index(1))

    def pad(self, texts: Sequence[TokenizedText]) -> dict[str, Tensor]:
        """Pads n texts to the longest.

        Returns:
            `input_ids`, `attention_mask`, `pooling_mask` and, where the encoder reads them,
            `token_type_ids`; each (n, tokens).
        """
        shape = (len(texts), max(len(text) for text in texts))
        batch = {
            "input_ids": torch.full(shape, self.pad_id),
            "attention_mask": torch.zeros(shape, dtype=torch.long),
            "pooling_mask": torch.zeros(shape, dtype=torch.long),
        }
        if self.token_types:
            batch["token_type_ids"] = torch.zeros(shape, dtype=torch.long)
        for row, text in enumerate(texts):
            length = len(text)
            batch["input_ids"][row, :length] = torch.tensor(text.input_ids)
            batch["attention_mask"][row, :length] = 1
            batch["pooling_mask"][row, text.pooled_from : length] = 1
            if self.token_types:
                batch["token_type_ids"][row, :length] = torch.tensor(text.type_ids)
        return batch

    def batches(
        self, texts: Sequence[TokenizedText], batch_size: int
    ) -> Iterator[tuple[list[int], dict[str, Tensor]]]:
        """Pads n texts in batches of like length.

        Yields:
            The rows of a batch's texts, and the batch as `pad` gives it.
        """
        order = sorted(range(len(texts)), key=lambda row: len(texts[row]))
        for start in range(0, len(order), batch_size):
            rows = order[start : start + batch_size]
            yield rows, self.pad([texts[row] for row in rows])
