"""Ledger jobs about files that belong together, such as the halves of a live photo."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
import json
import sqlite3

from ..media.facts import DateSource, MediaFacts
from .arranging import Arrangeable, unread_files

_BESIDE = "f.directory = ? AND f.name > ? AND f.name < ? AND f.id <> ?"
# What tells whether files belong together; all of it is small.
_FACTS = ("make", "model", "duration", "content_identifier", "burst_id")


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """A protected file of a directory, by its name there in raw bytes."""

    file: int
    name: bytes
    asset_id: str
    facts: MediaFacts


@dataclass(frozen=True, slots=True)
class Twins:
    """Files of the same name but for the extension: `IMG_1.HEIC` and `IMG_1.MOV`.

    ``files`` (ids) are those that have one; ``unread`` are protected ones of which it
    is not known yet what they say.
    """

    files: frozenset[int]
    unread: Sequence[Arrangeable]


def twins(con: sqlite3.Connection, files: Iterable[Arrangeable]) -> Twins:
    """Return which of these files have others of their name beside them."""
    found: set[int] = set()
    unread: dict[int, Arrangeable] = {}
    for file in files:
        name = file.path.rpartition(b"/")[2]
        stem = name.rpartition(b".")[0] or name
        # What follows the dot is the slash, which no name has.
        beside = (file.directory, stem + b".", stem + b"/", file.id)
        row = con.execute(
            f"SELECT 1 FROM file f WHERE {_BESIDE} AND f.state <> 'gone' LIMIT 1",
            beside,
        ).fetchone()
        if row is not None:
            found.add(file.id)
            unread |= {twin.id: twin for twin in unread_files(con, _BESIDE, beside)}
    return Twins(frozenset(found), list(unread.values()))


def note(con: sqlite3.Connection, members: Iterable[Member]) -> None:
    """Remember what files say of themselves."""
    con.executemany(
        "INSERT INTO fact VALUES (?, ?) ON CONFLICT DO UPDATE SET facts = excluded.facts",
        [(member.file, _to_text(member.facts)) for member in members],
    )


def of_directories(
    con: sqlite3.Connection, directories: Collection[int]
) -> dict[int, list[Member]]:
    """Return the protected files of directories of which it is known what they say."""
    return {
        directory: [
            Member(file=file, name=name, asset_id=asset_id, facts=_from_text(text))
            for file, name, asset_id, text in con.execute(
                "SELECT f.id, f.name, c.asset_id, a.facts FROM file f"
                " JOIN fact a ON a.file = f.id JOIN content c ON c.sha1 = f.sha1"
                " WHERE f.directory = ? AND f.state = 'protected' ORDER BY f.name",
                (directory,),
            )
        ]
        for directory in directories
    }


def _to_text(facts: MediaFacts) -> str:
    """Return facts as text for the ledger."""
    values: dict[str, object] = {name: getattr(facts, name) for name in _FACTS}
    if facts.captured_at is not None:
        values["captured_at"] = facts.captured_at.isoformat()
        values["captured_source"] = facts.captured_source
    if facts.utc_offset is not None:
        values["utc_offset"] = facts.utc_offset.total_seconds()
    if facts.is_motion_photo:
        values["is_motion_photo"] = True
    return json.dumps({key: one for key, one in values.items() if one is not None})


def _from_text(text: str) -> MediaFacts:
    """Return the facts of such a text; none of one that can't be read."""
    try:
        values = json.loads(text)
        captured, offset = values.get("captured_at"), values.get("utc_offset")
        source = values.get("captured_source")
        return MediaFacts(
            captured_at=None if captured is None else datetime.fromisoformat(captured),
            captured_source=None if source is None else DateSource(source),
            utc_offset=None if offset is None else timedelta(seconds=offset),
            is_motion_photo=bool(values.get("is_motion_photo")),
            **{name: values.get(name) for name in _FACTS},
        )
    except ValueError, TypeError, AttributeError:
        return MediaFacts()
