from __future__ import annotations

from emotion_component import EmotionModel
from training.card.probes import Probe, measure_probes, read_probes


def test_our_probes_are_distinct_and_their_labels_known() -> None:
    probes = read_probes()
    assert {"plain", "sarcasm", "negation", "dialects", "other languages"} < set(probes)
    known = set(EmotionModel.load().labels)
    texts = [probe["text"] for found in probes.values() for probe in found]
    assert len(set(texts)) == len(texts)
    for found in probes.values():
        assert 15 <= len(found) <= 25
        assert all(probe["labels"] and set(probe["labels"]) <= known for probe in found)


def test_a_label_is_right_or_its_group_or_nothing() -> None:
    text = "Thank you so much!"
    probes: list[Probe] = [
        {"text": text, "labels": ["joy", "gratitude"]},
        {"text": text, "labels": ["admiration"]},
        {"text": text, "labels": ["anger"]},
        {"text": text, "labels": ["neutral"]},
    ]
    measured = measure_probes(EmotionModel.load(), {"thanks": probes})["thanks"]
    assert measured["messages"] == 4
    assert measured["label"]["value"] == 0.25
    assert measured["group"]["value"] == 0.5
    assert 0 < measured["label"]["low"] < 0.25 < measured["label"]["high"] < 0.75


def test_twenty_misses_leave_room_for_a_hit() -> None:
    probes: list[Probe] = [{"text": "Thank you!", "labels": ["grief"]}] * 20
    found = measure_probes(EmotionModel.load(), {"thanks": probes})["thanks"]["label"]
    assert (found["value"], found["low"]) == (0, 0)
    assert 0.1 < found["high"] < 0.2  # Wilson: z^2 / (n + z^2)
