"""A picture of the emotion space: descriptors in two dimensions, coloured by valence."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import matplotlib
from matplotlib.figure import Figure
from sklearn.manifold import TSNE

from training.evaluation.embedder import Embedder
from training.evaluation.zero_shot import AXES

NAMED = 70
"""How many terms are written beside their points."""


def draw_space(embedder: Embedder, terms: Sequence[str], path: Path) -> None:
    """Draws terms by t-SNE of their vectors' cosine distances.

    Args:
        embedder: Gives the vectors.
        terms: The most frequent first; the first 70 are named.
        path: The PNG to write.
    """
    vectors = embedder.embed_labels(terms)
    upper, lower = embedder.embed_labels(AXES[0])
    valence = vectors @ (upper - lower)
    points = TSNE(
        metric="cosine", init="random", perplexity=min(30, len(terms) / 4), random_state=0
    ).fit_transform(vectors)
    limit = abs(valence).max()
    figure = Figure(figsize=(11, 8.5), layout="constrained")
    axes = figure.add_subplot()
    dots = axes.scatter(
        points[:, 0],
        points[:, 1],
        c=valence,
        cmap=matplotlib.colormaps["RdYlGn"],
        vmin=-limit,
        vmax=limit,
        s=14,
    )
    for term, (x, y) in zip(terms[:NAMED], points, strict=False):
        axes.annotate(term, (x, y), fontsize=7, xytext=(2, 2), textcoords="offset points")
    axes.set_axis_off()
    figure.colorbar(dots, label="valence: similarity to positivity minus negativity", shrink=0.6)
    figure.savefig(path, dpi=90)
