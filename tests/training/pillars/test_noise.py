"""Against a real OpenAI-compatible server whose model is random: every answer is handled."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.training.pillars.playing import NARRATIVES, Synthesis
from training.cli import main
from training.llm.journal import Record
from training.llm.settings import Prompt
from training.pillars.files import read_lines, write_lines
from training.pillars.recipe import STEPS, PillarsRecipe
from training.pillars.step import Material, Step, StepSettings, run_step
from training.pillars.taxonomy import load_taxonomy
from training.recipe import load_recipe

EXAMPLE: Record = {
    "narrative": "plot0",
    "actor": "Ida",
    "role": "the baker",
    "text": "They came!",
    "emotion": "joy",
    "labels": {"joy": 0.9},
    "context": "Ida stands in the bakery.",
}


@pytest.fixture
def noisy(synthesis: Synthesis, transformers_server: tuple[str, str]) -> Synthesis:
    url, model = transformers_server
    # So that most answers end by themselves before the limit cuts them off.
    body = {"logit_bias": {"0": 3.0}}
    changes = {"base_url": url, "model": model, "temperature": 1.0, "extra_body": body}
    synthesis.content["llm"] |= {**changes, "max_tokens": 20}
    synthesis.write()
    return synthesis


@pytest.mark.parametrize("step", STEPS, ids=lambda step: step.name)
def test_every_step_handles_noise(step: Step, noisy: Synthesis) -> None:
    recipe = load_recipe(noisy.recipe, PillarsRecipe)
    taxonomy = load_taxonomy(recipe.emotions, recipe.label_mapping)
    ids = [f"plot{n}" for n in range(6)]
    material = Material({id_: f"Ida bakes on day {id_}." for id_ in ids}, taxonomy)
    source = noisy.folder / "source.jsonl"
    write_lines(source, ({**EXAMPLE, "id": id_} for id_ in ids))
    names = " ".join(f"{{{name}}}" for name in step.placeholders - {"definitions"})
    settings = StepSettings(prompt=Prompt(user=names), max_tokens=20)

    outcome = run_step(step, source, noisy.output, settings, recipe.llm, material)

    ends = {id_: 0 for id_ in ids}
    for name in (f"{step.name}.jsonl", f"rejected/{step.name}.jsonl"):
        for line in read_lines(noisy.output / name):
            ends[str(Path(line["id"]).parts[0])] += 1
    assert all(ends.values())  # kept or rejected, none lost
    assert outcome.answered == outcome.asked == len(ids)
    assert outcome.prompt_tokens > 0


def test_the_whole_synthesis_ends_well(noisy: Synthesis) -> None:
    assert main(noisy.command("synthesize")) == 0
    summary = noisy.summary()
    assert summary["steps"]["actors"]["answered"] == NARRATIVES
    assert summary["examples"] == len(noisy.lines("corpus.jsonl"))
