"""The dual encoder as it trains: the labels' frozen vectors computed once, the loss on top."""

from __future__ import annotations

from torch import Tensor, nn

from training.models.dual_encoder import DualEncoder


class DistillationModel(nn.Module):
    """Trains the text tower and the label tower's projection.

    The frozen label encoder does not run in training, nor is it in the trainer's checkpoints: its
    vectors are a buffer.

    Args:
        dual_encoder: Its towers are trained in place.
        label_features: Frozen vectors of the training labels, (labels, width).
        loss: From logits and targets, each (texts, labels), to a scalar.
        biases: Added to each label's logits in training, (labels,).
    """

    label_features: Tensor
    biases: Tensor

    def __init__(
        self,
        dual_encoder: DualEncoder,
        label_features: Tensor,
        loss: nn.Module,
        biases: Tensor,
    ) -> None:
        super().__init__()
        self.text_tower = dual_encoder.text_tower
        self.label_projection = dual_encoder.label_tower.projection
        self._project = dual_encoder.label_tower.project
        self.temperature = dual_encoder.config.temperature
        self.loss = loss
        self.register_buffer("label_features", label_features, persistent=False)
        self.register_buffer("biases", biases, persistent=False)

    def forward(self, targets: Tensor, **texts: Tensor) -> dict[str, Tensor]:
        """Returns `loss` and `logits`.

        Args:
            targets: (texts, labels), 1 where the label describes the text.
            **texts: Arguments of the text tower.
        """
        labels = self._project(self.label_features)
        similarities = self.text_tower(**texts) @ labels.T
        logits = similarities.float() / self.temperature + self.biases
        return {"loss": self.loss(logits, targets), "logits": logits}
