from __future__ import annotations

import json
import multiprocessing
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from emotion_component import EmotionModel, InputError, Turn
from emotion_component.session import Session

WAITING = [Turn("user", "three weeks and still no parcel"), Turn("bot", "It is on its way.")]
TEXTS = [
    "thank you so much, you saved my day!",
    "ok",
    "this is the third time I ask and nobody answers, I am furious",
    "hello",
    "my grandmother died last night and I cannot stop crying",
    "what time do you open?",
]


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("thank you so much, you saved my day!", "gratitude"),
        ("I am so angry with you people, this is outrageous", "anger"),
        ("haha that is the funniest thing I have read today", "amusement"),
        ("I am really scared of what happens to my money", "fear"),
        ("I am so sorry, that was my mistake", "remorse"),
        ("I love you all", "love"),
        ("why is that? how does it work? tell me more", "curiosity"),
        ("the store is in the main street", "neutral"),
    ],
)
def test_plain_emotions_are_recognised(model: EmotionModel, text: str, label: str) -> None:
    result = model.predict(text)
    assert result.label == label
    assert label in result.labels


def test_a_result_is_whole(model: EmotionModel) -> None:
    result = model.predict("thank you, I love it", WAITING)
    assert tuple(result.scores) == model.labels
    assert len(model.labels) == 28
    assert result.score == max(result.scores.values()) == result.scores[result.label]
    assert list(result.labels.values()) == sorted(result.labels.values(), reverse=True)
    assert all(0 <= score <= 1 for score in result.scores.values())
    assert result.group == "positive"
    assert not result.truncated
    assert (result.bundle.name, result.bundle.version) == ("emotion-minilm", "0.3.0")
    assert json.loads(json.dumps(result.to_dict())) == result.to_dict()


def test_valence_and_arousal_tell_moods_apart(model: EmotionModel) -> None:
    happy = model.predict("yes!!! we won, this is amazing, I cannot believe it!")
    calm = model.predict("it was a quiet, peaceful evening")
    sad = model.predict("I feel so empty and tired, everything is pointless")
    assert happy.valence > 0 > sad.valence
    assert happy.arousal > max(calm.arousal, sad.arousal)
    assert all(-1 <= x <= 1 for r in (happy, calm, sad) for x in (r.valence, r.arousal))


def test_thresholds_decide_which_labels_are_present(model: EmotionModel) -> None:
    text = TEXTS[0]
    assert set(model.predict(text, thresholds=0.0).labels) == set(model.labels)
    assert model.predict(text, thresholds=1.01).labels == {}
    assert "gratitude" not in model.predict(text, thresholds={"gratitude": 1.01}).labels
    limits = dict(zip(model.labels, model.manifest.thresholds))
    result = model.predict(text)
    assert set(result.labels) == {k for k, v in result.scores.items() if v >= limits[k]}


def test_context_changes_the_same_words(model: EmotionModel) -> None:
    grieving = [Turn("user", "my father died on monday"), Turn("bot", "I am so sorry.")]
    waiting = [Turn("user", "three weeks late and broken!"), Turn("bot", "Did the new one come?")]
    results = [model.predict("it arrived today", c) for c in ([], grieving, waiting)]
    assert [r.label for r in results] == ["neutral", "grief", "relief"]


def test_context_turns(model: EmotionModel) -> None:
    text = "found it"
    assert model.predict(text, WAITING, context_turns=0) == model.predict(text)
    assert model.predict(text, WAITING, context_turns=1) == model.predict(text, WAITING[1:])
    default = model.manifest.window.context_turns
    assert model.predict(text, WAITING * 3) == model.predict(text, (WAITING * 3)[-default:])


def test_mappings_are_turns(model: EmotionModel) -> None:
    given = [{"role": t.role, "text": t.text} for t in WAITING]
    assert model.predict("found it", given) == model.predict("found it", WAITING)


def test_a_message_has_one_answer_alone_or_in_a_batch(model: EmotionModel) -> None:
    texts, contexts = TEXTS * 20, [WAITING, [], [], WAITING, [], []] * 20
    batch = model.predict_batch(texts, contexts)
    single = [model.predict(t, c) for t, c in zip(texts[:6], contexts)]
    for row, result in enumerate(batch):
        alone = single[row % 6]
        assert list(result.scores.values()) == pytest.approx(list(alone.scores.values()), abs=1e-3)
        assert (result.label, set(result.labels)) == (alone.label, set(alone.labels))


def test_an_empty_batch(model: EmotionModel) -> None:
    assert model.predict_batch([]) == []


@pytest.mark.parametrize("text", ["", "  \n\t "])
def test_a_message_without_words_is_neutral(model: EmotionModel, text: str) -> None:
    result = model.predict(text, WAITING)
    assert (result.label, result.score, result.group) == ("neutral", 1.0, "neutral")
    assert (result.valence, result.arousal) == (0.0, 0.0)
    ranked = model.rank(text, ["angry", "happy"])
    assert (ranked.label, ranked.labels) == (None, {})
    assert ranked.scores == {"angry": 0.0, "happy": 0.0}
    assert model.describe(text).descriptors == {}


@pytest.mark.parametrize(
    ("text", "truncated"),
    [
        ("no " * 33_334, True),
        ("x" * 100_000, True),
        ("\U0001f602\U0001f602", False),
        ("אני כל כך שמח היום", False),
        ("thanks \ud800 a lot", False),
        ("\x00\x07", False),
        ("\ufeff\u200b", False),
    ],
)
def test_odd_messages_have_an_answer(model: EmotionModel, text: str, truncated: bool) -> None:
    result = model.predict(text)
    assert result.label in model.labels
    assert np.isfinite([*result.scores.values(), result.valence, result.arousal]).all()
    assert result.truncated is truncated


def test_lone_surrogates_change_little(model: EmotionModel) -> None:
    assert model.predict("thanks \ud800 a lot").label == "gratitude"


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda m: m.predict(3), "text: expected a string, got int"),
        (lambda m: m.predict(None), "text: expected a string, got NoneType"),
        (lambda m: m.predict("a", "hi"), "context: expected a list of turns"),
        (lambda m: m.predict("a", thresholds={"joyy": 0.5}), "thresholds: unknown label 'joyy'"),
        (lambda m: m.predict("a", thresholds="high"), "thresholds: .* expected a number"),
        (lambda m: m.predict("a", context_turns=-1), "context_turns: expected 0 or more"),
        (lambda m: m.predict("a", context_turns=1.5), "context_turns: expected 0 or more"),
        (lambda m: m.predict_batch("hi"), "texts: expected a list"),
        (lambda m: m.predict_batch(["a", 3]), r"texts\[1\]: expected a string"),
        (lambda m: m.predict_batch(["a"], []), "contexts: expected 1, one a text, got 0"),
        (lambda m: m.rank("a", []), "labels: expected at least one"),
        (lambda m: m.rank("a", "joy"), "labels: expected a list"),
        (lambda m: m.rank("a", ["joy", " "]), r"labels\[1\]: is empty"),
        (lambda m: m.rank("a", ["joy", "joy"]), "labels: each label may stand only once"),
        (lambda m: m.rank("a", [3]), r"labels\[0\]: expected a string"),
        (lambda m: m.describe("a", k=0), "k: expected a positive integer"),
        (lambda m: EmotionModel.load(threads=0), "threads: expected a positive integer"),
    ],
)
def test_mistakes_name_the_argument(
    model: EmotionModel, call: Callable[[EmotionModel], object], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        call(model)


def test_rank_single_label(model: EmotionModel) -> None:
    labels = ["sad", "angry", "a happy customer"]
    result = model.rank("this is wonderful, thank you", labels, multi_label=False)
    assert result.label == "a happy customer"
    assert list(result.scores) == labels
    assert sum(result.scores.values()) == pytest.approx(1, abs=1e-3)
    assert result.labels == {"a happy customer": result.scores["a happy customer"]}


def test_rank_multi_label(model: EmotionModel) -> None:
    labels = ["joy", "relief", "disgust"]
    result = model.rank("finally it works, what a relief, I am so happy!", labels)
    assert result.label in {"joy", "relief"}
    assert {"joy", "relief"} <= set(result.labels)
    assert "disgust" not in result.labels
    everything = model.rank("hm", labels, threshold=0.0)
    assert set(everything.labels) == set(labels)


def test_labels_outside_the_vocabulary_are_encoded_once(
    bundle_copy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = EmotionModel.load(bundle_copy, threads=1)
    first = model.label_vectors(["somebody who waits for a parcel"])
    monkeypatch.delattr(Session, "run")
    again = model.label_vectors(["joy", "somebody who waits for a parcel"])
    assert np.array_equal(first[0], again[1])
    assert np.linalg.norm(again, axis=1) == pytest.approx(1, abs=1e-3)


def test_the_poles_as_labels_are_the_axes(model: EmotionModel) -> None:
    space = model.manifest.space
    vectors = model.label_vectors([*space.valence, *space.arousal])
    assert np.array_equal(vectors, model.axis_vectors)


def test_describe(model: EmotionModel) -> None:
    result = model.describe("my dog died this morning", k=8)
    assert len(result.descriptors) == 8
    assert list(result.descriptors.values()) == sorted(result.descriptors.values(), reverse=True)
    assert "grief" in result.descriptors
    axes = {*model.manifest.space.valence, *model.manifest.space.arousal}
    assert not axes & set(result.descriptors)


def test_loading_twice_opens_once(model: EmotionModel) -> None:
    assert EmotionModel.load(threads=1) is model
    assert EmotionModel.load(threads=2) is not model


def test_threads_share_a_model(model: EmotionModel) -> None:
    expected = [model.predict(t, WAITING) for t in TEXTS]
    ranked = [model.rank(t, [f"label {i}"], WAITING) for i, t in enumerate(TEXTS)]
    with ThreadPoolExecutor(8) as pool:
        for _ in range(10):
            assert list(pool.map(lambda t: model.predict(t, WAITING), TEXTS)) == expected
            futures = [
                pool.submit(model.rank, t, [f"label {i}"], WAITING) for i, t in enumerate(TEXTS)
            ]
            assert [f.result() for f in futures] == ranked


def _predict_in_child(queue: multiprocessing.Queue[dict[str, object]]) -> None:
    queue.put(EmotionModel.load(threads=2).predict(TEXTS[0]).to_dict())


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_forked_child_can_predict() -> None:
    model = EmotionModel.load(threads=2)
    expected = model.predict(TEXTS[0]).to_dict()
    context = multiprocessing.get_context("fork")
    queue = context.Queue()
    child = context.Process(target=_predict_in_child, args=(queue,))
    child.start()
    try:
        assert queue.get(timeout=60) == expected
    finally:
        child.join(10)
        child.kill()
