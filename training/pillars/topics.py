"""Topics: communities of a graph of similar texts, found by modularity (section 7)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import networkx as nx
import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer

from training.pillars.embedding import Vectors


@dataclass(frozen=True)
class Topic:
    """A cluster of texts.

    Attributes:
        texts: How many.
        terms: What it is about: the terms that tell it from the other topics.
    """

    texts: int
    terms: list[str]


@dataclass(frozen=True)
class Topics:
    """All clusters.

    Attributes:
        modularity: Of the partition: 0 for a random one, towards 1 for clear clusters.
        topics: The clusters of more than one text, the largest first.
        single: Texts that are like no other.
    """

    modularity: float
    topics: list[Topic]
    single: int


def find_topics(
    texts: Sequence[str],
    vectors: Vectors,
    neighbours: int,
    threshold: float,
    terms: int,
    seed: int,
) -> Topics:
    """Links every text to its neighbours and finds communities by Louvain's method.

    Args:
        texts: The texts.
        vectors: Their unit vectors.
        neighbours: Links of a text to those nearest to it.
        threshold: The least cosine of a link.
        terms: Terms that describe a topic.
        seed: Of Louvain's order of nodes.

    Returns:
        The topics.
    """
    graph = _graph(vectors, neighbours, threshold)
    if not graph.number_of_edges():
        return Topics(0.0, [], len(texts))
    communities = sorted(nx.community.louvain_communities(graph, seed=seed), key=len, reverse=True)
    clusters = [sorted(community) for community in communities if len(community) > 1]
    described = _terms([" ".join(texts[row] for row in rows) for rows in clusters], terms)
    return Topics(
        modularity=float(nx.community.modularity(graph, communities)),
        topics=[Topic(len(r), words) for r, words in zip(clusters, described, strict=True)],
        single=len(texts) - sum(map(len, clusters)),
    )


def _graph(vectors: Vectors, neighbours: int, threshold: float) -> nx.Graph:
    cosines = vectors @ vectors.T
    np.fill_diagonal(cosines, -np.inf)
    graph = nx.Graph()
    graph.add_nodes_from(range(len(vectors)))
    for row, near in enumerate(np.argsort(-cosines, axis=1)[:, :neighbours].tolist()):
        for other in near:
            # Louvain takes no negative weights.
            if other != row and cosines[row, other] >= max(threshold, 1e-6):
                graph.add_edge(row, other, weight=float(cosines[row, other]))
    return graph


def _terms(documents: Sequence[str], count: int) -> list[list[str]]:
    vectorizer = TfidfVectorizer(stop_words="english", token_pattern=r"(?u)\b[^\W\d_]{3,}\b")
    try:
        weights = vectorizer.fit_transform(documents).toarray()
    except ValueError:  # stop words alone
        return [[] for _ in documents]
    names = vectorizer.get_feature_names_out()
    return [[str(names[i]) for i in np.argsort(-row)[:count] if row[i] > 0] for row in weights]
