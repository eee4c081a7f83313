"""The Rasa policy that answers to the emotions of the last turns, not of the last one alone.

policies:
  - name: emotion_component.rasa_policy.EmotionPolicy
    rules:
      - emotions: [anger, fear]     # two such turns in a row: hand over, once a session
        turns: 2
        action: utter_handover
        once: true
      - emotions: [sadness]         # one such turn among the last four: no jokes
        turns: 4
        at_least: 1
        intents: [ask_joke]
        action: utter_no_joke
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, Optional

from rasa.core.policies.policy import Policy, PolicyPrediction, confidence_scores_for
from rasa.engine.graph import ExecutionContext
from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.engine.storage.resource import Resource
from rasa.engine.storage.storage import ModelStorage
from rasa.shared.core.constants import ACTION_LISTEN_NAME
from rasa.shared.core.domain import Domain
from rasa.shared.core.events import ActionExecuted, Event, Restarted, SessionStarted, UserUttered
from rasa.shared.core.generator import TrackerWithCachedStates
from rasa.shared.core.trackers import DialogueStateTracker
from rasa.shared.exceptions import InvalidConfigException
from rasa.shared.nlu.constants import ENTITY_ATTRIBUTE_TYPE, ENTITY_ATTRIBUTE_VALUE

from emotion_component.rasa_options import EMOTION, ENTITIES

RULES = "rules"
PRIORITY = "priority"

DEFAULT_PRIORITY = 7
"""Above RulePolicy's 6, whose rules see one turn only."""


@dataclass(frozen=True)
class EmotionRule:
    """When the policy takes over, and what it does then.

    Attributes:
        emotions: Values of the entities `emotion` or `emotion_group` that count.
        action: What the bot does, before it listens again.
        turns: How many of the user's last turns of this session are looked at; turns without
            an emotion (buttons) are passed over.
        at_least: How many of them must count; None for all.
        intents: Intents of the last turn; empty for any.
        once: Whether to do it at most once a session.
    """

    emotions: tuple[str, ...]
    action: str
    turns: int = 1
    at_least: Optional[int] = None
    intents: tuple[str, ...] = ()
    once: bool = False

    def applies(self, session: Sequence[Event]) -> bool:
        """Tells whether the rule applies to a session that ends with the user's turn."""
        latest = session[-1]
        if self.intents and latest.intent_name not in self.intents:
            return False
        if self.once and self.action in _actions(session):
            return False
        turns = [values for values in map(_emotions, session) if values][-self.turns :]
        needed = self.turns if self.at_least is None else self.at_least
        return sum(not values.isdisjoint(self.emotions) for values in turns) >= needed


def _emotions(event: Event) -> set[str]:
    if not isinstance(event, UserUttered):
        return set()
    return {e[ENTITY_ATTRIBUTE_VALUE] for e in event.entities if _is_emotion(e)}


def _is_emotion(entity: Mapping[str, Any]) -> bool:
    return entity.get(ENTITY_ATTRIBUTE_TYPE) in ENTITIES


def _actions(events: Sequence[Event]) -> list[str]:
    return [event.action_name for event in events if isinstance(event, ActionExecuted)]


def _split_session(events: Sequence[Event]) -> tuple[list[Event], list[Event]]:
    """Returns the current session up to the user's last turn, and what came after that."""
    session: list[Event] = []
    for event in events:
        if isinstance(event, (SessionStarted, Restarted)):
            session = []
        else:
            session.append(event)
    users = [i for i, event in enumerate(session) if isinstance(event, UserUttered)]
    end = users[-1] + 1 if users else 0
    return session[:end], session[end:]


@DefaultV1Recipe.register(
    DefaultV1Recipe.ComponentType.POLICY_WITHOUT_END_TO_END_SUPPORT, is_trainable=False
)
class EmotionPolicy(Policy):
    """Runs an action when the emotions of the user's last turns call for it.

    Reads the entities that `EmotionComponent` emits. The first rule that applies decides, with
    confidence 1; where none does, the policy leaves the choice to the others. Learns nothing;
    `rasa train` checks the rules.

    Options:
        rules: A list of mappings, see `EmotionRule`.
        priority: The policy's priority; default 7, above `RulePolicy`.
    """

    def __init__(
        self,
        config: dict[str, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
    ) -> None:
        super().__init__(config, model_storage, resource, execution_context)
        self._rules = [_parse_rule(i, rule) for i, rule in enumerate(config[RULES])]

    @staticmethod
    def get_default_config() -> dict[str, Any]:
        """Returns every option with its default."""
        return {RULES: [], PRIORITY: DEFAULT_PRIORITY}

    @classmethod
    def create(
        cls,
        config: dict[str, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
        **kwargs: object,
    ) -> EmotionPolicy:
        """Makes the policy, for training as for the running bot.

        Raises:
            InvalidConfigException: If an option is unknown or ill-typed.
        """
        for name in config:
            if name not in cls.get_default_config():
                raise _error(f"unknown option '{name}'; the options are {RULES}, {PRIORITY}")
        if not isinstance(config[RULES], list) or not config[RULES]:
            raise _error(f"option '{RULES}': expected a list of at least one rule")
        if not _is_count(config[PRIORITY]):
            raise _error(f"option '{PRIORITY}': expected a whole number from 1")
        return cls(config, model_storage, resource, execution_context)

    @classmethod
    def load(
        cls,
        config: dict[str, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
        **kwargs: object,
    ) -> EmotionPolicy:
        """Makes the policy for the running bot; there is nothing trained to read."""
        return cls.create(config, model_storage, resource, execution_context)

    def train(
        self, training_trackers: list[TrackerWithCachedStates], domain: Domain, **kwargs: object
    ) -> Resource:
        """Learns nothing; checks the rules against the domain.

        Raises:
            InvalidConfigException: If the domain lacks an action, an intent or the entity.
        """
        if not domain.entities or EMOTION not in domain.entities:
            raise _error(f"the domain has no entity '{EMOTION}'; add it, or no rule ever applies")
        for i, rule in enumerate(self._rules):
            if rule.action not in domain.action_names_or_texts:
                raise _error(f"{RULES}[{i}]: action '{rule.action}' is not in the domain")
            for intent in rule.intents:
                if intent not in domain.intents:
                    raise _error(f"{RULES}[{i}]: intent '{intent}' is not in the domain")
        return self._resource

    def predict_action_probabilities(
        self,
        tracker: DialogueStateTracker,
        domain: Domain,
        rule_only_data: Optional[dict[str, Any]] = None,
        **kwargs: object,
    ) -> PolicyPrediction:
        """Returns the action of the first rule that applies, then `action_listen`."""
        session, after = _split_session(tracker.events)
        rule = next((r for r in self._rules if session and r.applies(session)), None)
        if rule is not None and not _actions(after):
            return self._prediction(confidence_scores_for(rule.action, 1.0, domain))
        if rule is not None and _actions(after) == [rule.action]:
            return self._prediction(confidence_scores_for(ACTION_LISTEN_NAME, 1.0, domain))
        return self._prediction(self._default_predictions(domain))


def _parse_rule(index: int, content: object) -> EmotionRule:
    where = f"{RULES}[{index}]"
    if not isinstance(content, dict):
        raise _error(f"{where}: expected a mapping with emotions and action")
    known = [f.name for f in fields(EmotionRule)]
    for name in content:
        if name not in known:
            raise _error(f"{where}: unknown key '{name}'; the keys are {', '.join(known)}")
    rule = {"turns": 1, "at_least": None, "intents": [], "once": False, **content}
    if not _is_list_of_names(rule.get("emotions")) or not rule["emotions"]:
        raise _error(f"{where}: 'emotions': expected a list of emotions, such as [anger, fear]")
    if not isinstance(rule.get("action"), str):
        raise _error(f"{where}: 'action': expected the name of an action or response")
    if not _is_list_of_names(rule["intents"]):
        raise _error(f"{where}: 'intents': expected a list of intents")
    if not _is_count(rule["turns"]):
        raise _error(f"{where}: 'turns': expected a whole number from 1")
    if rule["at_least"] is not None and not (
        _is_count(rule["at_least"]) and rule["at_least"] <= rule["turns"]
    ):
        raise _error(f"{where}: 'at_least': expected a whole number from 1 to 'turns'")
    if not isinstance(rule["once"], bool):
        raise _error(f"{where}: 'once': expected true or false")
    values: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in rule.items()}
    return EmotionRule(**values)


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 1


def _is_list_of_names(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


def _error(text: str) -> InvalidConfigException:
    return InvalidConfigException(f"EmotionPolicy: {text}")
