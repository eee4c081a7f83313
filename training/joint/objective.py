"""Both heads as they train: the classifier's loss and the space's, on one pass."""

from __future__ import annotations

from torch import Tensor, nn

from training.models.joint_model import JointModel


class JointObjective(nn.Module):
    """Trains a joint model.

    The frozen label encoder does not run in training: its vectors are a buffer. Every text
    counts alike, so that a head's loss has the weight of its share of the batch.

    Args:
        model: Trained in place.
        label_features: Frozen vectors of the space's labels, (terms, width).
        class_loss: From logits and targets, (texts, labels) each, to the mean over both.
        space_loss: From logits and targets, (texts, terms) each, to the mean over the texts that
            have any.
        space_weight: Weight of the space's loss.
        biases: Added to each term's logits in training, (terms,).
    """

    label_features: Tensor
    biases: Tensor

    def __init__(
        self,
        model: JointModel,
        label_features: Tensor,
        class_loss: nn.Module,
        space_loss: nn.Module,
        space_weight: float,
        biases: Tensor,
    ) -> None:
        super().__init__()
        self.tower = model.tower()
        self.label_projection = model.space.label_tower.projection
        self._project = model.space.label_tower.project
        self.temperature = model.space.config.temperature
        self.class_loss = class_loss
        self.space_loss = space_loss
        self.space_weight = space_weight
        self.register_buffer("label_features", label_features, persistent=False)
        self.register_buffer("biases", biases, persistent=False)

    def forward(
        self,
        targets: Tensor,
        classed: Tensor,
        terms: Tensor,
        input_ids: Tensor,
        attention_mask: Tensor,
        pooling_mask: Tensor,
        token_type_ids: Tensor | None = None,
    ) -> dict[str, Tensor]:
        """Returns `loss` and the classifier's `logits`.

        Args:
            targets: The classifier's, (texts, labels).
            classed: Whether a text has such targets, (texts,).
            terms: (texts, terms), 1 where a label of the space describes the text.
            input_ids: (texts, tokens), as the following.
            attention_mask: 0 on padding.
            pooling_mask: 1 on the tokens that the heads read.
            token_type_ids: 1 on the second segment.
        """
        logits, vectors = self.tower(input_ids, attention_mask, token_type_ids, pooling_mask)
        similarities = vectors @ self._project(self.label_features).T
        spaced = (terms.sum(1) > 0).float().mean()
        space = self.space_loss(similarities / self.temperature + self.biases, terms)
        loss = self.space_weight * spaced * space
        if classed.any():
            labels = logits.shape[1]
            mean = self.class_loss(logits[classed], targets[classed])
            loss = loss + classed.float().mean() * labels * mean
        return {"loss": loss, "logits": logits}
