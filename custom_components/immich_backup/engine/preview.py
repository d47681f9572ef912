"""What would happen in a folder now, without recording or sending anything."""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor
from contextlib import ExitStack
from dataclasses import dataclass, field
from itertools import batched
import math
import os
import sqlite3

from .clock import Clock
from .detect.scan import ScanResult, list_directory, list_files, mark_of
from .evaluate import media_of, reason_of
from .ledger import Ledger, reports
from .ledger.reports import KnownFile
from .ledger.scans import Entry
from .model import FileState, Folder, Reason

_BATCH = 100


@dataclass(slots=True, kw_only=True)
class Preview:
    """Numbers of files, bytes, and what is left out for which reason.

    ``left_out`` counts by reason where no rule of the user decided, ``skipped_by`` and
    ``chosen_by`` by the name of the rule that left files out, or wants them.
    ``wanted`` is ``protected`` and ``declined``, as far as the ledger knows them, and
    ``to_upload``: at most so many, for the server may have some of them already.
    Without ``complete`` all numbers mean "at least".
    """

    files: int = 0
    bytes: int = 0
    wanted: int = 0
    wanted_bytes: int = 0
    protected: int = 0
    declined: int = 0
    to_upload: int = 0
    to_upload_bytes: int = 0
    left_out: Counter[str] = field(default_factory=Counter)
    skipped_by: Counter[str] = field(default_factory=Counter)
    chosen_by: Counter[str] = field(default_factory=Counter)
    errors: int = 0
    complete: bool = True


async def preview_in_thread(
    folder: Folder,
    pool: Executor,
    clock: Clock,
    *,
    seconds: float | None = None,
    ledger: Ledger | None = None,
) -> Preview:
    """Do what ``preview`` does in a thread, for so many seconds at most.

    Raises LedgerError, if a ledger is given.
    """
    now = clock.time()
    end = math.inf if seconds is None else clock.monotonic() + seconds
    return await asyncio.get_running_loop().run_in_executor(
        pool,
        lambda: preview(
            folder,
            now=now,
            expired=lambda: clock.monotonic() > end,
            ledger=ledger,
        ),
    )


def preview(
    folder: Folder,
    *,
    now: float,
    expired: Callable[[], bool],
    ledger: Ledger | None = None,
) -> Preview:
    """Walk a folder and decide for each file; blocking.

    ``now`` is epoch seconds; stops early, incomplete, once ``expired`` says so. With
    the ledger it is taken into account what is known of the files; raises LedgerError.
    """
    found = Preview()
    root = os.fsencode(os.path.realpath(folder.path))
    with ExitStack() as stack:
        reader = None if ledger is None else stack.enter_context(ledger.reader())
        result = ScanResult()
        for path, entries in _walk(root, folder, result):
            for batch in batched(entries, _BATCH, strict=False):
                if expired():
                    found.complete = False
                    return found
                known: Mapping[bytes, KnownFile] = {}
                if reader is not None:
                    known = _known(reader, folder, path, batch)
                for entry in batch:
                    _count(found, folder, root, path, entry, known.get(entry.name), now)
            found.errors = result.error_count
    found.errors = result.error_count
    return found


def _walk(
    root: bytes, folder: Folder, result: ScanResult
) -> Iterator[tuple[bytes, Iterator[Entry]]]:
    """Yield each directory's relative path and files, as a scan would meet them."""
    stack = [b""]
    while stack:
        path = stack.pop()
        full = os.path.join(root, path) if path else root
        try:
            mark = mark_of(os.lstat(full))
            if mark in result.directories:
                continue
            result.directories.add(mark)
            listing = list_directory(full, recursive=folder.recursive, result=result)
            yield path, listing.entries() or list_files(full, result)
        except OSError as err:
            result.add_error(err)
            continue
        stack += [
            os.path.join(path, name) if path else name
            for name in sorted(listing.subdirectories, reverse=True)
        ]


def _known(
    reader: sqlite3.Connection, folder: Folder, path: bytes, entries: Sequence[Entry]
) -> Mapping[bytes, KnownFile]:
    """Return what the ledger knows of these files, if they are still as they were."""
    known = reports.known_files(
        reader, folder.id, path, [entry.name for entry in entries]
    )
    return {
        entry.name: file
        for entry in entries
        if (file := known.get(entry.name)) is not None and file.stamp == entry.stamp
    }


def _count(
    found: Preview,
    folder: Folder,
    root: bytes,
    path: bytes,
    entry: Entry,
    known: KnownFile | None,
    now: float,
) -> None:
    """Decide for one file and count it."""
    name = os.path.join(path, entry.name) if path else entry.name
    existing = True if known is None else known.existing
    media = media_of(name, entry.stamp, folder.rules, root=root, existing=existing)
    decision = folder.rules.decide(media, now)
    found.files += 1
    found.bytes += media.size
    if not decision.wanted:
        if decision.rule is None:
            found.left_out[reason_of(decision).value] += 1
        else:
            found.skipped_by[decision.rule] += 1
        return
    if media.size == 0:
        found.left_out[Reason.EMPTY.value] += 1
        return
    if decision.rule is not None:
        found.chosen_by[decision.rule] += 1
    found.wanted += 1
    found.wanted_bytes += media.size
    if known is not None and known.fate is FileState.PROTECTED:
        found.protected += 1
    elif known is not None and known.fate is FileState.DECLINED:
        found.declined += 1
    else:
        found.to_upload += 1
        found.to_upload_bytes += media.size
