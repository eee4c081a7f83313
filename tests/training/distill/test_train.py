"""`distill train` from recipe to checkpoint, on made-up texts and a tiny encoder."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from training.cli import main
from training.distill.dataset import Collator, LabelledTexts, vocabulary
from training.distill.model import DistillationModel
from training.distill.ranking import average_precision
from training.distill.recipe import DistillRecipe
from training.errors import UserError
from training.losses.softmax_contrastive import SoftmaxContrastiveLoss
from training.models.dual_encoder import DualEncoder
from training.readers.data_folder import CHECKOUT
from training.readers.example import Example
from training.recipe import load_recipe


def train(recipe: Path, output: Path, *changes: str) -> int:
    words = ["distill", "train", "--recipe", str(recipe), "--output", str(output)]
    words += ["--data", str(recipe.parent / "data")]
    return main([*words, *(word for change in changes for word in ("--set", change))])


def test_learns_and_saves(recipe: Path, tmp_path: Path) -> None:
    assert train(recipe, tmp_path / "run", "training.epochs=12") == 0
    notes = json.loads((tmp_path / "run/model/model.json").read_text())["notes"]
    assert notes["texts"] == 48
    assert {"joy", "gloom", "positivity", "low activation"} <= set(notes["labels"])
    assert "backbone" not in notes["recipe"]
    assert notes["held_out"]["eval_map"] > 0.8
    model = DualEncoder.load(tmp_path / "run/model")
    similarities = model.embed_texts(["i am so happy"]) @ model.embed_labels(["joy", "fear"]).T
    assert similarities[0, 0] > similarities[0, 1]
    assert list((tmp_path / "run").rglob("events.out.tfevents.*"))


def test_resuming_gives_the_weights_of_an_uninterrupted_run(recipe: Path, tmp_path: Path) -> None:
    keep_all = "training.keep_checkpoints=10"
    assert train(recipe, tmp_path / "whole", keep_all) == 0
    checkpoints = sorted(
        (tmp_path / "whole").glob("checkpoint-*"), key=lambda path: int(path.name.split("-")[1])
    )
    assert len(checkpoints) == 4
    shutil.copytree(checkpoints[1], tmp_path / "resumed" / checkpoints[1].name)
    assert train(recipe, tmp_path / "resumed", keep_all) == 0
    whole, resumed = (
        load_file(tmp_path / run / checkpoints[-1].name / "model.safetensors")
        for run in ("whole", "resumed")
    )
    assert whole.keys() == resumed.keys()
    for name, tensor in whole.items():
        assert torch.equal(tensor, resumed[name]), name


def test_the_seed_decides(recipe: Path, tmp_path: Path) -> None:
    for run, seed in (("a", 0), ("b", 0), ("c", 1)):
        assert train(recipe, tmp_path / run, f"seed={seed}", "training.epochs=1") == 0
    a, b, c = (load_file(tmp_path / run / "model/model.safetensors") for run in "abc")
    name = "text_tower.projection.weight"
    assert torch.equal(a[name], b[name])
    assert not torch.equal(a[name], c[name])


def test_frozen_embeddings_stay(recipe: Path, tmp_path: Path, tiny_backbone: str) -> None:
    changes = ["training.freeze_embeddings=true", "training.epochs=1", "loss=sigmoid"]
    changes += ["training.precision=bf16", "training.gradient_accumulation=2"]
    changes += ["model.pooling=q-former"]
    assert train(recipe, tmp_path / "run", *changes) == 0
    trained = DualEncoder.load(tmp_path / "run/model").text_tower.encoder
    plain = DualEncoder.from_backbone(tiny_backbone).text_tower.encoder
    words = "embeddings.word_embeddings.weight"
    assert torch.equal(trained.get_parameter(words), plain.get_parameter(words))
    layer = "encoder.layer.1.output.dense.weight"
    assert not torch.equal(trained.get_parameter(layer), plain.get_parameter(layer))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("training.epoch=3", "training.epoch: unknown key; known here: average, batch_size"),
        ("training.epochs=many", "training.epochs: Input should be a valid number (got 'many')"),
        ("sources=[{file: x.jsonl, txt: y}]", "sources.0.txt: unknown key; known here: config,"),
        ("sources=[{file: x.jsonl, hub: y}]", "give one of `file` (a local table) and `hub`"),
        ("sources=[{file: nowhere.jsonl}]", "nowhere.jsonl: no such file; looked for"),
        ("labels.leave_out=[bliss]", "labels.leave_out: 'bliss' is not in the data"),
        ("labels.min_count=1000", "labels.min_count: no label has 1000 texts; lower it"),
        ("labels.dimension_words=no.yaml", "no.yaml: no such file"),
        ("loss=triplet", "loss: Input should be 'sigmoid' or 'softmax'"),
        ("held_out=1.5", "held_out: Input should be less than 1"),
        ("training.epochs", "expected KEY=VALUE"),
    ],
)
def test_mistakes_stop_before_any_work(
    recipe: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    change: str,
    message: str,
) -> None:
    monkeypatch.setattr(DualEncoder, "from_backbone", lambda *_, **__: pytest.fail("worked"))
    assert train(recipe, tmp_path / "run", change) == 2
    assert message in capsys.readouterr().err
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("name", ["distill", "distill_bert", "distill_human_labels"])
def test_the_shipped_recipes_are_valid(name: str) -> None:
    recipe = load_recipe(CHECKOUT / f"config/training/{name}.yaml", DistillRecipe)
    assert recipe.held_out == 0.2
    assert recipe.model.temperature == 0.1


def test_the_ablation_differs_in_its_labels_alone() -> None:
    ours, ablation = (
        load_recipe(CHECKOUT / f"config/training/{name}.yaml", DistillRecipe).model_dump()
        for name in ("distill", "distill_human_labels")
    )
    differing = {key for key in ours if ours[key] != ablation[key]}
    assert differing == {"name", "sources", "labels"}
    assert ours["labels"] | {"min_count": 1} == ablation["labels"]


def test_vocabulary_is_ordered_by_frequency() -> None:
    examples = [Example("x", ("joy", "awe")), Example("y", ("joy",)), Example("z", ("fear", "awe"))]
    assert vocabulary(examples, 1) == ["awe", "joy", "fear"]
    assert vocabulary(examples, 2, leave_out=["joy"]) == ["awe"]
    with pytest.raises(UserError, match="leave_out"):
        vocabulary(examples, 1, ["grief"])


def test_batches(tiny_backbone: str) -> None:
    tokenizer = DualEncoder.from_backbone(tiny_backbone).tokenizer
    examples = [
        Example("so sad", ("fear", "rare")),
        Example("it", ("rare",)),
        Example("i", ("joy",)),
    ]
    texts = LabelledTexts(examples, ["joy", "fear"], tokenizer)
    assert len(texts) == 2
    batch = Collator(tokenizer, 2)([texts[0], texts[1]])
    assert batch["targets"].tolist() == [[0, 1], [1, 0]]
    assert batch["attention_mask"].tolist() == [[1, 1, 1, 1], [1, 1, 1, 0]]


def test_logit_adjustment_takes_a_labels_frequency_off_its_similarity(tiny_backbone: str) -> None:
    tokenizer = DualEncoder.from_backbone(tiny_backbone).tokenizer
    examples = [Example("i", ("joy",)), Example("am", ("joy", "fear")), Example("it", ("joy",))]
    texts = LabelledTexts(examples, ["joy", "fear"], tokenizer)
    priors = texts.log_priors(2)
    torch.testing.assert_close(priors, torch.tensor([0.75, 0.25]).log())
    model = DualEncoder.from_backbone(tiny_backbone)
    batch = Collator(tokenizer, 2)([texts[0], texts[1]])
    features = model.label_features(["joy", "fear"])
    model.align(features)
    plain, adjusted = (
        DistillationModel(model, features, SoftmaxContrastiveLoss(), biases).eval()(**batch)
        for biases in (torch.zeros(2), priors)
    )
    torch.testing.assert_close(adjusted["logits"], plain["logits"] + priors)
    torch.testing.assert_close(
        plain["logits"],
        model.embed_texts(["i", "am"]) @ model.embed_labels(["joy", "fear"]).T / 0.1,
        atol=1e-4,
        rtol=0,
    )


def test_the_frozen_label_encoder_neither_runs_nor_is_checkpointed(
    tiny_backbone: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = DualEncoder.from_backbone(tiny_backbone)
    features = model.label_features(["joy", "fear"])
    training = DistillationModel(model, features, SoftmaxContrastiveLoss(), torch.zeros(2))
    assert not any("label_tower" in name or "features" in name for name in training.state_dict())
    monkeypatch.setattr(model.label_tower.encoder, "forward", lambda **_: pytest.fail("ran"))
    texts = LabelledTexts([Example("i", ("joy",))], ["joy", "fear"], model.tokenizer)
    training(**Collator(model.tokenizer, 2)([texts[0]]))["loss"].backward()
    assert model.label_tower.projection.weight.grad is not None


def test_average_precision_against_scikit_learn() -> None:
    from sklearn.metrics import average_precision_score

    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(20, 30, generator=generator)
    targets = (torch.rand(20, 30, generator=generator) < 0.2).float()
    targets[:, 0] = 1
    expected = [average_precision_score(t, s) for t, s in zip(targets, logits)]
    torch.testing.assert_close(
        average_precision(logits, targets).tolist(), expected, atol=1e-6, rtol=0
    )
