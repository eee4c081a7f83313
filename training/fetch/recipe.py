"""What to fetch, from where, and how many rows it holds."""

from __future__ import annotations

from collections import Counter
from pathlib import PurePosixPath
from typing import Literal
from urllib.parse import unquote, urlsplit

from pydantic import Field, PositiveFloat, PositiveInt, field_validator

from training.recipe import Recipe

Format = Literal[
    "goemotions",
    "edos_mturk",
    "edos_similar",
    "edos_self",
    "edos_similar_self",
    "xed",
    "xed_neutral",
]


class SourceFile(Recipe):
    """A file of a set, as its project publishes it.

    Attributes:
        url: Where it lies.
        format: How it is laid out.
        table: The name, without ending, of the table that it becomes, or becomes a part of.
        rows: How many rows it holds.
    """

    url: str = Field(pattern=r"^https?://.+/[^/?#]+$")
    format: Format
    table: str = Field(pattern=r"^\w+$")
    rows: PositiveInt

    @property
    def name(self) -> str:
        """The file's own name."""
        return PurePosixPath(unquote(urlsplit(self.url).path)).name


class OpenSet(Recipe):
    """A third-party set under an open licence.

    Attributes:
        name: Its name, for people.
        licence: Its licence.
        page: Where its project tells about it.
        files: What it is made of; files of one table follow each other in it.
    """

    name: str
    licence: str
    page: str
    files: tuple[SourceFile, ...] = Field(min_length=1)

    @field_validator("files")
    @classmethod
    def _differ(cls, files: tuple[SourceFile, ...]) -> tuple[SourceFile, ...]:
        name, times = Counter(file.name for file in files).most_common(1)[0]
        if times > 1:
            raise ValueError(f"{times} files of a set are called {name}; they need different names")
        return files

    def tables(self) -> dict[str, list[SourceFile]]:
        """The files of each table."""
        tables: dict[str, list[SourceFile]] = {}
        for file in self.files:
            tables.setdefault(file.table, []).append(file)
        return tables


class Retries(Recipe):
    """What to do when a download fails for a reason that may pass.

    Attributes:
        attempts: Tries of one file, the first one counted.
        first_wait_seconds: The wait before the second try; it doubles with every try.
        timeout_seconds: The longest silence of the server.
    """

    attempts: PositiveInt = 5
    first_wait_seconds: PositiveFloat = 1.0
    timeout_seconds: PositiveFloat = 30.0


class OpenDataRecipe(Recipe):
    """The sets to fetch.

    Attributes:
        sets: By the name of their folder.
        retries: Tries, waits, time-outs.
    """

    sets: dict[str, OpenSet]
    retries: Retries = Retries()
