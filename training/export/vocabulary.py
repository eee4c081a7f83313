"""The bundle's vocabulary: descriptors, the labels, and the poles of valence and arousal."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import nn
from tqdm import tqdm

from emotion_component.tokens import MessageTokenizer, pad
from training.readers.rows import read_rows

BATCH = 64


def frequent_descriptors(path: Path, times: int) -> list[str]:
    """Returns the descriptors that a file of `{"descriptors": [...]}` lines uses often enough.

    Args:
        path: The descriptors of a corpus.
        times: A descriptor must stand at least so often.
    """
    counts = Counter(term for row in read_rows(path) for term in row["descriptors"])
    return sorted(term for term, count in counts.items() if count >= times)


def encode_labels(
    tower: nn.Module, tokenizer: MessageTokenizer, labels: Sequence[str]
) -> npt.NDArray[np.float32]:
    """Returns the unit vectors of labels in float32, (labels, dimensions)."""
    tokens = [tokenizer.encode_label(label) for label in labels]
    vectors = []
    with torch.inference_mode():
        for start in tqdm(range(0, len(tokens), BATCH), desc="Vocabulary", unit="batch"):
            feeds = pad(tokens[start : start + BATCH])
            ids, mask = (torch.from_numpy(feeds[k]) for k in ("input_ids", "attention_mask"))
            vectors.append(tower(ids, mask).numpy())
    return np.concatenate(vectors)


def write_vocabulary(
    path: Path,
    tower: nn.Module,
    pole_tower: nn.Module,
    tokenizer: MessageTokenizer,
    terms: Sequence[str],
    poles: Sequence[str],
) -> None:
    """Writes vocabulary.npz.

    Args:
        path: The file.
        tower: What reads terms, in float32.
        pole_tower: What reads poles.
        tokenizer: The bundle's tokenizer.
        terms: Descriptors and labels.
        poles: Labels of the pleasant, unpleasant, activated and calm pole.
    """
    vectors = encode_labels(tower, tokenizer, terms).astype(np.float16)
    axes = encode_labels(pole_tower, tokenizer, poles).astype(np.float16)
    np.savez_compressed(path, terms=np.array(terms), vectors=vectors, axes=axes)
