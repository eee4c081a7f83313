"""What there is: labels and models."""

from __future__ import annotations

from fastapi import APIRouter

from emotion_component.labels import EKMAN, SENTIMENT, coarse_label, coarse_labels
from server import problems
from server.schemas import LabelSchema, LabelsResponse, ModelSchema, ModelsResponse
from server.security import Client
from server.services import Use

router = APIRouter(tags=["catalogue"], responses=problems.responses("unauthorized", "rate-limited"))


@router.get("/v1/labels")
async def labels(services: Use, client: Client) -> LabelsResponse:
    """The model's own labels with their thresholds, and the coarse sets they sum up to."""
    manifest = services.model.manifest
    return LabelsResponse(
        labels=[
            LabelSchema(
                name=name,
                threshold=threshold,
                group=coarse_label(name, SENTIMENT),
                ekman=coarse_label(name, EKMAN),
            )
            for name, threshold in zip(manifest.labels, manifest.thresholds, strict=True)
        ],
        groups=list(coarse_labels(SENTIMENT)),
        ekman=list(coarse_labels(EKMAN)),
    )


@router.get("/v1/models")
async def models(services: Use, client: Client) -> ModelsResponse:
    """The models that answer here, with what they learned from and how they score."""
    manifest = services.model.manifest
    return ModelsResponse(
        models=[
            ModelSchema(
                name=manifest.name,
                version=manifest.version,
                labels=len(manifest.labels),
                context_turns=manifest.window.context_turns,
                max_tokens=manifest.window.max_tokens,
                training=dict(manifest.training),
                scores=dict(manifest.scores),
            )
        ]
    )
