"""The Rasa component: each user message gets the emotions of its writer.

One line of config.yml, after the tokenizer:

    pipeline:
      - name: emotion_component.rasa.EmotionComponent
"""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping, Sequence
from typing import Any, Optional

from rasa.engine.graph import ExecutionContext, GraphComponent
from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.engine.storage.resource import Resource
from rasa.engine.storage.storage import ModelStorage
from rasa.shared.constants import INTENT_MESSAGE_PREFIX
from rasa.shared.core.events import (
    AgentUttered,
    BotUttered,
    Event,
    Restarted,
    SessionStarted,
    UserUttered,
)
from rasa.shared.core.trackers import DialogueStateTracker
from rasa.shared.exceptions import InvalidConfigException
from rasa.shared.nlu.constants import (
    ENTITIES,
    ENTITY_ATTRIBUTE_END,
    ENTITY_ATTRIBUTE_START,
    ENTITY_ATTRIBUTE_TYPE,
    ENTITY_ATTRIBUTE_VALUE,
    EXTRACTOR,
    METADATA,
    TEXT,
)
from rasa.shared.nlu.training_data.message import Message
from rasa.shared.nlu.training_data.training_data import TrainingData

from emotion_component.bundle import DEFAULT_BUNDLE, BundleError, read_manifest
from emotion_component.client import EmotionClient, EmotionClientError
from emotion_component.dialogue import InputError, Turn, parse_context
from emotion_component.labels import EKMAN, coarse_label
from emotion_component.model import EmotionModel
from emotion_component.rasa_options import EMOTION, EMOTION_GROUP, Options
from emotion_component.results import BundleVersion, EmotionResult, RankResult

logger = logging.getLogger(__name__)

NEUTRAL = "neutral"

MAX_TURNS = 20
"""Earlier turns handed on where `context_turns` leaves the number to the bundle."""

REST_SECONDS = 5.0
"""How long an unreachable sidecar is left alone: a time-out stalls every conversation."""


@DefaultV1Recipe.register(DefaultV1Recipe.ComponentType.ENTITY_EXTRACTOR, is_trainable=True)
class EmotionComponent(GraphComponent):
    """Adds emotions to user messages, with the conversation's earlier turns as context.

    A message gets `emotion` in its parse data (`EmotionResult.to_dict()`) and the entities
    `emotion` and `emotion_group`, neutral included, so that a slot filled from them is never
    stale. Learns nothing; `rasa train` checks the options. Put it after `EntitySynonymMapper`.

    Options:
        bundle: Path of a bundle's folder; null for the one shipped in the package.
        context_turns: How many of the conversation's last turns to read, 0 for none; null for
            the bundle's own number.
        labels: Values of the entity `emotion`: `goemotions` (the bundle's own 28), `ekman` (six
            emotions and neutral), `sentiment` (positive, negative, ambiguous, neutral), or a
            list of your own labels, ranked zero-shot; the ranking is then in the parse data as
            `emotion.rank`.
        multi_label: Whether several of your own labels may apply to one message.
        thresholds: Score from which a label applies; null for the bundle's. For your own labels
            one number, and `emotion` is neutral if none reaches it. Otherwise one number, or
            label to number, for what the parse data list as `emotion.labels`; the entity is
            the strongest label in any case.
        entities: Entities to emit.
        endpoint: URL of a sidecar that computes in the bot's stead; null to compute here.
        timeout: Seconds to reach the sidecar within, and again for its answer. The bot's worker
            waits that long for it, all conversations included.
        on_failure: If the sidecar fails: `local` computes here, `neutral` calls the message
            neutral (and then the bot holds no model).
        threads: Threads of one computation; null for two at most.
    """

    def __init__(self, options: Options, resource: Resource) -> None:
        self._options = options
        self._resource = resource
        self._resting_until = 0.0
        self._client: Optional[EmotionClient] = None
        self._model: Optional[EmotionModel] = None
        if options.endpoint is not None:
            # No retries: every conversation of this worker waits meanwhile.
            self._client = EmotionClient(options.endpoint, options.timeout, retries=0)
        if options.runs_locally:
            self._model = EmotionModel.load(options.bundle, threads=options.threads)
            # Checks the options that only a bundle can, and warms up for the first message.
            self._compute(self._model, ["hello"], [()])
            self._labels = self._model.labels
        else:
            self._labels = read_manifest(options.bundle or DEFAULT_BUNDLE).labels

    @staticmethod
    def get_default_config() -> dict[str, Any]:
        """Returns every option with its default."""
        return Options.defaults()

    @classmethod
    def create(
        cls,
        config: dict[str, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
    ) -> EmotionComponent:
        """Makes the component, for training as for the running bot.

        Raises:
            InvalidConfigException: If an option is unknown, ill-typed or does not fit the bundle.
        """
        try:
            return cls(Options.parse(config), resource)
        except BundleError as error:
            raise InvalidConfigException(f"{cls.__name__}: option 'bundle': {error}") from error
        except InputError as error:
            raise InvalidConfigException(f"{cls.__name__}: {error}") from error

    def train(self, training_data: TrainingData) -> Resource:
        """Learns nothing; `create` has checked the options."""
        return self._resource

    def process(
        self, messages: list[Message], tracker: Optional[DialogueStateTracker] = None
    ) -> list[Message]:
        """Adds emotions to messages.

        Args:
            messages: Messages of one conversation.
            tracker: The conversation before them; without one, the context is the list of turns
                under "context" in a message's metadata.

        Returns:
            The same messages.
        """
        texts = [_words(message.get(TEXT)) for message in messages]
        contexts = [self._context(message, tracker) for message in messages]
        for message, result in zip(messages, self._analyse(texts, contexts)):
            message.set(EMOTION, result, add_to_output=True)
            entities = message.get(ENTITIES, []) + self._entities(result)
            message.set(ENTITIES, entities, add_to_output=True)
        return messages

    def _context(self, message: Message, tracker: Optional[DialogueStateTracker]) -> Sequence[Turn]:
        turns = self._options.context_turns
        limit = MAX_TURNS if turns is None else turns
        if tracker is not None and tracker.events:
            return _turns_of_tracker(tracker.events, limit)
        return _turns_of_metadata(message, limit)

    def _analyse(
        self, texts: Sequence[str], contexts: Sequence[Sequence[Turn]]
    ) -> list[dict[str, Any]]:
        """Returns a result for each message, whatever fails: an emotion is no reason to fall."""
        try:
            if self._client is not None and time.monotonic() >= self._resting_until:
                return self._ask(self._client, texts, contexts)
        except EmotionClientError as error:
            logger.warning(
                "The sidecar gave no emotions (%s); on_failure: %s.",
                error,
                self._options.on_failure,
            )
            if error.unreachable:
                self._resting_until = time.monotonic() + REST_SECONDS
        try:
            if self._model is not None:
                return self._compute(self._model, texts, contexts)
        except Exception as error:
            # Neither the message nor the traceback may reach the log: they can hold user text.
            logger.error("No emotions computed (%s); going on as neutral.", type(error).__name__)
        return [self._neutral() for _ in texts]

    def _ask(
        self, client: EmotionClient, texts: Sequence[str], contexts: Sequence[Sequence[Turn]]
    ) -> list[dict[str, Any]]:
        inputs = [{"text": t, "context": c} for t, c in zip(texts, contexts)]
        options = self._options
        turns = options.context_turns
        if options.ranking is None:
            return client.emotions(inputs, thresholds=options.thresholds, context_turns=turns)
        return client.emotions(inputs, **options.ranking, context_turns=turns)

    def _compute(
        self, model: EmotionModel, texts: Sequence[str], contexts: Sequence[Sequence[Turn]]
    ) -> list[dict[str, Any]]:
        options = self._options
        encoded = model.encode(texts, contexts, context_turns=options.context_turns)
        if options.ranking is None:
            return [r.to_dict() for r in model.classify(encoded, thresholds=options.thresholds)]
        results = model.classify(encoded)
        ranks = model.rank_encoded(encoded, **options.ranking)
        return [{**e.to_dict(), "rank": r.to_dict()} for e, r in zip(results, ranks)]

    def _neutral(self) -> dict[str, Any]:
        """The result of a message that nothing could read: of no bundle."""
        nothing = BundleVersion("none", "0")
        scores = {label: float(label == NEUTRAL) for label in self._labels}
        result = EmotionResult(
            label=NEUTRAL,
            score=1.0,
            labels={NEUTRAL: 1.0},
            scores=scores,
            group=NEUTRAL,
            valence=0.0,
            arousal=0.0,
            truncated=False,
            bundle=nothing,
        ).to_dict()
        if self._options.ranking is not None:
            scores = dict.fromkeys(self._options.ranking["labels"], 0.0)
            result["rank"] = RankResult(None, {}, scores, False, nothing).to_dict()
        return result

    def _entities(self, result: dict[str, Any]) -> list[dict[str, Any]]:
        values = {EMOTION: self._label(result), EMOTION_GROUP: result["group"]}
        return [
            {
                ENTITY_ATTRIBUTE_TYPE: name,
                ENTITY_ATTRIBUTE_VALUE: values[name],
                # Of no span: any other would count as a wrong entity in `rasa test nlu`.
                ENTITY_ATTRIBUTE_START: 0,
                ENTITY_ATTRIBUTE_END: 0,
                EXTRACTOR: type(self).__name__,
            }
            for name in self._options.entities
        ]

    def _label(self, result: dict[str, Any]) -> str:
        labels = self._options.labels
        if labels == "goemotions":
            return result["label"]
        if labels == "ekman":
            return coarse_label(result["label"], EKMAN)
        if labels == "sentiment":
            return result["group"]
        return next(iter(result["rank"]["labels"]), NEUTRAL)


def _words(text: object) -> str:
    """Returns what the user said: nothing, if it is no text or the payload of a button."""
    if not isinstance(text, str) or text.lstrip().startswith(INTENT_MESSAGE_PREFIX):
        return ""
    return text


def _turns_of_tracker(events: Sequence[Event], limit: int) -> list[Turn]:
    """Returns the last turns of the current session, oldest first.

    Reads every event as it happened: `applied_events` would hide the turns that a fallback or a
    form took back, though they were said.
    """
    turns: list[Turn] = []
    for event in reversed(events):
        if isinstance(event, (SessionStarted, Restarted)) or len(turns) == limit:
            break
        turn = _turn_of_event(event)
        if turn is not None:
            turns.append(turn)
    return turns[::-1]


def _turn_of_event(event: Event) -> Optional[Turn]:
    if isinstance(event, UserUttered):
        role, text = "user", _words(event.text)
    elif isinstance(event, (BotUttered, AgentUttered)):
        role, text = "bot", event.text
    else:
        return None
    return Turn(role, text) if isinstance(text, str) and text.strip() else None


def _turns_of_metadata(message: Message, limit: int) -> Sequence[Turn]:
    """Returns the turns that the caller sent along, which may be anything."""
    metadata = message.get(METADATA)
    if not isinstance(metadata, Mapping):
        return ()
    try:
        turns = parse_context(metadata.get("context"), f"{METADATA}.context")
        return turns[max(0, len(turns) - limit) :]
    except InputError:
        logger.warning(
            'Metadata of a message ignored: "context" must be a list of '
            '{"role": "user"|"bot", "text": "..."}, oldest first.'
        )
        return ()
