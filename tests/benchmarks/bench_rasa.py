"""The share of Rasa's message parsing that the emotion component takes, with DIET beside it.

make bench
"""

from __future__ import annotations

import asyncio
import json
import logging
import time
from pathlib import Path

import numpy as np
from rasa.core.agent import Agent
from rasa.core.channels.channel import UserMessage
from rasa.utils.log_utils import configure_structlog

from emotion_component.rasa import EmotionComponent

MODEL = "rasa_project/models/demo.tar.gz"
MESSAGES = (
    "hi there",
    "where is my order 48213?",
    "I have been waiting for three weeks and nobody answers me, this is outrageous",
    "thank you so much, you are wonderful",
)
ROUNDS = 50
WARM_UP = 5


def time_component() -> list[float]:
    """Makes the component note the seconds of each of its calls in the list returned."""
    seconds: list[float] = []
    process = EmotionComponent.process

    def timed(self, messages, tracker=None):  # noqa: ANN001, ANN202 - Rasa reads no types here
        start = time.perf_counter()
        try:
            return process(self, messages, tracker)
        finally:
            seconds.append(time.perf_counter() - start)

    EmotionComponent.process = timed
    return seconds


async def parse(agent: Agent) -> list[float]:
    """Lets the bot answer each message, and returns the seconds of parsing it again."""
    seconds = []
    for round_ in range(WARM_UP + ROUNDS):
        sender = str(round_)
        for text in MESSAGES:
            message = UserMessage(text, sender_id=sender)
            tracker = await agent.processor.fetch_tracker_and_update_session(sender)
            start = time.perf_counter()
            await agent.processor.parse_message(message, tracker)
            seconds.append(time.perf_counter() - start)
            await agent.handle_message(message)
    return seconds[WARM_UP * len(MESSAGES) :]


def main() -> None:
    """Prints the figures, and writes them to runs/bench/rasa.json."""
    configure_structlog(logging.ERROR)
    component = time_component()  # before the graph takes hold of the method
    agent = Agent.load(MODEL)
    whole = asyncio.run(parse(agent))
    # Each message is parsed twice: timed, and in handling it; the first of each pair counts.
    parts = component[::2][-len(whole) :]
    report = {
        "parse_message_ms": {q: 1000 * float(np.quantile(whole, q)) for q in (0.5, 0.95)},
        "component_ms": {q: 1000 * float(np.quantile(parts, q)) for q in (0.5, 0.95)},
        "share": sum(parts) / sum(whole),
    }
    print(json.dumps(report, indent=2))
    target = Path("runs/bench/rasa.json")
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
    print(f"Written to {target}")


if __name__ == "__main__":
    main()
