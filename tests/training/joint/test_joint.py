"""From one recipe to a bundle: texts of both heads, teachers, the loss, all four stages."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
import yaml
from torch import nn

from emotion_component import EmotionModel
from training.cli import main
from training.errors import UserError
from training.joint.dataset import Collator, JointTexts
from training.joint.interpolation import interpolate
from training.joint.objective import JointObjective
from training.joint.recipe import JointRecipe
from training.joint.teachers import softened
from training.joint.texts import JointText, label_texts, read_texts, without_some_contexts
from training.losses.softmax_contrastive import SoftmaxContrastiveLoss
from training.models.dual_encoder import DualEncoder
from training.models.emotion_classifier import EmotionClassifier
from training.models.joint_model import JointModel, load_classifier
from training.pillars.fitting import LABELS
from training.recipe import load_recipe


@pytest.fixture
def model(tiny_backbone: str) -> JointModel:
    torch.manual_seed(0)
    space = DualEncoder.from_backbone(tiny_backbone, dimension=16)
    return JointModel.from_dual_encoder(space, ("joy", "anger"), pooling="attention", max_length=40)


def test_a_text_of_both_lists_is_read_once_with_both_labels(recipe: Path, data: Path) -> None:
    loaded = load_recipe(recipe, JointRecipe)
    texts, development = read_texts(loaded, loaded.joint, data)
    known = [text for text in texts if text.text.startswith("joy train")]
    assert len(known) == 2
    assert all(text.terms == ("joy",) and text.emotions == {"joy": 1.0} for text in known)
    films = [text for text in texts if "happy" in text.text]
    assert len(films) == 6
    assert {(t.context, t.terms, len(t.emotions)) for t in films} == {
        ("bot: the news", ("joyful",), 0)
    }
    contrast = [text for text in texts if text.group is not None]
    assert len(contrast) == 2 * 2 * 8  # twice, two cases, a tenth for dev and a tenth held out
    assert {text.terms for text in contrast} == {("joy",), ("anger",)}
    assert len(development) == 2 * len(LABELS) + 2 + 2


def test_teachers_speak_of_texts_without_context_alone(tmp_path: Path, tiny_backbone: str) -> None:
    start = DualEncoder.from_backbone(tiny_backbone)
    classifier = EmotionClassifier.from_dual_encoder(start, ("joy", "anger"))
    with torch.no_grad():
        classifier.head.output.weight.zero_()
        classifier.head.output.bias.copy_(torch.tensor([20.0, 0.0]))
    classifier.save(tmp_path / "teacher")
    texts = [
        JointText("so", None, {"anger": 1.0}, "1"),
        JointText("so", "the news", {"anger": 1.0}, "2"),
        JointText("so", None, {}, "3"),
        JointText("so", "the news", {}, "4"),
    ]
    unknown = [np.nan, np.nan]
    targets = np.array([[0.0, 1.0], [0.0, 1.0], unknown, unknown])
    mixed = softened(targets, texts, [tmp_path / "teacher"] * 2, 0.4, bf16=False)
    np.testing.assert_allclose(mixed, [[0.4, 0.8], [0, 1], [1, 0.5], unknown], atol=1e-6)


def test_labels_stand_for_themselves_as_texts() -> None:
    texts = label_texts(["joy", "shame"], ["{label}", "i feel {label}"])
    assert [(text.text, text.terms) for text in texts] == [
        ("joy", ("joy",)),
        ("i feel joy", ("joy",)),
        ("shame", ("shame",)),
        ("i feel shame", ("shame",)),
    ]
    assert not any(text.emotions for text in texts)


def test_contrast_groups_keep_their_context() -> None:
    texts = [
        JointText("so sad", "user: the news", {"joy": 1.0}, "1", 4),
        JointText("so sad", "user: the news", {"joy": 1.0}, "2"),
    ]
    assert [text.context for text in without_some_contexts(texts, 1.0)] == ["user: the news", None]
    assert without_some_contexts(texts, 0.0) == texts


def test_the_loss_is_the_weighted_sum_of_both_heads(model: JointModel) -> None:
    texts = [
        JointText("so happy", None, {"joy": 1.0}, "1", terms=("joy",)),
        JointText("the news", None, {"anger": 1.0}, "2"),
        JointText("so sad", None, {}, "3", terms=("gloom",)),
        JointText("calm", None, {}, "4", terms=("calm", "relief")),
    ]
    terms = ["joy", "gloom", "calm", "relief"]
    targets = np.array([[1.0, 0], [0, 1], [np.nan] * 2, [np.nan] * 2])
    items = JointTexts(texts, targets, terms, model.space.tokenizer)
    batch = Collator(model.space.tokenizer, 2, 4)([items[row] for row in range(4)])
    features = model.space.label_features(terms)
    biases = items.log_priors()
    objective = JointObjective(
        model.eval(), features, nn.BCEWithLogitsLoss(), SoftmaxContrastiveLoss(), 0.5, biases
    ).eval()
    found = objective(**batch)
    logits = model.predict([text.text for text in texts])
    torch.testing.assert_close(found["logits"], logits, atol=1e-5, rtol=1e-4)
    vectors = model.space.embed_texts([text.text for text in texts])
    shares = (vectors @ model.space.embed_labels(terms).T / 0.1 + biases).log_softmax(1)
    space = -(shares[0, 0] + shares[2, 1] + shares[3, 2:].mean()) / 3
    classes = nn.functional.binary_cross_entropy_with_logits(
        logits[:2], torch.eye(2), reduction="sum"
    )
    expected = classes / 4 + 0.5 * 0.75 * space
    torch.testing.assert_close(found["loss"], expected, atol=1e-5, rtol=1e-4)


def test_a_share_of_the_start_stays(model: JointModel, tiny_backbone: str) -> None:
    start = DualEncoder.from_backbone(tiny_backbone, dimension=16)
    text = ["so happy"]
    trained, head = model.space.embed_texts(text), model.head.queries.weight.clone()
    interpolate(model.space, start, 0.0)
    torch.testing.assert_close(model.space.embed_texts(text), trained)
    before = model.space.text_tower.projection.weight.clone()
    interpolate(model.space, start, 0.25)
    expected = 0.75 * before + 0.25 * start.text_tower.projection.weight
    torch.testing.assert_close(model.space.text_tower.projection.weight, expected)
    interpolate(model.space, start, 1.0)
    torch.testing.assert_close(model.space.embed_texts(text), start.embed_texts(text))
    torch.testing.assert_close(model.head.queries.weight, head)


def test_checkpoint(model: JointModel, tmp_path: Path) -> None:
    model.save(tmp_path / "m", {"why": "test"})
    again = JointModel.load(tmp_path / "m")
    texts, contexts = ["i am happy", "so"], [None, "user: the news"]
    torch.testing.assert_close(again.predict(texts, contexts), model.predict(texts, contexts))
    model.space.save(tmp_path / "space")
    with pytest.raises(UserError, match="not of a joint model"):
        JointModel.load(tmp_path / "space")


def test_all_stages_make_a_bundle_once(
    recipe: Path, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = recipe.parent / "out"
    arguments = ["joint", "--recipe", str(recipe), "--data", str(data), "--output", str(output)]
    assert main(arguments) == 0
    bundle = EmotionModel.load(output / "bundle" / "int8")
    assert bundle.labels == LABELS
    assert bundle.manifest.space.label_template == "so {label}"
    start = DualEncoder.load(output / "space/model").text_tower.projection.weight
    joint, finish, mixed = (
        JointModel.load(output / stage / "model") for stage in ("joint", "finish", "mixed")
    )
    trained = finish.space.text_tower.projection.weight
    assert not torch.equal(joint.space.text_tower.projection.weight, trained)
    expected = 0.75 * trained + 0.25 * start
    torch.testing.assert_close(mixed.space.text_tower.projection.weight, expected)
    exact = EmotionModel.load(output / "bundle" / "float32")
    vectors = torch.from_numpy(exact.label_vectors(["shame", "guilt"]))
    expected = mixed.space.embed_labels(["shame", "guilt"])
    torch.testing.assert_close(vectors, expected, atol=1e-3, rtol=1e-3)
    notes = json.loads((output / "mixed/model/model.json").read_text(encoding="utf-8"))["notes"]
    assert "joyful" in notes["terms"]
    weights = [output / stage / "model/model.safetensors" for stage in ("joint", "finish")]
    before = [path.stat().st_mtime_ns for path in weights]
    assert main([*arguments, "--set", "mix.start_share=0"]) == 0
    assert [path.stat().st_mtime_ns for path in weights] == before
    unmixed = JointModel.load(output / "mixed/model").space.text_tower.projection.weight
    assert torch.equal(unmixed, trained)
    for change in ("joint.space_weight=0.1", "finish.space_weight=0.1"):
        assert main([*arguments, "--set", change]) == 2
        assert "holds a run of another recipe" in capsys.readouterr().err


def test_a_mistake_in_a_stages_recipe_stops_before_any_work(
    recipe: Path, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = recipe.parent / "teacher.yaml"
    path.write_text(path.read_text(encoding="utf-8") + "\nlos: bce\n", encoding="utf-8")
    output = recipe.parent / "out"
    assert main(["joint", "--recipe", str(recipe), "--data", str(data), "--output", str(output)])
    assert "los: unknown key" in capsys.readouterr().err
    assert not output.exists()


def test_a_checkpoint_takes_the_place_of_the_first_stages(
    recipe: Path, data: Path, model: JointModel, tiny_backbone: str
) -> None:
    torch.manual_seed(1)
    space = DualEncoder.from_backbone(tiny_backbone, dimension=16)
    start = recipe.parent / "start"
    begun = JointModel.from_dual_encoder(space, LABELS, pooling="attention", max_length=40)
    begun.save(start)
    content = yaml.safe_load(recipe.read_text(encoding="utf-8"))
    del content["space"], content["joint"]
    content |= {"start": str(start), "teachers": {"checkpoints": [str(start)]}}
    recipe.write_text(yaml.safe_dump(content), encoding="utf-8")
    output = recipe.parent / "out"
    assert (
        main(["joint", "--recipe", str(recipe), "--data", str(data), "--output", str(output)]) == 0
    )
    assert sorted(path.name for path in output.iterdir()) == ["bundle", "finish", "mixed"]
    finish, mixed = (JointModel.load(output / stage / "model") for stage in ("finish", "mixed"))
    trained = finish.space.text_tower.projection.weight
    assert not torch.equal(trained, space.text_tower.projection.weight)
    expected = 0.75 * trained + 0.25 * space.text_tower.projection.weight
    torch.testing.assert_close(mixed.space.text_tower.projection.weight, expected)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"start": "runs/restored"}, "give one of `start`"),
        ({"space": None}, "give one of `start`"),
        ({"joint": None, "finish": None}, "nothing to train"),
        ({"teachers": {"weight": 0.5}}, "give `recipe` and `seeds`"),
        ({"teachers": {"recipe": "teacher.yaml"}}, "give `recipe` and `seeds`"),
    ],
)
def test_recipes_that_do_not_add_up(
    recipe: Path, change: dict[str, object], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    content = yaml.safe_load(recipe.read_text(encoding="utf-8")) | change
    recipe.write_text(yaml.safe_dump(content), encoding="utf-8")
    assert main(["joint", "--recipe", str(recipe), "--data", str(recipe.parent)]) == 2
    assert message in capsys.readouterr().err


def test_a_joint_models_classifier_answers_as_it_does(model: JointModel, tmp_path: Path) -> None:
    model.save(tmp_path / "m")
    texts, contexts = ["i am happy", "so"], [None, "user: the news"]
    answers = load_classifier(tmp_path / "m").predict(texts, contexts)
    torch.testing.assert_close(answers, model.predict(texts, contexts), atol=1e-5, rtol=1e-4)
