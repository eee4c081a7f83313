"""The pretrained encoder below every model: loading it, and running it."""

from __future__ import annotations

from torch import Tensor
from transformers import AutoModel, AutoTokenizer, PreTrainedModel, PreTrainedTokenizerBase

from training.errors import UserError


def load_backbone(backbone: str) -> tuple[PreTrainedModel, PreTrainedTokenizerBase]:
    """Loads a pretrained encoder or decoder and its tokenizer.

    Args:
        backbone: Folder or hub name.

    Raises:
        UserError: If there is no such model.
    """
    try:
        return AutoModel.from_pretrained(backbone), AutoTokenizer.from_pretrained(backbone)
    except (OSError, ValueError) as error:
        raise UserError(
            f"backbone: cannot load {backbone!r} (a folder or a hub name; with no network, "
            f"give a folder: --set backbone=PATH): {error}"
        ) from None


def token_states(
    encoder: PreTrainedModel,
    input_ids: Tensor,
    attention_mask: Tensor,
    token_type_ids: Tensor | None = None,
) -> Tensor:
    """Returns the encoder's last hidden states, (n, tokens, width).

    Args:
        encoder: Any Hugging Face model with `last_hidden_state`.
        input_ids: (n, tokens).
        attention_mask: (n, tokens), 0 on padding.
        token_type_ids: (n, tokens), 1 on the second segment; None for encoders without.
    """
    types = {} if token_type_ids is None else {"token_type_ids": token_type_ids}
    states: Tensor = encoder(
        input_ids=input_ids, attention_mask=attention_mask, **types
    ).last_hidden_state
    return states
