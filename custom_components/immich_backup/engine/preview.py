"""What would happen in a folder now, without recording or sending anything."""

import asyncio
from collections import Counter
from collections.abc import (
    Callable,
    Collection,
    Generator,
    Iterable,
    Iterator,
    Mapping,
    Sequence,
)
from concurrent.futures import Executor
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import tzinfo
from itertools import batched, groupby
import math
import os
import sqlite3

from . import versions
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
# So many files of a directory are sorted; what of a larger one lies apart counts as wanted.
_SORTED = 50_000


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


type _Decided = tuple[_File, Decision]


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
            for batch in _batches(entries, folder):
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
                decided: list[_Decided] = []
                while files := _decide(folder, files, now, decided):
                    yield [file.media for file in files]
                _count(found, folder, decided)
            found.errors = result.error_count
    found.errors = result.error_count


def _batches(entries: Iterable[Entry], folder: Folder) -> Iterator[Sequence[Entry]]:
    """Yield the files of a directory in parts; what may show one shot in the same one."""
    if not folder.arrangement.only:
        yield from batched(entries, _BATCH, strict=False)
        return

    def key(entry: Entry) -> str:
        return versions.key_of(os.fsdecode(entry.name))

    for part in batched(entries, _SORTED, strict=False):
        batch: list[Entry] = []
        for _, shot in groupby(sorted(part, key=key), key):
            batch += shot
            if len(batch) >= _BATCH:
                yield batch
                batch = []
        if batch:
            yield batch


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


def _decide(
    folder: Folder, files: Iterable[_File], now: float, decided: list[_Decided]
) -> list[_File]:
    """Decide for files; return those that need the home's answers."""
    asking: list[_File] = []
    for file in files:
        decision = folder.rules.decide(file.media, now)
        if file.media.questions:
            asking.append(file)
        else:
            decided.append((file, decision))
    return asking


def _count(found: Preview, folder: Folder, decided: Sequence[_Decided]) -> None:
    """Count the files of a batch, all about which it is decided."""
    left_out = _left_out(folder, decided)
    for file, decision in decided:
        if os.path.basename(file.media.path) in left_out:
            found.files += 1
            found.bytes += file.media.size
            found.left_out[Reason.OTHER_KEPT.value] += 1
        else:
            _count_one(found, file, decision)


def _left_out(folder: Folder, decided: Sequence[_Decided]) -> Collection[str]:
    """Return the files (their names) of which another one of their shot is kept."""
    if not (only := folder.arrangement.only):
        return ()
    media = {os.path.basename(file.media.path): file.media for file, _ in decided}
    wanted, is_done = set(), set()
    for file, decision in decided:
        name = os.path.basename(file.media.path)
        fate = None if file.known is None else file.known.fate
        if fate is not None:
            # What is in Immich already stays there.
            is_done.add(name)
        if decision.wanted and not decision.pending and file.media.size:
            if fate is not FileState.DECLINED:
                wanted.add(name)
    readers = {name: lambda one=one: one.facts for name, one in media.items()}
    return versions.kept_instead(readers, wanted, only).keys() - is_done


def _count_one(found: Preview, file: _File, decision: Decision) -> None:
    """Count a file about which it is decided, and beside which none is kept instead."""
    size, known = file.media.size, file.known
    found.files += 1
    found.bytes += size
    if not decision.wanted or decision.pending:
        if decision.rule is None or decision.wanted:
            found.left_out[reason_of(decision, file.media.path).value] += 1
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
