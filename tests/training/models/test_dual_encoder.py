"""The dual encoder: shapes, masking, the start, saving."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import pytest
import torch

from training.errors import UserError
from training.models.dual_encoder import DualEncoder
from training.models.pooling import MeanPooling
from training.models.q_former import QFormer

TEXTS = ["i am so happy", "sad", "the news today is so sad i hate it"]
LABELS = ["joy", "anger", "fear", "low activation"]
Pooling = Literal["mean", "q-former"]


@pytest.mark.parametrize("pooling", ["mean", "q-former"])
@pytest.mark.parametrize("dimension", [8, 32, 50])
def test_unit_vectors_of_the_asked_width(
    tiny_backbone: str, pooling: Pooling, dimension: int
) -> None:
    model = DualEncoder.from_backbone(tiny_backbone, dimension=dimension, pooling=pooling)
    model.align(model.label_features(LABELS))
    for vectors, count in ((model.embed_texts(TEXTS), 3), (model.embed_labels(LABELS), 4)):
        assert vectors.shape == (count, dimension)
        torch.testing.assert_close(vectors.norm(dim=1), torch.ones(count))


@pytest.mark.parametrize("pooling", ["mean", "q-former"])
def test_padding_does_not_change_a_vector(tiny_backbone: str, pooling: Pooling) -> None:
    model = DualEncoder.from_backbone(tiny_backbone, pooling=pooling)
    together = model.embed_texts(TEXTS)
    alone = torch.cat([model.embed_texts([text]) for text in TEXTS])
    torch.testing.assert_close(together, alone, atol=1e-5, rtol=0)
    labels = model.embed_labels(LABELS)
    torch.testing.assert_close(labels[:1], model.embed_labels(LABELS[:1]), atol=1e-5, rtol=0)


def test_q_former_reads_only_the_masked_tokens() -> None:
    torch.manual_seed(0)
    pooling = QFormer(width=16, queries=3, layers=2).eval()
    states, mask = torch.randn(2, 5, 16), torch.tensor([[1, 1, 1, 0, 0], [1, 1, 1, 1, 1]])
    changed = states.clone()
    changed[0, 3:] = 100.0
    torch.testing.assert_close(pooling(states, mask), pooling(changed, mask))
    changed[0, 2] = 100.0
    assert not torch.allclose(pooling(states, mask)[0], pooling(changed, mask)[0])


def test_mean_pooling_averages_the_masked_tokens() -> None:
    states = torch.tensor([[[1.0], [3.0], [50.0]]])
    assert MeanPooling()(states, torch.tensor([[1, 1, 0]])).item() == 2.0


def test_context_is_read_but_not_pooled(tiny_backbone: str) -> None:
    model = DualEncoder.from_backbone(tiny_backbone)
    (encoded,) = model.tokenizer.encode(["i am sad"], ["the news today"])
    tokens = [model.tokenizer.tokenizer.id_to_token(number) for number in encoded.input_ids]
    assert tokens == ["[CLS]", "the", "news", "today", "[SEP]", "i", "am", "sad", "[SEP]"]
    batch = model.tokenizer.pad([encoded])
    assert batch["pooling_mask"].tolist() == [[0] * 5 + [1] * 4]
    assert batch["token_type_ids"].tolist() == [[0] * 5 + [1] * 4]
    without = model.embed_texts(["i am sad"])
    assert not torch.allclose(without, model.embed_texts(["i am sad"], ["the news today"]))
    torch.testing.assert_close(without, model.embed_texts(["i am sad"], [None]))


def test_long_context_loses_its_oldest_tokens(tiny_backbone: str) -> None:
    model = DualEncoder.from_backbone(tiny_backbone, max_length=8)
    (encoded,) = model.tokenizer.encode(["i am sad"], ["so so so love hate"])
    tokens = [model.tokenizer.tokenizer.id_to_token(number) for number in encoded.input_ids]
    assert tokens == ["[CLS]", "love", "hate", "[SEP]", "i", "am", "sad", "[SEP]"]
    (encoded,) = model.tokenizer.encode(["i am so happy that you love it"])
    assert len(encoded) == 8


def test_starts_with_the_plain_encoders_similarities(tiny_backbone: str) -> None:
    model = DualEncoder.from_backbone(tiny_backbone)
    features = model.label_features(LABELS)
    model.align(features)
    torch.testing.assert_close(
        model.embed_labels(LABELS) @ model.embed_labels(LABELS).T,
        features @ features.T,
        atol=1e-5,
        rtol=0,
    )
    torch.testing.assert_close(
        model.embed_texts(["sad"]), model.embed_labels(["sad"]), atol=1e-5, rtol=0
    )


def test_only_the_label_projection_of_the_label_tower_learns(tiny_backbone: str) -> None:
    tower = DualEncoder.from_backbone(tiny_backbone).label_tower
    learning = {name for name, parameter in tower.named_parameters() if parameter.requires_grad}
    assert learning == {"projection.weight", "projection.bias"}


@pytest.mark.parametrize("pooling", ["mean", "q-former"])
def test_a_checkpoint_gives_the_same_vectors(
    tiny_backbone: str, tmp_path: Path, pooling: Pooling
) -> None:
    model = DualEncoder.from_backbone(tiny_backbone, dimension=20, pooling=pooling)
    model.save(tmp_path / "model", {"recipe": {"name": "x"}})
    loaded = DualEncoder.load(tmp_path / "model")
    assert torch.equal(loaded.embed_texts(TEXTS), model.embed_texts(TEXTS))
    assert torch.equal(loaded.embed_labels(LABELS), model.embed_labels(LABELS))


def test_what_cannot_be_loaded_is_said(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"model\.safetensors is missing"):
        DualEncoder.load(tmp_path)
    with pytest.raises(UserError, match="--set backbone=PATH"):
        DualEncoder.from_backbone(str(tmp_path / "nowhere"))


def test_labels_are_read_through_the_template(tiny_backbone: str, tmp_path: Path) -> None:
    plain = DualEncoder.from_backbone(tiny_backbone)
    phrased = DualEncoder.from_backbone(tiny_backbone, label_template="i hate {label}")
    torch.testing.assert_close(
        phrased.label_features(["joy", "fear"]), plain.label_features(["i hate joy", "i hate fear"])
    )
    phrased.save(tmp_path / "model")
    loaded = DualEncoder.load(tmp_path / "model")
    torch.testing.assert_close(loaded.embed_labels(["joy"]), phrased.embed_labels(["joy"]))
