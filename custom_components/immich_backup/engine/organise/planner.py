"""Where files go: read, asked about at home, sorted into trips and placed, in batches."""

import asyncio
from collections.abc import Collection, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field, replace

from ..clock import Clock
from ..context import Context
from ..ledger import Ledger, pairing
from ..ledger.arranging import Arrangeable
from ..ledger.pairing import Member
from ..ledger.trips import Sighting
from ..model import Folder
from ..watched import WatchedFolder
from .arrangement import AlbumBy, Arrangement, StackKind
from .correction import Correction, correction_of
from .pairing import Pairing, pair
from .placement import AlbumRef, Placement, place
from .reader import Reader
from .subject import Subject
from .tripbook import TripBook
from .trips import Moment, TripRules

# So many are read in one go in a thread, and placed together.
_PART = 200

type Placed = tuple[Arrangeable, Placement]
# What was seen of directories (the ledger's numbers), with what is stacked in them.
type _Paired = dict[int, tuple[frozenset[StackKind], list[Member]]]
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
        self,
        file: Arrangeable,
        subject: Subject,
        kinds: frozenset[StackKind] = frozenset(),
    ) -> None:
        """Note a file that others of its directory may belong to."""
        before, members = self.paired.get(file.directory, (frozenset(), []))
        members.append(_member(file, subject))
        self.paired[file.directory] = before | kinds, members


@dataclass(frozen=True, slots=True)
class Plan:
    """Where files go, and what belongs together.

    ``reopened`` is whether files of before belong to a trip now.
    """

    placed: Sequence[Placed]
    pairing: Pairing
    reopened: bool


class Planner:
    """Decides where files go; sends nothing."""

    def __init__(
        self,
        *,
        ledger: Ledger,
        pool: Executor,
        clock: Clock,
        context: Context,
        folders: Mapping[str, WatchedFolder],
        trips: TripBook,
    ) -> None:
        """Read in this pool and ask this home about the files of these folders."""
        self._ledger = ledger
        self._pool = pool
        self._clock = clock
        self._context = context
        self._folders = folders
        self._trips = trips

    async def plan(self, files: Sequence[Arrangeable], *, record: bool) -> Plan:
        """Return where files go, in their order; new trips are recorded, or only planned.

        Raises LedgerError.
        """
        batch = _Batch(self._reader())
        for start in range(0, len(files), _PART):
            await self._look(files[start : start + _PART], batch)
        together = await self._pair(batch.paired, record=record)
        reopened = False
        if record:
            for (folder, rules), sightings in batch.taken.items():
                reopened |= await self._trips.sort(folder, rules, sightings)
            await self._trips.name_places()
        trips = await self._trip_albums(batch.taken, record=record)

        def final(file: Arrangeable, placement: Placement) -> Placement:
            if file.asset_id in together.videos:
                # Its still stands for the video of a live photo.
                return Placement()
            album = trips.get((file.folder, file.asset_id))
            return (
                placement
                if album is None
                else replace(placement, album=album, by=AlbumBy.TRIP)
            )

        placed = [(file, final(file, placement)) for file, placement in batch.placed]
        return Plan(placed, together, reopened)

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
        for file, arrangement, subject in zip(
            files, arrangements, subjects, strict=True
        ):
            if file.id in pairs and subject.read:
                batch.add(file, subject, arrangement.stacks)
            if arrangement.album is not None and arrangement.album.by is AlbumBy.TRIP:
                key = file.folder, arrangement.album.trips
                sighting = _sighting(file.asset_id, subject)
                batch.taken.setdefault(key, {})[file.asset_id] = sighting
        others = await self._read(
            batch.reader, twins, [Arrangement()] * len(twins), {t.id for t in twins}
        )
        for twin, subject in zip(twins, others, strict=True):
            if subject.read:
                batch.add(twin, subject)

    async def _belonging(
        self, files: Sequence[Arrangeable], arrangements: Sequence[Arrangement]
    ) -> tuple[Collection[int], Sequence[Arrangeable]]:
        """Return the files (ids) that may belong to others, and unread ones beside them."""
        wanted = list(zip(files, arrangements, strict=True))
        found = {file.id for file, arrangement in wanted if arrangement.stacks}
        asked = [file for file, arrangement in wanted if arrangement.live_photos]
        if not asked:
            return found, ()
        twins = await self._ledger.ask(pairing.twins, asked)
        own = {file.id for file in files}
        return found | twins.files, [t for t in twins.unread if t.id not in own]

    async def _trip_albums(
        self, taken: _Taken, *, record: bool
    ) -> Mapping[tuple[int, str], AlbumRef]:
        """Return the albums of trips, by folder and asset."""
        albums: dict[tuple[int, str], AlbumRef] = {}
        for (folder, rules), sightings in taken.items():
            if record:
                found = await self._trips.albums(folder, list(sightings))
            else:
                found = await self._trips.plan(folder, rules, sightings)
            albums |= {
                (folder, asset_id): found[asset_id]
                for asset_id in sightings.keys() & found.keys()
            }
        return albums

    async def _pair(self, paired: _Paired, *, record: bool) -> Pairing:
        """Return what belongs together in directories, with what was known before."""
        if not paired:
            return Pairing()
        seen = [member for _, members in paired.values() for member in members]
        if record:
            await self._ledger.run(pairing.note, seen)
        known = await self._ledger.ask(pairing.of_directories, list(paired))
        directories = [
            (list({m.file: m for m in (*known[key], *members)}.values()), kinds)
            for key, (kinds, members) in paired.items()
        ]
        return await asyncio.get_running_loop().run_in_executor(
            self._pool, pair, directories
        )

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

        return await asyncio.get_running_loop().run_in_executor(self._pool, read)

    def arrangements(self, files: Sequence[Arrangeable]) -> list[Arrangement]:
        """Return what is wanted of files; nothing where the folder is gone."""
        by_number = self._by_number()
        return [
            Arrangement()
            if (watched := by_number.get(file.folder)) is None
            else _arrangement(watched.folder, file)
            for file in files
        ]

    def _by_number(self) -> Mapping[int, WatchedFolder]:
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


def _sighting(asset_id: str, subject: Subject) -> Sighting:
    """Return when and where an asset was taken, as trips see it."""
    moment = Moment(
        asset_id=asset_id, at=subject.taken.timestamp(), place=subject.place
    )
    return Sighting(moment=moment, day=subject.taken.date())


def _member(file: Arrangeable, subject: Subject) -> Member:
    """Return a file as one of its directory that others may belong to."""
    return Member(
        file=file.id,
        name=file.path.rpartition(b"/")[2],
        asset_id=file.asset_id,
        facts=subject.facts,
    )
