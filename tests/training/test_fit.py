"""What every training shares: learning rates by layer, the trainer's arguments."""

from __future__ import annotations

from pathlib import Path

import pytest
from torch import nn
from transformers import AutoModel

from training.fit import FitSettings, optimizer, training_arguments


class WithHead(nn.Module):
    def __init__(self, encoder: nn.Module) -> None:
        super().__init__()
        self.encoder = encoder
        self.head = nn.Linear(32, 3)


def test_lower_layers_learn_slower_and_biases_do_not_decay(tiny_backbone: str) -> None:
    encoder = AutoModel.from_pretrained(tiny_backbone, add_pooling_layer=False)
    encoder.get_input_embeddings().requires_grad_(False)
    settings = FitSettings(
        epochs=1, learning_rate=0.1, layer_decay=0.5, head_learning_rate=0.7, weight_decay=0.02
    )
    model = WithHead(encoder)
    found = {
        id(parameter): (group["lr"], group["weight_decay"])
        for group in optimizer(model, encoder, settings).param_groups
        for parameter in group["params"]
    }
    expected = {
        "head.weight": (0.7, 0.02),
        "head.bias": (0.7, 0.0),
        "encoder.encoder.layer.1.output.dense.weight": (0.1, 0.02),
        "encoder.encoder.layer.0.output.dense.weight": (0.05, 0.02),
        "encoder.encoder.layer.0.output.LayerNorm.weight": (0.05, 0.0),
        "encoder.embeddings.position_embeddings.weight": (0.025, 0.02),
    }
    for name, rates in expected.items():
        assert found[id(model.get_parameter(name))] == pytest.approx(rates), name
    assert id(encoder.embeddings.word_embeddings.weight) not in found
    assert len(found) == sum(parameter.requires_grad for parameter in model.parameters())


def test_arguments_of_the_recipe_reach_the_trainer(tmp_path: Path) -> None:
    settings = FitSettings(
        epochs=2.5, learning_rate=0.1, batch_size=4, gradient_accumulation=3, precision="bf16"
    )
    arguments = training_arguments(settings, tmp_path, seed=7, metric="map")
    assert arguments.num_train_epochs == 2.5
    assert arguments.per_device_train_batch_size == 4
    assert arguments.gradient_accumulation_steps == 3
    assert arguments.bf16
    assert not arguments.fp16
    assert arguments.seed == 7
    assert arguments.get_warmup_steps(1000) == 100
    assert arguments.metric_for_best_model == "map"
    assert arguments.greater_is_better
