"""The models under evaluation: checkpoints, grouped into runs that differ by their seed alone."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from emotion_component.bundle import MANIFEST, VOCABULARY
from training.evaluation.embedder import BundleEmbedder, CheckpointEmbedder, Embedder
from training.models.checkpoint import CONFIG, WEIGHTS
from training.models.dual_encoder import DualEncoder


@dataclass(frozen=True)
class Candidate:
    """One model.

    Attributes:
        path: Its folder.
        name: Of its recipe, or of its bundle.
        dimension: Width of its emotion space; None if not known before it is opened.
        seed: Of its training; None if not known.
        terms: Descriptors that it was trained on, the most frequent first.
    """

    path: Path
    name: str
    dimension: int | None
    seed: int | None
    terms: tuple[str, ...]

    @property
    def fingerprint(self) -> str:
        """SHA-256 of its weights (of its manifest, which holds the hashes, for a bundle)."""
        weights = self.path / WEIGHTS
        with (weights if weights.is_file() else self.path / MANIFEST).open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()

    def open(self, bf16: bool = False) -> Embedder:
        """Loads the model; `bf16` has a checkpoint embed texts in mixed precision."""
        if (self.path / CONFIG).is_file():
            return CheckpointEmbedder(DualEncoder.load(self.path), bf16)
        return BundleEmbedder(self.path)


def read_checkpoint(folder: Path) -> Candidate:
    """Describes a checkpoint of `distill train`.

    Raises:
        UserError: If the folder is no checkpoint.
    """
    config = DualEncoder.read_config(folder)
    notes = config["notes"]
    recipe = notes["recipe"]
    return Candidate(
        folder, recipe["name"], config["dimension"], recipe["seed"], tuple(notes["labels"])
    )


def read_bundle(folder: Path) -> Candidate:
    """Describes a bundle."""
    manifest = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    with np.load(folder / VOCABULARY, allow_pickle=False) as archive:
        terms, vectors = archive["terms"].tolist(), archive["vectors"]
    return Candidate(folder, manifest["name"], vectors.shape[1], None, tuple(terms))


def by_seed(candidates: Iterable[Candidate]) -> dict[tuple[str, int | None], list[Candidate]]:
    """Groups candidates of the same name and dimension, in order of appearance."""
    groups: dict[tuple[str, int | None], list[Candidate]] = {}
    for candidate in candidates:
        groups.setdefault((candidate.name, candidate.dimension), []).append(candidate)
    return groups
