"""The classifier as it trains: cross-entropy and the losses of the two other views on top."""

from __future__ import annotations

from typing import Any

from torch import Tensor, nn
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from training.losses.clustering_guided_contrastive import ClusteringGuidedContrastiveLoss
from training.losses.label_disentanglement import LabelDisentanglementLoss
from training.models.single_label_classifier import SingleLabelClassifier
from training.taco.clusters import cluster_by_elbow, cluster_by_labels
from training.taco.recipe import LossSettings


class TripleViewModel(nn.Module):
    """Trains a classifier by the weighted sum of three losses (TACO, equation 7).

    The losses beside cross-entropy are computed in training only, and where their weight is not 0.

    Args:
        classifier: Trained in place.
        settings: Weights and clusters. Not used if the classifier's head is "linear".
        seed: Of the clusters.

    Attributes:
        strength: What alpha and beta are multiplied by, 0 to 1; see `ContrastiveWarmup`.
    """

    def __init__(
        self, classifier: SingleLabelClassifier, settings: LossSettings, seed: int
    ) -> None:
        super().__init__()
        self.classifier = classifier
        self.strength = 1.0
        self._settings = settings
        self._seed = seed
        self._cross_entropy = nn.CrossEntropyLoss()
        self._contrast = ClusteringGuidedContrastiveLoss(settings.temperature)
        self._disentangle = LabelDisentanglementLoss()

    def forward(self, targets: Tensor, **texts: Tensor) -> dict[str, Tensor]:
        """Returns `loss` and `logits`, (texts, labels).

        Args:
            targets: (texts,), the number of each text's label.
            **texts: Arguments of `SingleLabelClassifier.embed`.
        """
        vectors, labels = self.classifier.embed(**texts), self.classifier.label_vectors()
        scores = self.classifier.score(vectors, labels)
        loss = self._cross_entropy(scores, targets)
        if self.training and self.classifier.config.head == "labels":
            loss = loss + self.strength * self._other_views(vectors, labels, scores, targets)
        return {"loss": loss, "logits": scores}

    def _other_views(
        self, vectors: Tensor, labels: Tensor, scores: Tensor, targets: Tensor
    ) -> Tensor:
        total = scores.new_zeros(())
        if self._settings.alpha:
            clusters = self._clusters(vectors, targets)
            contrast = self._contrast(vectors.float(), targets, clusters)
            total = total + self._settings.alpha * contrast
        if self._settings.beta:
            total = total + self._settings.beta * self._disentangle(scores, labels.float())
        return total

    def _clusters(self, vectors: Tensor, targets: Tensor) -> Tensor | None:
        if self._settings.clusters == "none":
            return None
        if self._settings.clusters == "elbow":
            return cluster_by_elbow(vectors, self._seed)
        return cluster_by_labels(vectors, targets, self._seed)


class ContrastiveWarmup(TrainerCallback):
    """Lets alpha and beta rise linearly from 0 in the first steps.

    Args:
        model: Whose `strength` is set.
        share: Share of all steps in which it rises; 0 for full strength from the start.
    """

    def __init__(self, model: TripleViewModel, share: float) -> None:
        self.model = model
        self.share = share

    def on_step_begin(
        self,
        args: TrainingArguments,
        state: TrainerState,
        control: TrainerControl,
        **kwargs: Any,  # noqa: ANN401 - the trainer's own
    ) -> None:
        """Sets the strength of the step."""
        steps = self.share * state.max_steps
        self.model.strength = min(1.0, state.global_step / steps) if steps else 1.0
