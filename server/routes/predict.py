"""POST /predict as text-embeddings-inference has it, so that its clients work unchanged.

It softmaxes the scores of every model with several classes; this model is multi-label, so the
scores are calibrated sigmoids, each for itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

from fastapi import APIRouter, Request, Response
from pydantic_core import to_json

from emotion_component import EmotionModel, Turn
from emotion_component.encoder import Encoded
from server import problems
from server.answers import check_inputs
from server.batching import Message
from server.json_route import JsonRoute
from server.schemas import MessageSchema, Prediction, PredictRequest, TurnSchema
from server.security import Client
from server.services import Use

router = APIRouter(tags=["text-embeddings-inference"], route_class=JsonRoute)


@router.post(
    "/predict",
    response_model=list[Prediction] | list[list[Prediction]],
    responses=problems.OF_MESSAGES,
)
async def predict(
    body: PredictRequest, request: Request, services: Use, client: Client
) -> Response:
    """Every label's score, best first: a list for one message, a list of lists for several."""
    several = isinstance(body.inputs, list) and isinstance(body.inputs[0], list)
    entries = [_entry(parts) for parts in _parts(body.inputs)]
    check_inputs(entries, services.settings.limits)

    def read(encoded: Encoded) -> list[list[dict[str, Any]]]:
        return _predictions(services.model, encoded, raw=body.raw_scores)

    messages = [Message(e.text, [Turn(t.role, t.text) for t in e.context or ()]) for e in entries]
    results = await services.ask(request, messages, read)
    return Response(to_json(results if several else results[0]), media_type="application/json")


def _parts(inputs: str | list[str] | list[list[str]]) -> list[list[str]]:
    if isinstance(inputs, str):
        return [[inputs]]
    return cast(list[list[str]], inputs if isinstance(inputs[0], list) else [inputs])


def _entry(parts: Sequence[str]) -> MessageSchema:
    """Reads ["message"] or ["earlier turn of the bot", "message"]."""
    *earlier, text = parts
    return MessageSchema(text=text, context=[TurnSchema(role="bot", text=t) for t in earlier])


def _predictions(model: EmotionModel, encoded: Encoded, *, raw: bool) -> list[list[dict[str, Any]]]:
    if raw:
        rows = [dict(zip(model.labels, row, strict=True)) for row in encoded.logits.tolist()]
    else:
        rows = [dict(result.scores) for result in model.classify(encoded)]
    return [
        [
            {"score": score, "label": label}
            for label, score in sorted(row.items(), key=lambda item: -item[1])
        ]
        for row in rows
    ]
