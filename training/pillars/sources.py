"""The corpora that context-aware classifiers are trained on, read into one form."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import PositiveInt

from training.errors import UserError
from training.pillars.fitting import LABELS
from training.pillars.taxonomy import Taxonomy, load_taxonomy
from training.readers.data_folder import CHECKOUT, find_file
from training.readers.dialogues import read_chats, read_contrast
from training.readers.rows import read_rows
from training.readers.turns import alternate, join_turns
from training.recipe import Recipe

EDOS_LABELS = CHECKOUT / "config/training/edos_labels.yaml"
DEFINITIONS = CHECKOUT / "config/labels/goemotions.yaml"


class CorpusSource(Recipe):
    """A corpus; one of the key `sources:`.

    Attributes:
        kind: "contrast" or "chats" (training/data/dialogues), "edos", "goemotions", or
            "synthesised" (what `pillars synthesize` writes).
        file: Relative to the data folder or the checkout.
        utterance: Of a synthesised corpus: the "original" utterances, the "rewritten", or "both".
        limit: Take so many units (conversations, groups, narratives, texts), by chance; null for
            all.
        repeat: How often its training part is read in an epoch.
        hold_out: Whether parts of it are kept to choose by and to report on; if not, all of it is
            trained on.
    """

    kind: Literal["contrast", "chats", "edos", "goemotions", "synthesised"]
    file: str
    utterance: Literal["original", "rewritten", "both"] = "both"
    limit: PositiveInt | None = None
    repeat: PositiveInt = 1
    hold_out: bool = True


@dataclass(frozen=True)
class Utterance:
    """One labelled utterance.

    Attributes:
        text: What was said.
        context: What was said (or had happened) before it, if anything.
        emotions: Label to expressiveness in (0, 1].
        unit: What must not be torn apart, such as a conversation or a narrative; one kind of
            corpus gives no two of them the same name.
        group: Number of the contrast group; None elsewhere.
    """

    text: str
    context: str | None
    emotions: dict[str, float]
    unit: str
    group: int | None = None


def read_corpus(source: CorpusSource, data: Path | None) -> list[Utterance]:
    """Reads a corpus.

    Args:
        source: What the recipe says.
        data: The data folder, if there is one.

    Raises:
        UserError: If the file is missing, of another form, or has an unknown emotion.
    """
    path = find_file(source.file, data)
    try:
        utterances = READERS[source.kind](path, source)
    except (KeyError, TypeError, AttributeError) as error:
        raise UserError(
            f"{path}: not of the form that kind {source.kind!r} has ({error!r}); "
            "see training/README.md"
        ) from None
    if not utterances:
        raise UserError(f"{path}: no utterance of kind {source.kind!r}")
    unknown = Counter(e for u in utterances for e in u.emotions if e not in LABELS)
    if unknown:
        raise UserError(f"{path}: unknown emotion {next(iter(unknown))!r}; see GoEmotions' 28")
    return utterances if source.limit is None else _limited(utterances, source.limit)


def _limited(utterances: list[Utterance], limit: int) -> list[Utterance]:
    units = sorted({utterance.unit for utterance in utterances})
    random.Random(0).shuffle(units)
    kept = set(units[:limit])
    return [utterance for utterance in utterances if utterance.unit in kept]


def _contrast(path: Path, source: CorpusSource) -> list[Utterance]:
    return [
        Utterance(c.text, join_turns(c.context), c.emotions, str(c.row), c.group)
        for c in read_contrast(path)
    ]


def _chats(path: Path, source: CorpusSource) -> list[Utterance]:
    return [
        Utterance(c.text, join_turns(c.context), c.emotions, str(c.row)) for c in read_chats(path)
    ]


def _edos(path: Path, source: CorpusSource) -> list[Utterance]:
    taxonomy = load_taxonomy(DEFINITIONS, EDOS_LABELS)
    utterances = []
    for row in read_rows(path):
        emotions = edos_emotions(row.get("votes") or [row["label"]], taxonomy)
        if emotions:
            *before, text = row["turns"]
            utterances.append(
                Utterance(text, join_turns(alternate(before)), emotions, row["dialogue_id"])
            )
    return utterances


def edos_emotions(votes: list[str], taxonomy: Taxonomy) -> dict[str, float]:
    """Returns each emotion's share of the votes; votes for what has no emotion count for none."""
    found = [taxonomy.resolve(vote.split("(")[0]) for vote in votes]
    counts = Counter(emotion for emotion in found if emotion)
    return {emotion: count / len(votes) for emotion, count in counts.items()}


def _goemotions(path: Path, source: CorpusSource) -> list[Utterance]:
    return [
        Utterance(row["text"], None, dict.fromkeys(row["labels"], 1.0), row["text"])
        for row in read_rows(path)
    ]


def _synthesised(path: Path, source: CorpusSource) -> list[Utterance]:
    """An utterance that was not rewritten (a step rejected it) has no context either."""
    fields = {"original": ["text"], "rewritten": ["rewritten"], "both": ["text", "rewritten"]}
    return [
        Utterance(row[field], row.get("context"), row["labels"], row["narrative"])
        for row in read_rows(path)
        for field in fields[source.utterance]
        if field in row
    ]


READERS: dict[str, Callable[[Path, CorpusSource], list[Utterance]]] = {
    "contrast": _contrast,
    "chats": _chats,
    "edos": _edos,
    "goemotions": _goemotions,
    "synthesised": _synthesised,
}
