"""From an encoder pass to the JSON of a result, with the options of the request."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from emotion_component import EmotionModel, EmotionResult, InputError, RankResult, Turn
from emotion_component.encoder import Encoded
from server import metrics
from server.batching import Message
from server.problems import Problem
from server.schemas import BodyOptions, MessageSchema, Options
from server.settings import Limits

Read = Callable[[Encoded], list[dict[str, Any]]]


def reader(model: EmotionModel, options: Options) -> Read:
    """Returns the function that makes results of an encoder pass.

    Args:
        model: The model.
        options: What to say of each message.

    Raises:
        InputError: If a threshold is of an unknown label.
    """
    thresholds = options.thresholds if isinstance(options, BodyOptions) else None
    if isinstance(thresholds, dict):
        unknown = sorted(set(thresholds) - set(model.labels))
        if unknown:
            raise InputError(f"thresholds: unknown label {unknown[0]!r}; see /v1/labels")

    def read(encoded: Encoded) -> list[dict[str, Any]]:
        results = [_plain(result) for result in model.classify(encoded, thresholds=thresholds)]
        for result in results:
            metrics.labelled(metrics.MESSAGES, result["group"]).inc()
        if options.labels is not None:
            ranks = model.rank_encoded(
                encoded,
                options.labels,
                multi_label=options.multi_label,
                threshold=options.threshold,
            )
            _add(results, "rank", [_plain(rank) for rank in ranks])
        if options.descriptors is not None:
            found = model.describe_encoded(encoded, options.descriptors)
            _add(results, "descriptors", [description.descriptors for description in found])
        if options.embedding:
            _add(results, "embedding", encoded.embeddings.tolist())
        if options.top_k is not None:
            for result in results:
                _cut(result, options.top_k)
        return results

    return read


def _plain(result: EmotionResult | RankResult) -> dict[str, Any]:
    """As `result.to_dict()`, which copies deeply, at a fifth of the time."""
    return {**vars(result), "bundle": vars(result.bundle)}


def _add(results: Sequence[dict[str, Any]], key: str, values: Sequence[object]) -> None:
    for result, value in zip(results, values, strict=True):
        result[key] = value


def _strongest(scores: Mapping[str, float], k: int) -> dict[str, float]:
    return dict(sorted(scores.items(), key=lambda item: -item[1])[:k])


def _cut(result: dict[str, Any], k: int) -> None:
    for part in (result, result.get("rank")):
        if part is not None:
            part["labels"] = _strongest(part["labels"], k)
            part["scores"] = _strongest(part["scores"], k)


def messages(
    model: EmotionModel, inputs: Sequence[MessageSchema], options: Options
) -> list[Message]:
    """Returns the messages with just the earlier turns that the model shall read."""
    turns = options.context_turns
    if turns is None:
        turns = model.manifest.window.context_turns
    return [
        Message(
            entry.text,
            [Turn(t.role, t.text) for t in (entry.context or ())[-turns:]] if turns else (),
        )
        for entry in inputs
    ]


def check_inputs(inputs: Sequence[MessageSchema], limits: Limits) -> None:
    """Checks the sizes of messages that the settings bound.

    Raises:
        Problem: If something is too large; it names the field and the limit.
    """
    if len(inputs) > limits.inputs:
        raise _too_long("inputs", f"at most {limits.inputs} messages a request")
    for i, entry in enumerate(inputs):
        check_text(f"inputs[{i}].text", entry.text, limits)
        context = entry.context or ()
        if len(context) > limits.context_turns:
            raise _too_long(f"inputs[{i}].context", f"at most {limits.context_turns} turns")
        for j, turn in enumerate(context):
            check_text(f"inputs[{i}].context[{j}].text", turn.text, limits)


def check_labels(options: Options, limits: Limits) -> None:
    """Checks the number and length of labels; raises like `check_inputs`."""
    labels = options.labels or ()
    if len(labels) > limits.labels:
        raise _too_long("labels", f"at most {limits.labels} labels")
    for i, label in enumerate(labels):
        if len(label) > limits.label_characters:
            raise _too_long(f"labels[{i}]", f"at most {limits.label_characters} characters")


def check_text(field: str, text: str, limits: Limits) -> None:
    """Checks the length of a text; raises like `check_inputs`."""
    if len(text) > limits.text_characters:
        raise _too_long(field, f"at most {limits.text_characters} characters")


def _too_long(field: str, message: str) -> Problem:
    return Problem.of_fields([{"field": field, "message": message}])
