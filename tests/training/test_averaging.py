"""The moving average of the weights in a real trainer: what is saved, and resuming."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor, nn
from transformers import Trainer, TrainerCallback, TrainingArguments, set_seed

from training.averaging import RAW_WEIGHTS, WeightAverage

STEPS_OF_AN_EPOCH = 4


class Line(nn.Module):
    """Fits a line; its bias is frozen."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(3))
        self.bias = nn.Parameter(torch.ones(1), requires_grad=False)

    def forward(self, inputs: Tensor, targets: Tensor) -> dict[str, Tensor]:
        logits = inputs @ self.weight + self.bias
        return {"loss": ((logits - targets) ** 2).mean(), "logits": logits}


class Recorder(TrainerCallback):
    """Notes the weights after each step and at each evaluation."""

    def __init__(self) -> None:
        self.steps: list[Tensor] = []
        self.evaluated: list[Tensor] = []

    def on_step_end(self, *_: Any, model: Line, **__: Any) -> None:
        self.steps.append(model.weight.detach().clone())

    def on_evaluate(self, *_: Any, model: Line, **__: Any) -> None:
        self.evaluated.append(model.weight.detach().clone())


def rows() -> list[dict[str, Tensor]]:
    generator = torch.Generator().manual_seed(0)
    inputs = torch.randn(4 * STEPS_OF_AN_EPOCH, 3, generator=generator)
    targets = inputs @ torch.tensor([1.0, -2.0, 0.5])
    return [{"inputs": x, "targets": y} for x, y in zip(inputs, targets)]


def fit(output: Path, decay: float, resume: bool = False) -> tuple[Trainer, Recorder]:
    set_seed(0)
    recorder = Recorder()
    arguments = TrainingArguments(
        output_dir=str(output),
        num_train_epochs=3,
        per_device_train_batch_size=4,
        learning_rate=0.1,
        eval_strategy="epoch",
        save_strategy="epoch",
        load_best_model_at_end=True,
        metric_for_best_model="loss",
        remove_unused_columns=False,
        label_names=["targets"],
        report_to=[],
        use_cpu=True,
        dataloader_pin_memory=False,
    )
    trainer = Trainer(
        model=Line(),
        args=arguments,
        train_dataset=rows(),
        eval_dataset=rows(),
        callbacks=[WeightAverage(decay), recorder],
    )
    trainer.train(resume_from_checkpoint=resume)
    return trainer, recorder


def moving_average(steps: list[Tensor], decay: float) -> list[Tensor]:
    average, averages = torch.zeros(3), []
    for number, weights in enumerate(steps, 1):
        share = min(decay, (1 + number) / (10 + number))
        average = share * average + (1 - share) * weights
        averages.append(average)
    return averages


def test_averages_are_evaluated_saved_and_returned(tmp_path: Path) -> None:
    trainer, recorder = fit(tmp_path, decay=0.5)
    expected = moving_average(recorder.steps, 0.5)[STEPS_OF_AN_EPOCH - 1 :: STEPS_OF_AN_EPOCH]
    raw = recorder.steps[STEPS_OF_AN_EPOCH - 1 :: STEPS_OF_AN_EPOCH]
    assert len(recorder.evaluated) == 3
    for epoch in range(3):
        torch.testing.assert_close(recorder.evaluated[epoch], expected[epoch])
        folder = tmp_path / f"checkpoint-{(epoch + 1) * STEPS_OF_AN_EPOCH}"
        saved = load_file(folder / "model.safetensors")["weight"]
        torch.testing.assert_close(saved, expected[epoch])
        kept = load_file(folder / RAW_WEIGHTS)
        assert set(kept) == {"weight"}
        assert torch.equal(kept["weight"], raw[epoch])
        assert not torch.allclose(saved, raw[epoch], atol=1e-3)
    assert trainer.state.best_model_checkpoint is not None
    chosen = load_file(Path(trainer.state.best_model_checkpoint) / "model.safetensors")["weight"]
    assert torch.equal(trainer.model.weight, chosen)


def test_resuming_gives_the_weights_of_an_uninterrupted_run(tmp_path: Path) -> None:
    fit(tmp_path / "whole", decay=0.9)
    first = f"checkpoint-{STEPS_OF_AN_EPOCH}"
    shutil.copytree(tmp_path / "whole" / first, tmp_path / "resumed" / first)
    fit(tmp_path / "resumed", decay=0.9, resume=True)
    last = f"checkpoint-{3 * STEPS_OF_AN_EPOCH}"
    for name in ("model.safetensors", RAW_WEIGHTS):
        whole, resumed = (
            load_file(tmp_path / run / last / name)["weight"] for run in ("whole", "resumed")
        )
        assert torch.equal(whole, resumed), name


def test_the_first_steps_forget_the_start(tmp_path: Path) -> None:
    _, recorder = fit(tmp_path, decay=0.9999)
    distance = (recorder.evaluated[-1] - recorder.steps[-1]).norm() / recorder.steps[-1].norm()
    assert distance < 0.5  # by a plain decay of .9999 it would be about 1
    assert recorder.evaluated[-1].norm() == pytest.approx(
        moving_average(recorder.steps, 0.9999)[-1].norm().item(), rel=1e-5
    )
