"""The card that ships is that of the bundle that ships; `make card` renews it."""

from __future__ import annotations

from emotion_component.bundle import DEFAULT_BUNDLE, MANIFEST, file_hash
from training.readers.data_folder import CHECKOUT

CARD = CHECKOUT / "docs/model_card.md"


def test_the_card_is_of_the_bundle_in_the_package() -> None:
    text = CARD.read_text(encoding="utf-8")
    assert file_hash(DEFAULT_BUNDLE / MANIFEST) in text
    assert (DEFAULT_BUNDLE / "MODEL_CARD.md").read_text(encoding="utf-8") == text


def test_both_cards_have_their_plots() -> None:
    lines = CARD.read_text(encoding="utf-8").splitlines()
    plots = [line.rpartition("(")[2].rstrip(")") for line in lines if line.startswith("![")]
    assert len(plots) == 2
    for plot in plots:
        assert (CARD.parent / plot).read_bytes() == (DEFAULT_BUNDLE / plot).read_bytes()
