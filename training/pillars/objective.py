"""The classifier as it trains: its loss, and R-Drop on top."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from training.losses.r_drop import RDropLoss
from training.models.emotion_classifier import EmotionClassifier


class ClassifierObjective(nn.Module):
    """Trains a classifier.

    Args:
        classifier: Trained in place.
        loss: From logits and targets, each (texts, labels), to a scalar.
        r_drop: Weight of the divergence of two dropout passes; 0 for one pass.
    """

    def __init__(self, classifier: EmotionClassifier, loss: nn.Module, r_drop: float) -> None:
        super().__init__()
        self.classifier = classifier
        self.loss = loss
        self.r_drop = r_drop
        self.divergence = RDropLoss()

    def forward(self, targets: Tensor, **texts: Tensor) -> dict[str, Tensor]:
        """Returns `loss` and `logits`.

        Args:
            targets: (texts, labels).
            **texts: Arguments of the classifier.
        """
        if not (self.training and self.r_drop):
            logits = self.classifier(**texts)
            return {"loss": self.loss(logits, targets), "logits": logits}
        twice = {name: torch.cat([tensor, tensor]) for name, tensor in texts.items()}
        first, second = self.classifier(**twice).chunk(2)
        mean = 0.5 * (self.loss(first, targets) + self.loss(second, targets))
        return {"loss": mean + self.r_drop * self.divergence(first, second), "logits": first}
