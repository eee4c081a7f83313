"""A decoder-only backbone, trained by low-rank adapters (appendix E)."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from tokenizers import Tokenizer, models, pre_tokenizers, processors
from transformers import AutoModel, LlamaConfig, LlamaModel, PreTrainedTokenizerFast

from tests.training.conftest import TEXT
from tests.training.taco.conftest import Command
from training.models.single_label_classifier import SingleLabelClassifier
from training.taco.lora import add_adapters, merge_adapters
from training.taco.recipe import LoraSettings

# peft asks for what transformers renames.
pytestmark = pytest.mark.filterwarnings("ignore:.*is_gradient_checkpointing:FutureWarning")


@pytest.fixture(scope="module")
def llama(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Folder of a random Llama, 32 wide, of two layers, without a token for padding."""
    folder = tmp_path_factory.mktemp("llama")
    vocabulary = ["<unk>", "<s>", "</s>", *TEXT.split()]
    tokenizer = Tokenizer(
        models.WordLevel({word: row for row, word in enumerate(vocabulary)}, unk_token="<unk>")
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A", pair="<s> $A <s> $B", special_tokens=[("<s>", 1)]
    )
    PreTrainedTokenizerFast(  # type: ignore[no-untyped-call]
        tokenizer_object=tokenizer, unk_token="<unk>", bos_token="<s>", eos_token="</s>"
    ).save_pretrained(folder)
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=len(vocabulary),
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=64,
        max_position_embeddings=64,
    )
    LlamaModel(config).save_pretrained(folder)
    return str(folder)


def test_a_decoder_is_trained_by_adapters(taco: Command, llama: str, tmp_path: Path) -> None:
    changes = (f"backbone={llama}", "model.lora.rank=4", "model.lora.dropout=0.0")
    changes += ("training.epochs=12",)
    assert taco("train", "--output", str(tmp_path / "run"), changes=changes) == 0
    results = json.loads((tmp_path / "run/results.json").read_text())
    assert results["backbone"]["model_type"] == "llama"
    assert results["test"]["macro-F1"] > 0.9
    trained = SingleLabelClassifier.load(tmp_path / "run/model")
    before = AutoModel.from_pretrained(llama)
    layer = "layers.1.self_attn.q_proj.weight"
    change = trained.encoder.get_parameter(layer) - before.get_parameter(layer)
    assert torch.linalg.matrix_rank(change, tol=1e-4) == 4
    words = "embed_tokens.weight"  # one more word, [EMO]
    assert torch.equal(trained.encoder.get_parameter(words)[:-1], before.get_parameter(words))
    rows = (tmp_path / "data/test.jsonl").read_text().splitlines()
    with np.load(tmp_path / "run/test.npz") as archive:
        scores = trained.predict([json.loads(row)["text"] for row in rows])[0]
        np.testing.assert_allclose(scores.numpy(), archive["scores"], atol=1e-4)


def test_only_adapters_learn_and_merging_keeps_what_they_do(llama: str) -> None:
    encoder = add_adapters(AutoModel.from_pretrained(llama), LoraSettings(rank=2))
    learning = {name for name, p in encoder.named_parameters() if p.requires_grad}
    assert learning
    assert all("lora_" in name for name in learning)
    for name, parameter in encoder.named_parameters():
        if "lora_B" in name:  # zero before training
            torch.nn.init.normal_(parameter, std=0.1)
    ids = torch.tensor([[1, 5, 6, 7]])
    with torch.no_grad():
        adapted = encoder.eval()(input_ids=ids).last_hidden_state
        merged = merge_adapters(encoder)(input_ids=ids).last_hidden_state
        plain = AutoModel.from_pretrained(llama)(input_ids=ids).last_hidden_state
    torch.testing.assert_close(merged, adapted, atol=1e-5, rtol=1e-4)
    assert not torch.allclose(plain, adapted, atol=1e-3)
