"""`training embed` on a made-up release with IEMOCAP's layout."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from training.cli import main
from training.models.dual_encoder import DualEncoder
from training.models.emotion_classifier import EmotionClassifier
from training.pillars.fitting import LABELS

IMPROVISED = """\
Ses01F_impro01_F000 [006.2901-008.2357]: I am so happy.
Ses01F_impro01_M000 [007.5712-010.4750]: Love it.
M: [LAUGHTER]
Ses01F_impro01_F001 [014.8872-018.0175]: I hate the news today.
Ses01F_impro01_M001 [010.0100-011.3925]: Are you angry?
"""
SCRIPTED = "Ses05M_script01_1b_MXX0 [000.5000-002.0000]: It\x92s the news.\n"


@pytest.fixture
def release(tmp_path: Path) -> Path:
    folders = [tmp_path / f"IEMOCAP/Session{n}/dialog/transcriptions" for n in (1, 5)]
    for folder in folders:
        folder.mkdir(parents=True)
    (folders[0] / "Ses01F_impro01.txt").write_text(IMPROVISED)
    (folders[0] / "._Ses01F_impro01.txt").write_bytes(b"\x00\x05\x16")  # as macOS leaves them
    (folders[1] / "Ses05M_script01_1b.txt").write_bytes(SCRIPTED.encode("cp1252", "replace"))
    return tmp_path / "IEMOCAP"


@pytest.fixture
def checkpoint(tmp_path: Path, tiny_backbone: str) -> Path:
    torch.manual_seed(0)
    start = DualEncoder.from_backbone(tiny_backbone)
    EmotionClassifier.from_dual_encoder(start, LABELS).save(tmp_path / "model")
    return tmp_path / "model"


def embed(checkpoint: Path, release: Path, *words: str) -> int:
    command = ["embed", "--checkpoint", str(checkpoint), "--iemocap", str(release)]
    return main([*command, "--output", str(release.parent / "out.npz"), *words])


def test_an_array_for_each_utterance(checkpoint: Path, release: Path) -> None:
    assert embed(checkpoint, release) == 0
    arrays = np.load(release.parent / "out.npz")
    assert set(arrays) == {
        *("Ses01F_impro01_F000", "Ses01F_impro01_M000", "Ses01F_impro01_F001"),
        *("Ses01F_impro01_M001", "Ses05M_script01_1b_MXX0"),
    }
    model = EmotionClassifier.load(checkpoint)
    _, expected = model.embed(["Love it."])
    assert arrays["Ses01F_impro01_M000"].dtype == np.float32
    np.testing.assert_allclose(arrays["Ses01F_impro01_M000"], expected[0], atol=1e-5)


def test_earlier_turns_by_time_and_speaker(checkpoint: Path, release: Path) -> None:
    assert embed(checkpoint, release, "--context-turns", "2", "--probabilities") == 0
    arrays = np.load(release.parent / "out.npz")
    model = EmotionClassifier.load(checkpoint)
    logits, vectors = model.embed(
        ["I hate the news today.", "I am so happy."],
        ["bot: Love it. bot: Are you angry?", None],
    )
    expected = torch.cat([vectors, logits.sigmoid()], dim=1)
    for row, name in enumerate(("Ses01F_impro01_F001", "Ses01F_impro01_F000")):
        assert arrays[name].shape == (32 + 28,)
        np.testing.assert_allclose(arrays[name], expected[row], atol=1e-5)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--context-turns", "-1"], "--context-turns: -1: give 0 or more"),
        (["--iemocap", "/nowhere"], "give the folder of the IEMOCAP release"),
        (["--checkpoint", "/nowhere"], "no checkpoint"),
        (["--output", "x.csv"], "give a name that ends in .npz"),
    ],
)
def test_mistakes(
    checkpoint: Path,
    release: Path,
    capsys: pytest.CaptureFixture[str],
    words: list[str],
    message: str,
) -> None:
    assert embed(checkpoint, release, *words) == 2
    assert message in capsys.readouterr().err


def test_a_transcript_without_utterances_is_told(
    checkpoint: Path, release: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (release / "Session1/dialog/transcriptions/Ses01F_impro02.txt").write_text("M: [LAUGHTER]\n")
    assert embed(checkpoint, release) == 2
    assert "Ses01F_impro02.txt: no line like" in capsys.readouterr().err
