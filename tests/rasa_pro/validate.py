"""Has the installed Rasa validate a graph with the component and the policy; trains nothing."""

from __future__ import annotations

from importlib.metadata import version

from rasa.engine.graph import GraphModelConfiguration
from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.engine.storage.resource import Resource
from rasa.engine.validation import validate
from rasa.shared.core.events import BotUttered, SessionStarted, UserUttered
from rasa.shared.core.trackers import DialogueStateTracker
from rasa.shared.data import TrainingType
from rasa.shared.exceptions import InvalidConfigException
from rasa.shared.nlu.training_data.message import Message

from emotion_component import EmotionModel
from emotion_component.rasa import EmotionComponent

RULE = {"emotions": ["anger"], "turns": 2, "action": "utter_handover"}
CONFIG = {
    "recipe": "default.v1",
    "language": "en",
    "assistant_id": "validation",
    "pipeline": [
        {"name": "KeywordIntentClassifier"},
        {"name": "emotion_component.rasa.EmotionComponent"},
    ],
    "policies": [
        {"name": "RulePolicy"},
        {"name": "emotion_component.rasa_policy.EmotionPolicy", "rules": [RULE]},
    ],
}


def check_graph() -> None:
    """Builds the training and the prediction graph, and validates both."""
    graph: GraphModelConfiguration = DefaultV1Recipe().graph_config_for_recipe(
        CONFIG, {}, TrainingType.BOTH
    )
    validate(graph)
    node = graph.predict_schema.nodes["run_emotion_component.rasa.EmotionComponent1"]
    assert node.needs["tracker"] == "__tracker__", node.needs


def check_message() -> None:
    """Reads a message with its tracker."""
    config = EmotionComponent.get_default_config()
    component = EmotionComponent.create(config, None, Resource("emotion"), None)
    events = [SessionStarted(), UserUttered("The vase is broken."), BotUttered("I am sorry.")]
    tracker = DialogueStateTracker.from_events("someone", events)
    message = component.process([Message({"text": "Again!"})], tracker=tracker)[0]
    context = [{"role": "user", "text": events[1].text}, {"role": "bot", "text": events[2].text}]
    assert message.get("emotion") == EmotionModel.load().predict("Again!", context).to_dict()


def check_options() -> None:
    """Sees a wrong option refused."""
    message = ""
    try:
        EmotionComponent.create({"colour": "red"}, None, Resource("emotion"), None)
    except InvalidConfigException as error:
        message = str(error)
    assert "unknown option 'colour'" in message, "an unknown option was taken"


if __name__ == "__main__":
    check_graph()
    check_message()
    check_options()
    print(f"rasa-pro {version('rasa-pro')}: graph validated, message read")  # noqa: T201
