"""Q-Former pooling: learned queries read the token states by cross-attention."""

from __future__ import annotations

import torch
from torch import Tensor, nn

WIDTH_PER_HEAD = 64


class QFormer(nn.Module):
    """A small transformer whose learned queries attend to each other and to the token states.

    Each layer is self-attention over the queries, cross-attention from the queries to the tokens
    and a feed-forward block, with layer norm first (BLIP-2, https://arxiv.org/abs/2301.12597,
    section 3.1). The queries' outputs are averaged into one vector, as the distillation paper has
    one vector a text (https://arxiv.org/abs/2505.18040).

    Args:
        width: Width of the token states; a multiple of 64, or one attention head is used.
        queries: Number of learned queries.
        layers: Number of layers.
        dropout: Dropout of attention and feed-forward blocks.
    """

    def __init__(self, width: int, queries: int, layers: int, dropout: float = 0.1) -> None:
        super().__init__()
        self.queries = nn.Parameter(torch.randn(queries, width) * 0.02)
        self.decoder = nn.TransformerDecoder(
            nn.TransformerDecoderLayer(
                d_model=width,
                nhead=max(1, width // WIDTH_PER_HEAD) if width % WIDTH_PER_HEAD == 0 else 1,
                dim_feedforward=4 * width,
                dropout=dropout,
                activation="gelu",
                batch_first=True,
                norm_first=True,
            ),
            num_layers=layers,
            norm=nn.LayerNorm(width),
        )

    def forward(self, states: Tensor, mask: Tensor) -> Tensor:
        """Pools n texts.

        Args:
            states: (n, tokens, width).
            mask: (n, tokens), 1 where a token counts; at least one 1 a row.

        Returns:
            (n, width).
        """
        queries = self.queries.expand(len(states), -1, -1)
        read: Tensor = self.decoder(queries, states, memory_key_padding_mask=mask == 0)
        return read.mean(1)
