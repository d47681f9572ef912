"""Where files go: read, asked about at home, sorted into trips and placed, in batches."""

import asyncio
from collections.abc import (
    AsyncIterable,
    Callable,
    Collection,
    Iterator,
    Mapping,
    Sequence,
)
from concurrent.futures import Executor
from dataclasses import dataclass, field, replace
from typing import Protocol

from ..clock import Clock
from ..context import Context, Place
from ..ledger import Ledger, pairing
from ..ledger.arranging import Arrangeable
from ..ledger.pairing import Member
from ..ledger.trips import Sighting
from ..media.pairs import GroupKind
from ..model import Folder, Source
from .arrangement import AlbumBy, Arrangement, by_trip
from .correction import Correction, correction_of
from .pairing import Pairing, pair
from .placement import AlbumRef, Placement, place, places_of
from .reader import Reader
from .subject import Subject
from .together import Together
from .tripbook import TripBook
from .trips import Moment, TripRules

# So many are read in one go in a thread, and placed together.
_PART = 200

type Placed = tuple[Arrangeable, Placement]
# What was seen of directories (the ledger's numbers), with what is stacked in them.
type _Paired = dict[int, tuple[dict[GroupKind, Together], list[Member]]]
# The assets (their ids) of a folder (the ledger's number) by what makes a trip there.
type _Taken = dict[tuple[int, TripRules], dict[str, Sighting]]


@dataclass(slots=True)
class _Batch:
    """What was found of files so far, and what reads them."""

    reader: Reader
    placed: list[Placed] = field(default_factory=list)
    taken: _Taken = field(default_factory=dict)
    paired: _Paired = field(default_factory=dict)

    def add(
        self, file: Arrangeable, subject: Subject, arrangement: Arrangement
    ) -> None:
        """Note a file that others of its directory may belong to."""
        stacked, members = self.paired.setdefault(file.directory, ({}, []))
        stacked.update(arrangement.stacked)
        members.append(_member(file, subject))


@dataclass(frozen=True, slots=True)
class Plan:
    """Where files go, and what belongs together.

    ``reopened`` is whether files of before belong to a trip now.
    """

    placed: Sequence[Placed]
    pairing: Pairing
    reopened: bool


class Arranged(Protocol):
    """A folder by its number in the ledger, and where its files are read now."""

    @property
    def number(self) -> int | None:
        """Return the number; None before it is known."""

    @property
    def folder(self) -> Folder:
        """Return what is wanted of it."""

    @property
    def source(self) -> Source | None:
        """Return where its files are; None while they can't be read."""


class Planner:
    """Decides where files go; sends nothing."""

    def __init__(
        self,
        *,
        ledger: Ledger,
        pool: Executor,
        clock: Clock,
        context: Context,
        folders: Mapping[str, Arranged],
    ) -> None:
        """Read in this pool and ask this home about the files of these folders."""
        self._ledger = ledger
        self._pool = pool
        self._clock = clock
        self._context = context
        self._folders = folders

    async def plan(
        self, files: Sequence[Arrangeable], trips: TripBook, *, record: bool
    ) -> Plan:
        """Return where files go, in their order.

        Their trips are found in this book; what else is found is recorded, or only
        planned. Raises LedgerError.
        """
        batch = _Batch(self._reader())
        for part in _parts(files):
            await self._look(part, batch)
        together = await self._pair(batch.paired, record=record)
        reopened = await self._find_trips(batch.taken, trips)
        albums = await self._trip_albums(batch.taken, trips)

        def finish() -> list[Placed]:
            videos = together.videos
            return [
                # The still of a live photo stands for its video.
                (file, Placement(in_live_photo=True))
                if file.asset_id in videos
                else (
                    file,
                    _on_trip(placement, albums.get((file.folder, file.asset_id))),
                )
                for file, placement in batch.placed
            ]

        return Plan(await self._in_thread(finish), together, reopened)

    async def find_trips(
        self, pages: AsyncIterable[Sequence[Arrangeable]], trips: TripBook
    ) -> None:
        """Find the trips of files, that come page by page, before any of them is placed.

        Found page by page they would depend on which photos come first. Each page is
        read, and read again when it is placed: no more than one is in memory. Raises
        LedgerError.
        """
        spans: dict[tuple[int, TripRules], list[float]] = {}
        async for files in pages:
            taken: _Taken = {}
            reader = self._reader()
            for part in _parts(files):
                await self._see(part, reader, taken)
            for key, sightings in taken.items():
                await trips.note(key[0], sightings)
                times = [one.moment.at for one in sightings.values()]
                span = spans.setdefault(key, times[:1] * 2)
                span[:] = min(span[0], *times), max(span[1], *times)
        for folder, rules in sorted(spans):
            await trips.find(folder, rules, *spans[folder, rules])
        if spans:
            await trips.name_places()

    async def _see(
        self, files: Sequence[Arrangeable], reader: Reader, taken: _Taken
    ) -> None:
        """Note when and where those files were taken whose albums are those of trips."""
        wanted = [
            (file, arrangement)
            for file, arrangement in zip(files, self.arrangements(files), strict=True)
            if by_trip(arrangement)
        ]
        some = [file for file, _ in wanted]
        arrangements = [arrangement for _, arrangement in wanted]
        subjects = await self._read(reader, some, arrangements, ())
        places = await places_of(
            list(zip(subjects, arrangements, strict=True)),
            self._context,
            self._clock.time(),
        )
        for file, arrangement, subject, (where, later) in zip(
            some, arrangements, subjects, places, strict=True
        ):
            if not later:
                _sight(taken, file, arrangement, subject, where)

    async def _look(self, files: Sequence[Arrangeable], batch: _Batch) -> None:
        """Place some files, and note what is to be known of all of them."""
        arrangements = self.arrangements(files)
        pairs, twins = await self._belonging(files, arrangements)
        subjects = await self._read(batch.reader, files, arrangements, pairs)
        placements = await place(
            list(zip(subjects, arrangements, strict=True)),
            self._context,
            self._clock.time(),
        )
        batch.placed += [
            (
                file,
                replace(placement, correction=_correction(file, subject, arrangement)),
            )
            for file, subject, arrangement, placement in zip(
                files, subjects, arrangements, placements, strict=True
            )
        ]
        for file, arrangement, subject, placement in zip(
            files, arrangements, subjects, placements, strict=True
        ):
            if file.id in pairs and subject.read:
                batch.add(file, subject, arrangement)
            # What may be decided later shall not change what is decided now.
            if by_trip(arrangement) and placement.undecided is None:
                where = subject.place or placement.place
                _sight(batch.taken, file, arrangement, subject, where)
        others = await self._read(
            batch.reader, twins, [Arrangement()] * len(twins), {t.id for t in twins}
        )
        for twin, subject in zip(twins, others, strict=True):
            if subject.read:
                batch.add(twin, subject, Arrangement())

    async def _belonging(
        self, files: Sequence[Arrangeable], arrangements: Sequence[Arrangement]
    ) -> tuple[Collection[int], Sequence[Arrangeable]]:
        """Return the files (ids) that may belong to others, and unread ones beside them."""
        wanted = list(zip(files, arrangements, strict=True))
        found = {file.id for file, arrangement in wanted if arrangement.stacked}
        asked = [file for file, arrangement in wanted if arrangement.live_photos]
        if not asked:
            return found, ()
        twins = await self._ledger.ask(pairing.twins, asked)
        own = {file.id for file in files}
        return found | twins.files, [t for t in twins.unread if t.id not in own]

    async def _find_trips(self, taken: _Taken, trips: TripBook) -> bool:
        """Find the trips of what was taken; return whether others belong to one now."""
        reopened = False
        for folder, rules in sorted(taken):
            sightings = taken[folder, rules]
            await trips.note(folder, sightings)
            times = [one.moment.at for one in sightings.values()]
            reopened |= await trips.find(folder, rules, min(times), max(times))
        if taken:
            await trips.name_places()
        return reopened

    async def _trip_albums(
        self, taken: _Taken, trips: TripBook
    ) -> Mapping[tuple[int, str], AlbumRef]:
        """Return the albums of trips, by folder and asset."""
        return {
            (folder, asset_id): ref
            for (folder, _), sightings in taken.items()
            for asset_id, ref in (await trips.albums(folder, list(sightings))).items()
        }

    async def _pair(self, paired: _Paired, *, record: bool) -> Pairing:
        """Return what belongs together in directories, with what was known before."""
        if not paired:
            return Pairing()
        seen = [member for _, members in paired.values() for member in members]
        if record:
            await self._ledger.run(pairing.note, seen)
        known = await self._ledger.ask(pairing.of_directories, list(paired))

        def join() -> Pairing:
            return pair(
                (list({m.file: m for m in (*known[key], *members)}.values()), stacked)
                for key, (stacked, members) in paired.items()
            )

        return await self._in_thread(join)

    async def subject(self, file: Arrangeable) -> Subject:
        """Return one file as its arrangement sees it; it is read."""
        arrangements = self.arrangements([file])
        (subject,) = await self._read(self._reader(), [file], arrangements, {file.id})
        return subject

    def _reader(self) -> Reader:
        """Return what reads files where they are now."""
        return Reader(
            {
                number: (watched.folder.name, None if source is None else source.root)
                for number, watched in self._by_number().items()
                for source in (watched.source,)
            },
            self._context.time_zone,
        )

    async def _read(
        self,
        reader: Reader,
        files: Sequence[Arrangeable],
        arrangements: Sequence[Arrangement],
        needed: Collection[int],
    ) -> list[Subject]:
        """Return files as their arrangements see them; those needed (ids) are read."""

        def read() -> list[Subject]:
            return [
                reader.read(file, arrangement, needed=file.id in needed)
                for file, arrangement in zip(files, arrangements, strict=True)
            ]

        return await self._in_thread(read)

    async def _in_thread[T](self, work: Callable[[], T]) -> T:
        """Do what takes a while in a thread."""
        return await asyncio.get_running_loop().run_in_executor(self._pool, work)

    def arrangements(self, files: Sequence[Arrangeable]) -> list[Arrangement]:
        """Return what is wanted of files; nothing where the folder is gone."""
        by_number = self._by_number()
        return [
            Arrangement()
            if (watched := by_number.get(file.folder)) is None
            else _arrangement(watched.folder, file)
            for file in files
        ]

    def _by_number(self) -> Mapping[int, Arranged]:
        """Return the folders by the ledger's numbers."""
        return {
            watched.number: watched
            for watched in self._folders.values()
            if watched.number is not None
        }


def _arrangement(folder: Folder, file: Arrangeable) -> Arrangement:
    """Return what is wanted of a file of a folder."""
    rule = folder.rule_arrangements.get(file.rule or "")
    arrangement = folder.arrangement
    return arrangement if rule is None else arrangement.refined(rule)


def _correction(
    file: Arrangeable, subject: Subject, arrangement: Arrangement
) -> Correction | None:
    """Return what the server should be told of a file beside where it goes."""
    return correction_of(
        subject,
        arrangement.dates,
        ours=file.ours,
        modified=file.stamp.mtime_ns / 1e9,
    )


def _sight(
    taken: _Taken,
    file: Arrangeable,
    arrangement: Arrangement,
    subject: Subject,
    where: Place | None,
) -> None:
    """Note when and where a file was taken whose album is that of its trip."""
    assert arrangement.album is not None
    moment = Moment(asset_id=file.asset_id, at=subject.taken.timestamp(), place=where)
    sighting = Sighting(moment=moment, day=subject.taken.date())
    key = file.folder, arrangement.album.trips
    taken.setdefault(key, {})[file.asset_id] = sighting


def _on_trip(placement: Placement, album: AlbumRef | None) -> Placement:
    """Return where a file goes, by the album of its trip if it belongs to one."""
    return (
        placement if album is None else replace(placement, album=album, by=AlbumBy.TRIP)
    )


def _parts(files: Sequence[Arrangeable]) -> Iterator[Sequence[Arrangeable]]:
    """Yield files in parts that are looked at in one go."""
    for start in range(0, len(files), _PART):
        yield files[start : start + _PART]


def _member(file: Arrangeable, subject: Subject) -> Member:
    """Return a file as one of its directory that others may belong to."""
    return Member(
        file=file.id,
        name=file.path.rpartition(b"/")[2],
        asset_id=file.asset_id,
        facts=subject.facts,
    )
