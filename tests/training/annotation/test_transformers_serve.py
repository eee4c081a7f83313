"""Against a real OpenAI-compatible server: `transformers serve` with a tiny random model.

Its answers are noise; every one has to be handled.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from tokenizers import Tokenizer
from tokenizers.decoders import ByteLevel as ByteLevelDecoder
from tokenizers.models import BPE
from tokenizers.pre_tokenizers import ByteLevel
from tokenizers.trainers import BpeTrainer
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from tests.training.annotation.scripted import Annotation
from training.cli import main

TEMPLATE = "{% for m in messages %}{{ m['role'] + ': ' + m['content'] + '\n' }}{% endfor %}"


def save_tiny_model(folder: Path) -> None:
    tokenizer = Tokenizer(BPE())
    tokenizer.pre_tokenizer = ByteLevel()
    tokenizer.decoder = ByteLevelDecoder()
    words = ["joy, relief, sorrow, quiet anger, neutral; I'm sorry. "] * 50
    trainer = BpeTrainer(
        vocab_size=300, initial_alphabet=ByteLevel.alphabet(), special_tokens=["<end>"]
    )
    tokenizer.train_from_iterator(words, trainer)
    fast = PreTrainedTokenizerFast(  # type: ignore[no-untyped-call]
        tokenizer_object=tokenizer, eos_token="<end>", pad_token="<end>"
    )
    fast.chat_template = TEMPLATE
    fast.save_pretrained(folder)
    config = LlamaConfig(
        vocab_size=len(fast),
        hidden_size=16,
        intermediate_size=32,
        num_hidden_layers=1,
        num_attention_heads=2,
        max_position_embeddings=512,
        eos_token_id=0,
        pad_token_id=0,
    )
    model = LlamaForCausalLM(config)
    model.generation_config.do_sample = True
    model.save_pretrained(folder)


@pytest.fixture(scope="module")
def transformers_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    """The server's base URL and the model's name."""
    folder = tmp_path_factory.mktemp("tiny-model")
    save_tiny_model(folder)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    log = folder.with_suffix(".log")
    with log.open("w") as output:
        process = subprocess.Popen(
            [
                *(sys.executable, "-m", "transformers.cli.transformers", "serve", str(folder)),
                *("--host", "127.0.0.1", "--port", str(port), "--device", "cpu"),
            ],
            env={**os.environ, "HF_HUB_OFFLINE": "1"},
            stdout=output,
            stderr=output,
        )
    try:
        while not healthy(f"http://127.0.0.1:{port}/health"):
            assert process.poll() is None, log.read_text()
        yield f"http://127.0.0.1:{port}/v1", str(folder)
    finally:
        process.terminate()
        process.wait()


def healthy(url: str) -> bool:
    try:
        return httpx.get(url).is_success
    except httpx.TransportError:
        return False


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
