"""The narratives that actors are taken from: a folder of text files, or JSON Lines."""

from __future__ import annotations

from pathlib import Path

from pydantic import PositiveInt

from training.distill.texts import RecipePath, TextFile, read_texts
from training.errors import UserError
from training.recipe import Recipe


class Narratives(Recipe):
    """Where the narratives lie.

    Attributes:
        path: A folder of ``.txt`` files (sub-folders too), one such file, or JSON Lines
            (gzipped if the name ends in ``.gz``).
        id_field: For JSON Lines, the field of the narrative's id.
        text_field: For JSON Lines, the field of its text.
        limit: Take the first so many only, for a trial; null for all.
        most_words: Leave longer ones out, which the model could not take in; null for none.
    """

    path: RecipePath
    id_field: str = "id"
    text_field: str = "text"
    limit: PositiveInt | None = None
    most_words: PositiveInt | None = None


def read_narratives(settings: Narratives) -> dict[str, str]:
    """Reads the narratives; equal texts are taken once, since splits are made by narrative.

    Args:
        settings: Where they lie.

    Returns:
        The texts by their ids; a text file's id is its path in the folder.

    Raises:
        UserError: If there are none, or JSON Lines are ill-formed.
    """
    if settings.path.is_dir() or settings.path.suffix == ".txt":
        texts = _text_files(settings.path)
    else:
        texts = read_texts(
            TextFile(path=settings.path, id_field=settings.id_field, text_field=settings.text_field)
        )
    distinct = {text: id_ for id_, text in reversed(texts.items())}
    kept = {
        id_: text
        for id_, text in texts.items()
        if distinct[text] == id_ and len(text.split()) <= (settings.most_words or float("inf"))
    }
    if not kept:
        raise UserError(f"narratives.path: no narratives in {settings.path}")
    return dict(list(kept.items())[: settings.limit])


def _text_files(path: Path) -> dict[str, str]:
    if path.is_file():
        return {path.stem: path.read_text(encoding="utf-8")}
    files = sorted(path.rglob("*.txt"))
    texts = {
        file.relative_to(path).with_suffix("").as_posix(): file.read_text(encoding="utf-8").strip()
        for file in files
    }
    return {id_: text for id_, text in texts.items() if text}
