"""`evaluate` and `baselines` end to end, on made-up benchmarks and random models."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml
from transformers import AutoTokenizer, BertConfig, BertForSequenceClassification

from tests.training.made_up_benchmarks import write_benchmarks
from training.cli import main
from training.evaluation import command
from training.evaluation.baselines.command import BaselinesRecipe
from training.evaluation.zero_shot import AXES
from training.models.dual_encoder import DualEncoder
from training.readers.benchmarks import PUBLISHED
from training.readers.data_folder import CHECKOUT
from training.recipe import load_recipe

TERMS = ["joy", "anger", "fear", "sadness", "calm", "relief", "shame", "guilt", "delight", "gloom"]


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Made-up benchmarks."""
    write_benchmarks(tmp_path / "data")
    return tmp_path / "data"


def checkpoint(folder: Path, backbone: str, name: str, dimension: int, seed: int) -> Path:
    model = DualEncoder.from_backbone(backbone, dimension=dimension)
    notes = {"recipe": {"name": name, "seed": seed}, "labels": ["positivity", *TERMS]}
    model.save(folder, notes)
    return folder


@pytest.fixture
def baselines(data: Path, tmp_path: Path, tiny_backbone: str) -> Path:
    """All baselines, by a short recipe with a random NLI model."""
    nli = tmp_path / "nli"
    config = BertConfig.from_pretrained(
        tiny_backbone,
        id2label={0: "contradiction", 1: "neutral", 2: "entailment"},
        label2id={"contradiction": 0, "neutral": 1, "entailment": 2},
    )
    BertForSequenceClassification(config).save_pretrained(nli)
    AutoTokenizer.from_pretrained(tiny_backbone).save_pretrained(nli)
    recipe = yaml.safe_load((CHECKOUT / "config/training/baselines.yaml").read_text())
    recipe["backbone"] = tiny_backbone
    recipe["entailment"]["model"] = str(nli)
    recipe["training"] |= {"epochs": 1, "batch_size": 16, "precision": "fp32"}
    path = tmp_path / "baselines.yaml"
    path.write_text(yaml.safe_dump(recipe))
    output = tmp_path / "baselines"
    words = ["baselines", "--recipe", str(path), "--data", str(data), "--output", str(output)]
    assert main(words) == 0
    return output / "baselines.json"


def test_tables_of_three_models_and_all_baselines(
    data: Path,
    baselines: Path,
    tmp_path: Path,
    tiny_backbone: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    made = [("ours", 16, 0), ("ours", 16, 1), ("ours", 8, 0), ("human labels", 16, 0)]
    words = ["evaluate", "--data", str(data), "--output", str(tmp_path / "out")]
    words += ["--baselines", str(baselines), "--backbone", tiny_backbone]
    for number, (name, dimension, seed) in enumerate(made):
        folder = checkpoint(tmp_path / str(number), tiny_backbone, name, dimension, seed)
        words += ["--checkpoint", str(folder)]
    assert main(words) == 0

    results = json.loads((tmp_path / "out/results.json").read_text())
    assert "isear/all: 140 rows read, 7,666 published" in results["differences"]
    first, second = (model["scores"]["isear"]["macro-F1"] for model in results["models"][:2])
    for model in results["models"]:
        assert set(model["scores"]) == set(PUBLISHED)
        scores = model["scores"]["semeval2018_ec"]
        each = [scores[f"F1 {label}"] for label in PUBLISHED["semeval2018_ec"].labels]
        assert scores["macro-F1"] == pytest.approx(sum(each) / 11)
    assert set(results["baselines"]) == {
        "plain",
        "definitions",
        "entailment",
        "reused_head",
        "fine_tuned",
    }
    assert "emobank" not in results["baselines"]["reused_head"]
    neighbours = results["neighbours"]["trained"]["joy"]
    assert len(neighbours) == 5
    assert "joy" not in neighbours
    assert "positivity" not in neighbours

    report = (tmp_path / "out/results.md").read_text()
    row = next(line for line in report.splitlines() if line.startswith("| ours, 2 seeds"))
    assert f"{(first + second) / 2:.3f} ±" in row
    assert "| The paper's model, 5 seeds | 0.299 | 0.480 | 0.479 | 0.613 / 0.593 |" in report
    assert "| ours, d = 8, 1 seed |" in report
    assert "| ours, d = 16, 2 seeds |" in report
    assert "| ours: human labels, 1 seed |" in report
    assert "| the paper's: Human labels | 0.475 | 0.414 | 0.509 | 0.161 |" in report
    assert (tmp_path / "out/space.png").read_bytes().startswith(b"\x89PNG")

    monkeypatch.setattr(command, "evaluate", lambda *_: pytest.fail("scored again"))
    assert main(words) == 0
    assert (tmp_path / "out/results.md").read_text() == report


def test_the_shipped_recipe_defines_every_label() -> None:
    recipe = load_recipe(CHECKOUT / "config/training/baselines.yaml", BaselinesRecipe)
    labels = {label for set_ in PUBLISHED.values() for label in set_.labels}
    poles = {pole for axis in AXES for pole in axis}
    assert set(recipe.definitions) == labels - {"valence", "activation"} | poles


def test_reused_heads_know_only_their_own_labels(baselines: Path) -> None:
    scores = json.loads(baselines.read_text())["reused_head"]["isear"]
    assert scores["F1 guilt"] == scores["F1 shame"] == 0  # no such class in GoEmotions


def test_mistakes(
    data: Path, tmp_path: Path, tiny_backbone: str, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["evaluate", "--data", str(data), "--output", str(tmp_path / "out")]
    assert main(words) == 2
    assert "give --checkpoint or --bundle" in capsys.readouterr().err
    assert main([*words, "--checkpoint", str(tmp_path)]) == 2
    assert "model.safetensors is missing" in capsys.readouterr().err
    folder = checkpoint(tmp_path / "model", tiny_backbone, "x", 8, 0)
    words += ["--checkpoint", str(folder)]
    assert main([*words, "--template", "a feeling"]) == 2
    assert "'a feeling' lacks {label}" in capsys.readouterr().err
    assert main([*words, "--baselines", "nowhere.json"]) == 2
    assert "nowhere.json: no such file" in capsys.readouterr().err
    (data / "isear/all.jsonl").unlink()
    assert main(words) == 2
    assert "isear/all.jsonl: no such file" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
