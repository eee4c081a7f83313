"""Against a real OpenAI-compatible server: `transformers serve` with a tiny random model.

Its answers are noise; every one has to be handled.
"""

from __future__ import annotations

import pytest

from tests.training.annotation.scripted import Annotation
from training.cli import main


def test_noise_is_handled(
    annotation: Annotation,
    transformers_server: tuple[str, str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    url, model = transformers_server
    monkeypatch.delenv("TEST_LLM_KEY")
    annotation.texts([f"noise {n}" for n in range(12)])
    annotation.change("llm.base_url", url)
    annotation.change("llm.model", model)
    annotation.change("llm.api_key_env", None)
    annotation.change("llm.temperature", 1.0)
    # So that most answers end by themselves before 20 tokens cut them off.
    annotation.change("llm.extra_body", {"logit_bias": {"0": 3.0}})

    assert main(annotation.command()) == 0

    described = annotation.lines("descriptors.jsonl")
    apart = annotation.lines("set_apart.jsonl")
    ids = [line["id"] for line in [*described, *apart]]
    assert sorted(ids) == sorted(f"id-noise {n}" for n in range(12))
    assert all(line["descriptors"] for line in described)
    answers = annotation.lines("answers.jsonl")[1:]
    assert all(answer["prompt_tokens"] > 0 for answer in answers)
    assert "Answered: 12 of 12 texts" in capsys.readouterr().out


def test_a_request_it_does_not_know_is_told(
    annotation: Annotation,
    transformers_server: tuple[str, str],
    capsys: pytest.CaptureFixture[str],
) -> None:
    url, model = transformers_server
    annotation.change("llm.base_url", url)
    annotation.change("llm.model", model)
    annotation.change("llm.extra_body", {"no_such_key": 1})
    assert main(annotation.command()) == 1
    assert "Failed: 10 x status 422" in capsys.readouterr().out
