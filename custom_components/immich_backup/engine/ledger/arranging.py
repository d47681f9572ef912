"""Ledger jobs about what is still to be organised on the server, and what was.

What was done once for an asset is never done again, so that a photo which its owner
takes out of an album stays out.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
import hashlib
import sqlite3
from typing import Any

from ..model import Reason
from .files import PATH, Verdict
from .rows import Stamp

_PART = 500
_FIRST_RETRY = 15 * 60.0
# A later time comes from a clock that jumped, and is due.
_LONGEST_RETRY = 6 * 3600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrangeable:
    """A protected file; ``path`` is relative to its folder, in raw bytes.

    ``rule`` is the rule that wanted it, ``ours`` whether we stored its asset.
    """

    id: int
    folder: int
    directory: int
    path: bytes
    stamp: Stamp
    rule: str | None
    asset_id: str
    ours: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class AlbumRow:
    """An album that files were put into; found by its ``id``, whatever its name is now.

    ``title`` is the name that we gave it last, or found. ``deleted`` is when its owner
    was found to have deleted it (epoch seconds), and ``unwanted`` whether they said
    that it shall stay so.
    """

    id: str
    title: str
    deleted: float | None
    unwanted: bool


def set_arranged(con: sqlite3.Connection, key: str, *, arranged: bool) -> None:
    """Let the files of a folder be organised from now on once they are proven, or not."""
    if arranged:
        con.execute(
            "INSERT INTO arranged SELECT id FROM folder WHERE key = ?"
            " ON CONFLICT DO NOTHING",
            (key,),
        )
        return
    con.execute(f"DELETE FROM arranged WHERE folder = {_NUMBER}", (key,))
    con.execute(
        "DELETE FROM unarranged WHERE file IN"
        f" (SELECT id FROM file WHERE folder = {_NUMBER})",
        (key,),
    )


def arrange_again(con: sqlite3.Connection, folders: Collection[int]) -> int:
    """Let all protected files of these folders be organised; return how many."""
    return sum(
        con.execute(
            "INSERT INTO unarranged (file) SELECT id FROM file"
            " WHERE folder = ? AND state = 'protected'"
            " ON CONFLICT DO UPDATE SET attempts = 0, next_try = NULL",
            (folder,),
        ).rowcount
        for folder in folders
    )


def note_rules(con: sqlite3.Connection, verdicts: Iterable[Verdict]) -> None:
    """Write which rules want protected files now; what they are stays."""
    con.executemany(
        "UPDATE file SET rule = ?, criterion = ? WHERE id = ? AND state = 'protected'",
        [(verdict.rule, verdict.criterion, verdict.file.id) for verdict in verdicts],
    )


def due(
    con: sqlite3.Connection,
    folders: Collection[int],
    now: float,
    after: int,
    limit: int,
) -> list[Arrangeable]:
    """Return files of these folders that are to be organised now, after one (its id)."""
    marks = ",".join("?" * len(folders))
    return _files(
        con.execute(
            f"SELECT {_COLUMNS} FROM unarranged u JOIN file f ON f.id = u.file {_JOINED}"
            f" AND f.folder IN ({marks}) AND u.file > ?"
            " AND coalesce(u.next_try, 0) NOT BETWEEN ? AND ?"
            " ORDER BY u.file LIMIT ?",
            (*folders, after, now, now + _LONGEST_RETRY, limit),
        )
    )


def page(
    con: sqlite3.Connection, folder: int, after: int, limit: int
) -> list[Arrangeable]:
    """Return protected files of a folder in the order of their ids, those after one."""
    return _files(
        con.execute(
            f"SELECT {_COLUMNS} FROM file f {_JOINED} AND f.folder = ? AND f.id > ?"
            " ORDER BY f.id LIMIT ?",
            (folder, after, limit),
        )
    )


def one(con: sqlite3.Connection, key: str, path: bytes) -> Arrangeable | None:
    """Return a protected file of a folder by its relative path; None if it is none."""
    directory, _, name = path.rpartition(b"/")
    found = _files(
        con.execute(
            f"SELECT {_COLUMNS} FROM file f {_JOINED} AND d.folder = {_NUMBER}"
            " AND d.path = ? AND f.name = ?",
            (key, directory, name),
        )
    )
    return found[0] if found else None


def count(con: sqlite3.Connection) -> int:
    """Return how many files are still to be organised."""
    (files,) = con.execute("SELECT count(*) FROM unarranged").fetchone()
    return int(files)


def unread_files(
    con: sqlite3.Connection, where: str, values: Sequence[object]
) -> list[Arrangeable]:
    """Return protected files ``f`` of which it is not known what they say."""
    return _files(
        con.execute(
            f"SELECT {_COLUMNS} FROM file f {_JOINED} AND {where}"
            " AND NOT EXISTS (SELECT 1 FROM fact WHERE file = f.id)",
            tuple(values),
        )
    )


def is_due(con: sqlite3.Connection, file: int) -> bool:
    """Return whether a file is still to be organised, now or later."""
    return (
        con.execute("SELECT 1 FROM unarranged WHERE file = ?", (file,)).fetchone()
        is not None
    )


def problem(con: sqlite3.Connection, file: int) -> str | None:
    """Return why a file is not organised yet, if that was tried."""
    row = con.execute(
        "SELECT problem FROM unarranged WHERE file = ?", (file,)
    ).fetchone()
    return None if row is None else row[0]


def settle(
    con: sqlite3.Connection,
    done: Iterable[int],
    postponed: Mapping[int, str],
    now: float,
) -> None:
    """Record which files are organised, and why others are to be tried again later.

    Each time it takes longer, from a quarter of an hour to six hours.
    """
    con.executemany("DELETE FROM unarranged WHERE file = ?", [(file,) for file in done])
    con.executemany(
        "UPDATE unarranged SET problem = ?1, attempts = attempts + 1,"
        " next_try = ?2 + min(?3 * (1 << min(attempts, 8)), ?4) WHERE file = ?5",
        [
            (text, now, _FIRST_RETRY, _LONGEST_RETRY, file)
            for file, text in postponed.items()
        ],
    )


def try_again(con: sqlite3.Connection) -> None:
    """Let all files that wait for another try be organised now."""
    con.execute("UPDATE unarranged SET attempts = 0, next_try = NULL")


def applied(con: sqlite3.Connection, asset_ids: Sequence[str]) -> dict[str, set[str]]:
    """Return what was done for these assets, as words, by the assets' ids."""
    found: dict[str, set[str]] = {}
    for start in range(0, len(asset_ids), _PART):
        part = asset_ids[start : start + _PART]
        for asset_id, what in con.execute(
            "SELECT asset_id, what FROM applied"
            f" WHERE asset_id IN ({','.join('?' * len(part))})",
            tuple(part),
        ):
            found.setdefault(asset_id, set()).add(what)
    return found


def note_applied(con: sqlite3.Connection, what: str, asset_ids: Iterable[str]) -> None:
    """Record what was done for these assets."""
    con.executemany(
        "INSERT INTO applied VALUES (?, ?) ON CONFLICT DO NOTHING",
        [(asset_id, what) for asset_id in asset_ids],
    )


def note_told(con: sqlite3.Connection, words: Iterable[tuple[str, str]]) -> None:
    """Record what assets (ids, first) were told last, in place of what was before.

    The words are those of told_word: of one asset only one of each kind is kept.
    """
    for asset_id, word in words:
        con.execute(
            "DELETE FROM applied WHERE asset_id = ? AND what >= ? AND what < ?",
            (asset_id, begin := told_begin(word), begin + "\x7f"),
        )
        con.execute("INSERT INTO applied VALUES (?, ?)", (asset_id, word))


def sidecar_word(digest: str) -> str:
    """Return the word by which it is remembered which sidecar went up with an asset."""
    return f"sidecar:{digest}"


def told_word(kind: str, value: str) -> str:
    """Return the word by which it is remembered what an asset was told last."""
    digest = hashlib.blake2b(value.encode(), digest_size=8).hexdigest()
    return f"told:{kind}:{digest}"


def told_begin(word: str) -> str:
    """Return what all words about the same thing begin with."""
    return word[: word.rindex(":") + 1]


def applied_in(
    con: sqlite3.Connection, folders: Collection[int] | None, prefix: str
) -> dict[str, list[str]]:
    """Return the assets, by the words recorded for them that begin so.

    Of these folders, or with None all that there were.
    """
    of_folders, values = "", tuple(folders or ())
    if folders is not None:
        of_folders = (
            " AND a.asset_id IN (SELECT c.asset_id FROM file f"
            " JOIN content c ON c.sha1 = f.sha1"
            f" WHERE f.folder IN ({','.join('?' * len(values))}))"
        )
    found: dict[str, list[str]] = {}
    for what, asset_id in con.execute(
        "SELECT a.what, a.asset_id FROM applied a WHERE substr(a.what, 1, ?) = ?"
        f"{of_folders} ORDER BY a.what, a.asset_id",
        (len(prefix), prefix, *values),
    ):
        found.setdefault(what, []).append(asset_id)
    return found


def replace_applied(
    con: sqlite3.Connection, old: str, new: str, asset_ids: Sequence[str]
) -> None:
    """Record something else in place of what was done for these assets."""
    forget_applied(con, old, asset_ids)
    note_applied(con, new, asset_ids)


def forget_applied(
    con: sqlite3.Connection, what: str, asset_ids: Iterable[str]
) -> None:
    """Forget that something was done for these assets."""
    con.executemany(
        "DELETE FROM applied WHERE asset_id = ? AND what = ?",
        [(asset_id, what) for asset_id in asset_ids],
    )


def albums(con: sqlite3.Connection) -> dict[str, AlbumRow]:
    """Return the albums that files were put into, by the keys that stand for them."""
    return {
        key: AlbumRow(
            id=album_id, title=title, deleted=deleted, unwanted=bool(unwanted)
        )
        for key, album_id, title, deleted, unwanted in con.execute(
            "SELECT key, id, title, deleted, unwanted FROM album"
        )
    }


def set_album(con: sqlite3.Connection, key: str, album_id: str, title: str) -> None:
    """Remember which album is meant by a key, and the name that we gave it."""
    con.execute(
        "INSERT INTO album VALUES (?, ?, ?, NULL, 0) ON CONFLICT DO UPDATE SET"
        " id = excluded.id, title = excluded.title, deleted = NULL, unwanted = 0",
        (key, album_id, title),
    )


def note_deleted(con: sqlite3.Connection, key: str, now: float) -> None:
    """Record that the owner deleted an album on the server."""
    con.execute(
        "UPDATE album SET deleted = coalesce(deleted, ?) WHERE key = ?", (now, key)
    )


def deleted(con: sqlite3.Connection) -> list[str]:
    """Return the names of albums that are deleted, as far as nobody said what then."""
    return [
        title
        for (title,) in con.execute(
            "SELECT title FROM album WHERE deleted IS NOT NULL AND NOT unwanted"
            " ORDER BY title"
        )
    ]


def answer_deleted(con: sqlite3.Connection, *, make_again: bool) -> None:
    """Take a person's word on all deleted albums; files that waited for it go on."""
    if make_again:
        con.execute("DELETE FROM album WHERE deleted IS NOT NULL")
    else:
        con.execute("UPDATE album SET unwanted = 1 WHERE deleted IS NOT NULL")
    try_again(con)


def forget_albums(con: sqlite3.Connection) -> None:
    """Forget all albums: the server is another one, or lost what it had."""
    con.execute("DELETE FROM album")


_NUMBER = "(SELECT id FROM folder WHERE key = ?)"
_COLUMNS = (
    f"f.id, f.folder, f.directory, {PATH}, f.size, f.mtime_ns, f.ctime_ns, f.rule, c.asset_id,"
    " f.reason"
)
_JOINED = (
    "JOIN directory d ON d.id = f.directory JOIN content c ON c.sha1 = f.sha1"
    " WHERE f.state = 'protected'"
)


def _files(rows: Iterable[tuple[Any, ...]]) -> list[Arrangeable]:
    """Return files of rows of the columns above."""
    return [
        Arrangeable(
            id=file,
            folder=folder,
            directory=directory,
            path=path,
            stamp=Stamp(size, mtime, ctime),
            rule=rule,
            asset_id=asset_id,
            ours=reason == Reason.UPLOADED,
        )
        for file, folder, directory, path, size, mtime, ctime, rule, asset_id, reason in rows
    ]
