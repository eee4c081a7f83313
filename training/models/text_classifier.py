"""A plain supervised model: an encoder, a pooling and one linear layer."""

from __future__ import annotations

from torch import Tensor, nn

from training.models.backbone import token_states
from training.models.dual_encoder import DualEncoder


class TextClassifier(nn.Module):
    """Scores a fixed set of outputs.

    Args:
        start: An untrained dual encoder, whose text tower lends its encoder and pooling.
        outputs: Number of classes, or of values to regress to.
        loss: From outputs and targets, each (texts, outputs), to a scalar.
    """

    def __init__(self, start: DualEncoder, outputs: int, loss: nn.Module) -> None:
        super().__init__()
        self.encoder = start.text_tower.encoder
        self.pooling = start.text_tower.pooling
        self.output = nn.Linear(self.encoder.config.hidden_size, outputs)
        self.loss = loss

    def forward(self, targets: Tensor, **texts: Tensor) -> dict[str, Tensor]:
        """Returns `loss` and `logits`.

        Args:
            targets: (texts, outputs).
            **texts: Arguments of `logits`.
        """
        logits = self.logits(**texts)
        return {"loss": self.loss(logits, targets), "logits": logits}

    def logits(
        self,
        input_ids: Tensor,
        attention_mask: Tensor,
        pooling_mask: Tensor,
        token_type_ids: Tensor | None = None,
    ) -> Tensor:
        """Scores n texts, (texts, outputs); the arguments are those of `TextTower`."""
        states = token_states(self.encoder, input_ids, attention_mask, token_type_ids)
        logits: Tensor = self.output(self.pooling(states, pooling_mask)).float()
        return logits
