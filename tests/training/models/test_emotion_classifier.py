"""The classifier: its heads, what it pools, its checkpoints."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from training.errors import UserError
from training.models.backbone import token_states
from training.models.dual_encoder import DualEncoder
from training.models.emotion_classifier import EmotionClassifier
from training.models.label_attention import LabelAttention
from training.models.linear_head import LinearHead

LABELS = ("joy", "fear", "calm")


def classifier(backbone: str, **settings: object) -> EmotionClassifier:
    torch.manual_seed(0)
    start = DualEncoder.from_backbone(backbone)
    return EmotionClassifier.from_dual_encoder(start, LABELS, **settings).eval()  # type: ignore[arg-type]


def random_states() -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    states = torch.randn(2, 4, 6, generator=generator)
    return states, torch.tensor([[0, 1, 1, 0], [1, 1, 1, 1]])


@torch.no_grad()
def test_label_attention_against_loops() -> None:
    states, mask = random_states()
    head = LabelAttention(6, 3)
    torch.nn.init.normal_(head.queries.weight)
    logits = head(states, mask)
    for text in range(2):
        tokens = [t for t in range(4) if mask[text, t]]
        for label in range(3):
            query = head.queries.weight[label]
            relevance = [float(states[text, t] @ query) / math.sqrt(6) for t in tokens]
            total = sum(math.exp(r) for r in relevance)
            pooled = sum(math.exp(r) / total * states[text, t] for r, t in zip(relevance, tokens))
            assert isinstance(pooled, torch.Tensor)
            expected = pooled @ head.output.weight[label] + head.output.bias[label]
            assert logits[text, label].item() == pytest.approx(expected.item(), abs=1e-5)


def test_label_attention_starts_as_mean_pooling() -> None:
    states, mask = random_states()
    attention, linear = LabelAttention(6, 3), LinearHead(6, 3)
    linear.output.load_state_dict(attention.output.state_dict())
    torch.testing.assert_close(attention(states, mask), linear(states, mask))


@pytest.mark.parametrize("pooling", ["mean", "attention"])
def test_only_the_utterance_is_pooled(tiny_backbone: str, pooling: str) -> None:
    model = classifier(tiny_backbone, pooling=pooling)
    batch = model.tokenizer.pad(model.tokenizer.encode(["so happy"], ["the news today"]))
    whole = model(**batch)
    del batch["pooling_mask"]
    states = token_states(model.encoder, **batch)
    own = states[:, 5:8]  # [CLS] the news today [SEP] so happy [SEP]
    torch.testing.assert_close(model.head(own, torch.ones(1, 3)), whole)


def test_context_and_token_types_change_the_answer(tiny_backbone: str) -> None:
    model = classifier(tiny_backbone)
    plain = classifier(tiny_backbone, token_types=False)
    plain.load_state_dict(model.state_dict())
    arguments = ["so happy"], ["the news today"]
    assert not torch.allclose(model.predict(*arguments), model.predict(["so happy"]))
    assert not torch.allclose(model.predict(*arguments), plain.predict(*arguments))
    torch.testing.assert_close(model.predict(["so happy"]), plain.predict(["so happy"]))


def test_predictions_keep_the_order(tiny_backbone: str) -> None:
    model = classifier(tiny_backbone)
    texts = ["the news", "i am so happy that you hate it", "love", "so sad"]
    contexts = [None, "fear", "the the the", None]
    logits, embeddings = model.embed(texts, contexts, batch_size=2)
    assert embeddings.shape == (4, 32)
    for row, (text, context) in enumerate(zip(texts, contexts)):
        alone, vector = model.embed([text], [context])
        torch.testing.assert_close(alone[0], logits[row], atol=1e-5, rtol=0)
        torch.testing.assert_close(vector[0], embeddings[row], atol=1e-5, rtol=0)


@pytest.mark.parametrize("pooling", ["mean", "attention"])
def test_a_checkpoint_is_read_as_it_was(tiny_backbone: str, tmp_path: Path, pooling: str) -> None:
    model = classifier(tiny_backbone, pooling=pooling, max_length=20, token_types=False)
    model.save(tmp_path, {"recipe": {"name": "x"}})
    loaded = EmotionClassifier.load(tmp_path)
    assert replace(loaded.config, backbone={}) == replace(model.config, backbone={})
    assert not loaded.tokenizer.token_types
    texts, contexts = ["i am so sad"], ["the news"]
    assert torch.equal(loaded.predict(texts, contexts), model.predict(texts, contexts))


def test_other_checkpoints_are_refused(tiny_backbone: str, tmp_path: Path) -> None:
    DualEncoder.from_backbone(tiny_backbone).save(tmp_path / "dual")
    classifier(tiny_backbone).save(tmp_path / "classifier")
    with pytest.raises(UserError, match="not of a classifier"):
        EmotionClassifier.load(tmp_path / "dual")
    with pytest.raises(UserError, match="not of a dual encoder"):
        DualEncoder.load(tmp_path / "classifier")
    with pytest.raises(UserError, match=r"model\.safetensors is missing"):
        EmotionClassifier.load(tmp_path)
