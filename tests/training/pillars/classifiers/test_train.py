"""`pillars train` from recipe to results, on made-up dialogues and a tiny encoder."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from training.models.emotion_classifier import EmotionClassifier
from training.pillars.corpus import Collator, Corpus, TokenizedCorpus
from training.pillars.fitting import LABELS
from training.pillars.objective import ClassifierObjective
from training.pillars.parts import read_parts, to_corpus
from training.pillars.train_recipe import TrainRecipe
from training.readers.data_folder import CHECKOUT
from training.recipe import load_recipe

Command = Callable[..., int]
RecipeWriter = Callable[..., Path]

SOURCES = [
    {"kind": "contrast", "file": "contrast.jsonl", "repeat": 2},
    {"kind": "chats", "file": "chats.jsonl"},
    {"kind": "goemotions", "file": "goemotions/train.jsonl"},
]
WITH, WITHOUT = (
    f"contrast, {way} context: pairs of the same words in order" for way in ("with", "without")
)


@pytest.fixture
def recipe(write_recipe: RecipeWriter) -> Path:
    return write_recipe(sources=SOURCES, held_out=0.2, context_dropout=0.3)


def result(folder: Path) -> dict[str, Any]:
    (found,) = json.loads((folder / "results.json").read_text())
    assert isinstance(found, dict)
    return found


def test_context_is_learned(tmp_path: Path, recipe: Path, pillars: Command) -> None:
    assert pillars("train", recipe, "run", "training.epochs=12") == 0
    found = result(tmp_path / "run")
    assert found["measures"][WITH] > 0.9
    assert found["measures"][WITHOUT] == 0.5
    assert found["measures"]["goemotions, without context: best label among the gold ones"] > 0.7
    assert "goemotions, with context" not in found["scores"]
    assert found["scores"]["contrast, with context"]["f1"] > 0.8
    model = EmotionClassifier.load(tmp_path / "run/seed-0/model")
    happy, sad = model.predict(["it", "it"], ["user: i am happy", "user: i am sad"])
    joy = LABELS.index("joy")
    assert happy[joy] > sad[joy]
    assert "pairs of the same words in order" in (tmp_path / "run/results.md").read_text()


def test_without_context_nothing_is_read(tmp_path: Path, recipe: Path, pillars: Command) -> None:
    changes = "context=false", "targets=soft", "training.epochs=1"
    assert pillars("train", recipe, "run", *changes) == 0
    found = result(tmp_path / "run")
    assert set(found["scores"]) == {f"{s['kind']}, without context" for s in SOURCES}
    assert found["measures"][WITHOUT] == 0.5


def test_resuming_gives_the_weights_of_an_uninterrupted_run(
    tmp_path: Path, recipe: Path, pillars: Command
) -> None:
    changes = "training.keep_checkpoints=10", "training.average=0.9", "r_drop=0.5"
    assert pillars("train", recipe, "whole", *changes, "training.epochs=3") == 0
    checkpoints = sorted(
        (tmp_path / "whole/seed-0").glob("checkpoint-*"), key=lambda p: int(p.name.split("-")[1])
    )
    assert len(checkpoints) == 3
    shutil.copytree(checkpoints[0], tmp_path / "resumed/seed-0" / checkpoints[0].name)
    assert pillars("train", recipe, "resumed", *changes, "training.epochs=3") == 0
    whole, resumed = (
        load_file(tmp_path / run / "seed-0" / checkpoints[-1].name / "model.safetensors")
        for run in ("whole", "resumed")
    )
    assert whole.keys() == resumed.keys()
    for name, tensor in whole.items():
        assert torch.equal(tensor, resumed[name]), name


def test_parts_do_not_leak(data: Path, recipe: Path) -> None:
    parts = read_parts(load_recipe(recipe, TrainRecipe), data)
    held_out = parts.held_out["contrast"]
    assert len(held_out) == 24
    sides = [parts.train, parts.dev, held_out]
    for one, other in ((0, 1), (0, 2), (1, 2)):
        groups = [{u.group for u in sides[n]} - {None} for n in (one, other)]
        assert groups[0]
        assert not groups[0] & groups[1]
        texts = [{u.text for u in sides[n] if u.group is not None} for n in (one, other)]
        assert not texts[0] & texts[1]
    assert sum(u.group is not None for u in parts.train) == 2 * (120 - 24 - 12)
    assert all(u.group is None for u in [*parts.held_out["chats"], *parts.held_out["goemotions"]])


def test_nothing_of_a_source_is_held_out_if_it_says_so(data: Path, recipe: Path) -> None:
    loaded = load_recipe(recipe, TrainRecipe)
    dealt = read_parts(loaded, data)
    more = loaded.sources[0].model_copy(update={"hold_out": False, "repeat": 3})
    parts = read_parts(loaded.model_copy(update={"sources": [*loaded.sources, more]}), data)
    assert (parts.dev, parts.held_out) == (dealt.dev, dealt.held_out)
    assert len(parts.train) == len(dealt.train) + 3 * 120


def test_equal_utterances_of_two_groups_stay_together(data: Path, recipe: Path) -> None:
    lines = (data / "contrast.jsonl").read_text().splitlines()
    rows = [json.loads(line) for line in lines]
    for number, row in enumerate(rows):
        row["utterance"] = f"it {number // 2}"
    (data / "contrast.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    parts = read_parts(load_recipe(recipe, TrainRecipe), data)
    train, held_out = (
        {u.text for u in part if u.group is not None}
        for part in (parts.train, parts.held_out["contrast"])
    )
    assert len(held_out) == 6
    assert not train & held_out


def test_the_seed_takes_no_part_in_the_split(data: Path, recipe: Path) -> None:
    one, other = (
        read_parts(load_recipe(recipe, TrainRecipe, [f"seed={seed}"]), data) for seed in (0, 1)
    )
    assert one == other


def test_targets_by_the_recipe(data: Path, recipe: Path) -> None:
    loaded = load_recipe(recipe, TrainRecipe)
    utterances = read_parts(loaded, data).held_out["contrast"]
    soft, hard = (to_corpus(utterances, loaded, kind) for kind in ("soft", "thresholded"))
    assert set(soft.targets[soft.targets > 0]) == {0.8}
    assert ((soft.targets > 0) == (hard.targets == 1)).all()
    assert all(hard.contexts)
    alone = to_corpus(utterances, load_recipe(recipe, TrainRecipe, ["context=false"]))
    assert not any(alone.contexts)


def test_contexts_are_dropped_by_chance(data: Path, recipe: Path, tiny_backbone: str) -> None:
    from training.models.dual_encoder import DualEncoder

    tokenizer = DualEncoder.from_backbone(tiny_backbone).tokenizer
    loaded = load_recipe(recipe, TrainRecipe)
    utterances = read_parts(loaded, data).held_out["contrast"]
    torch.manual_seed(0)
    rows = TokenizedCorpus(to_corpus(utterances * 10, loaded), tokenizer, context_dropout=0.3)
    alone = [rows[number]["text"].pooled_from == 0 for number in range(len(rows))]
    assert sum(alone) / len(alone) == pytest.approx(0.3, abs=0.1)
    kept = TokenizedCorpus(to_corpus(utterances, loaded), tokenizer)
    assert all(kept[number]["text"].pooled_from > 0 for number in range(len(kept)))


def test_r_drop_compares_two_passes_in_training_alone(recipe: Path) -> None:
    from training.pillars.fitting import make_classifier

    classifier = make_classifier(load_recipe(recipe, TrainRecipe))
    corpus = Corpus(["i am so happy", "sad"], [None, None], torch.eye(28)[:2].numpy())
    items = TokenizedCorpus(corpus, classifier.tokenizer)
    batch = Collator(classifier.tokenizer)([items[0], items[1]])
    loss = torch.nn.BCEWithLogitsLoss()
    plain, dropping = (ClassifierObjective(classifier, loss, weight) for weight in (0.0, 1e6))
    assert torch.equal(dropping.eval()(**batch)["loss"], plain.eval()(**batch)["loss"])
    assert dropping.train()(**batch)["loss"] > 10 * plain.train()(**batch)["loss"]
    assert dropping(**batch)["logits"].shape == (2, 28)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("sources=[]", "sources: List should have at least 1 item"),
        ("sources=[{kind: films, file: x}]", "sources.0.kind: Input should be 'contrast', 'chats'"),
        ("sources=[{kind: chats, file: x.jsonl}]", "x.jsonl: no such file; looked for"),
        (
            "sources=[{kind: chats, fil: x}]",
            "sources.0.fil: unknown key; known here: file, hold_out",
        ),
        ("sources=[{kind: chats, file: contrast.jsonl}]", "not of the form that kind 'chats' has"),
        (
            "sources=[{kind: contrast, file: contrast.jsonl, limit: 2}]",
            "kind 'contrast' is too small",
        ),
        ("targets=hard", "targets: Input should be 'soft' or 'thresholded'"),
        ("context_dropout=2", "context_dropout: Input should be less than or equal to 1"),
        ("held_out=0", "held_out: Input should be greater than 0"),
        ("task=isear", "task: unknown key; known here: asymmetric, backbone, context"),
    ],
)
def test_mistakes_stop_before_any_work(
    tmp_path: Path,
    recipe: Path,
    pillars: Command,
    capsys: pytest.CaptureFixture[str],
    change: str,
    message: str,
) -> None:
    assert pillars("train", recipe, "run", change) == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


def test_the_shipped_recipe_reads_our_dialogues(data: Path) -> None:
    path = CHECKOUT / "config/training/pillars_context.yaml"
    shipped = load_recipe(path, TrainRecipe)
    assert [s.kind for s in shipped.sources].count("edos") == 2
    ours = [s.model_dump() for s in shipped.sources if s.kind in ("contrast", "chats")]
    recipe = load_recipe(path, TrainRecipe, [f"sources={json.dumps(ours)}"])
    parts = read_parts(recipe, data)
    assert len({u.group for u in parts.held_out["contrast"]}) == pytest.approx(89, abs=5)
    assert {e for u in parts.held_out["contrast"] for e in u.emotions} <= set(LABELS)
    assert shipped.threshold == 0.3
