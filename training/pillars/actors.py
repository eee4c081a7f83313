"""Step 1: the actors of a narrative."""

from __future__ import annotations

import re
from collections.abc import Iterator

from training.llm.journal import Record
from training.llm.reply import Reply
from training.pillars.answer import Rejected, cut_off_item, items, plain_text
from training.pillars.step import Material, Step

MOST_ACTORS = 15  # of a narrative, as in the paper
MOST_WORDS = 6  # of a name; what is longer is prose

_NAME = re.compile(r"^(?P<name>.+?)(?:\s+[-–—]+\s+|:\s+|\s*[(\[]|,\s+|\s*$)(?P<role>.*)$")
_ARTICLES = frozenset({"the", "and", "his", "her", "their", "mrs", "miss", "lord", "lady", "sir"})


def _values(record: Record, material: Material) -> dict[str, str]:
    return {"narrative": material.narratives[record["id"]]}


def read_actors(reply: Reply, record: Record, material: Material) -> Iterator[Record | Rejected]:
    """Reads a list of actors, 'name - role', numbered or not, a line each or between commas.

    Args:
        reply: The model's answer.
        record: The narrative.
        material: Its text: an actor who does not come in it was made up.

    Yields:
        ``{"id", "narrative", "actor", "role"}``, and rejections: 'cut off', 'prose', 'repeated',
        'not in the narrative', 'too many'.

    Raises:
        Rejected: If the whole answer cannot be used.
    """
    found, prose = items(plain_text(reply))
    yield from cut_off_item(reply, found)
    yield from (Rejected("prose", line) for line in prose if not line.endswith(":"))
    if len(found) == 1 and not re.search(r"\s[-–—]\s|:\s", found[0]):
        found = re.split(r"\s*[,;]\s*(?:and\s+)?", found[0])
    narrative = material.narratives[record["id"]].lower()
    names: set[str] = set()
    for item in found:
        match = _NAME.match(item.strip())
        name = match["name"].strip(" \"'.,*_[]") if match else ""
        if not name or len(name.split()) > MOST_WORDS:
            yield Rejected("prose", item)
        elif name.lower() in names:
            yield Rejected("repeated", item)
        elif not _comes_in(name, narrative):
            yield Rejected("not in the narrative", item)
        elif len(names) == MOST_ACTORS:
            yield Rejected("too many", item)
        else:
            names.add(name.lower())
            yield {
                "id": f"{record['id']}/{len(names)}",
                "narrative": record["id"],
                "actor": name,
                "role": match["role"].strip(" \"'()[].") if match else "",
            }


def _comes_in(name: str, narrative: str) -> bool:
    words = [word for word in re.findall(r"\w{2,}", name.lower()) if word not in _ARTICLES]
    return any(word in narrative for word in words)


STEP = Step("actors", frozenset({"narrative"}), _values, read_actors)
