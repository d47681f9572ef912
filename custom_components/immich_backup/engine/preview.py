"""What would happen in a folder now, without recording or sending anything."""

import asyncio
from collections import Counter
from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Executor
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import tzinfo
from itertools import batched
import math
import os
import sqlite3

from .beside import Surroundings
from .clock import Clock
from .detect.scan import ScanResult, list_directory, list_files, mark_of
from .enquiry import Enquiry
from .evaluate import media_of, reason_of
from .ledger import Ledger, reports
from .ledger.reports import KnownFile
from .ledger.scans import Entry
from .model import FileState, Folder, Reason
from .rules import Decision, Media

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


@dataclass(frozen=True, slots=True, kw_only=True)
class _File:
    """A file that was met, and what the ledger knows of it."""

    media: Media
    known: KnownFile | None


async def preview(
    folder: Folder,
    pool: Executor | None,
    clock: Clock,
    enquiry: Enquiry,
    *,
    seconds: float | None = None,
    ledger: Ledger | None = None,
) -> Preview:
    """Walk a folder and decide for each file, in threads of a pool (None: the loop's).

    Stops early, incomplete, after so many seconds. With the ledger it is taken into
    account what is known of the files; raises LedgerError, if one is given.
    """
    run = asyncio.get_running_loop().run_in_executor
    end = math.inf if seconds is None else clock.monotonic() + seconds
    found = Preview()
    steps = _steps(
        folder,
        found,
        now=clock.time(),
        expired=lambda: clock.monotonic() > end,
        ledger=ledger,
        zone=enquiry.time_zone,
    )
    while (asking := await run(pool, next, steps, None)) is not None:
        await enquiry.answer(asking)
        if clock.monotonic() > end:
            found.complete = False
            await run(pool, steps.close)
            break
    return found


def _steps(
    folder: Folder,
    found: Preview,
    *,
    now: float,
    expired: Callable[[], bool],
    ledger: Ledger | None,
    zone: tzinfo,
) -> Generator[Sequence[Media]]:
    """Walk a folder and count what is found; blocking from one step to the next.

    Yields the files about which the home must be asked before it goes on.
    """
    root = os.fsencode(os.path.realpath(folder.path))
    beside = Surroundings(root) if folder.decides_by_sidecars else None
    with ExitStack() as stack:
        reader = None if ledger is None else stack.enter_context(ledger.reader())
        result = ScanResult()
        for path, entries in _walk(root, folder, result):
            for batch in batched(entries, _BATCH, strict=False):
                if expired():
                    found.complete = False
                    return
                known: Mapping[bytes, KnownFile] = {}
                if reader is not None:
                    known = _known(reader, folder, path, batch)
                files = [
                    _met(folder, root, path, entry, known.get(entry.name), zone, beside)
                    for entry in batch
                ]
                while files := _count(found, folder, files, now):
                    yield [file.media for file in files]
            found.errors = result.error_count
    found.errors = result.error_count


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


def _met(
    folder: Folder,
    root: bytes,
    path: bytes,
    entry: Entry,
    known: KnownFile | None,
    zone: tzinfo,
    beside: Surroundings | None,
) -> _File:
    """Return a file of a directory, as the rules see it."""
    media = media_of(
        os.path.join(path, entry.name) if path else entry.name,
        entry.stamp,
        folder.rules,
        root=root,
        existing=True if known is None else known.existing,
        folder=folder.name,
        zone=zone,
        beside=beside,
    )
    return _File(media=media, known=known)


def _count(
    found: Preview, folder: Folder, files: Iterable[_File], now: float
) -> list[_File]:
    """Decide for files and count them; return those that need the home's answers."""
    asking: list[_File] = []
    for file in files:
        decision = folder.rules.decide(file.media, now)
        if file.media.questions:
            asking.append(file)
        else:
            _count_one(found, file, decision)
    return asking


def _count_one(found: Preview, file: _File, decision: Decision) -> None:
    """Count a file about which it is decided."""
    size, known = file.media.size, file.known
    found.files += 1
    found.bytes += size
    if not decision.wanted or decision.pending:
        if decision.rule is None or decision.wanted:
            found.left_out[reason_of(decision).value] += 1
        else:
            found.skipped_by[decision.rule] += 1
        return
    if size == 0:
        found.left_out[Reason.EMPTY.value] += 1
        return
    if decision.rule is not None:
        found.chosen_by[decision.rule] += 1
    found.wanted += 1
    found.wanted_bytes += size
    if known is not None and known.fate is FileState.PROTECTED:
        found.protected += 1
    elif known is not None and known.fate is FileState.DECLINED:
        found.declined += 1
    else:
        found.to_upload += 1
        found.to_upload_bytes += size
