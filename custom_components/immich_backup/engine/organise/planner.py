"""Where files go: read, asked about at home, sorted into trips and placed, in batches."""

import asyncio
from collections.abc import Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, replace

from ..context import Context
from ..ledger.arranging import Arrangeable
from ..ledger.trips import Sighting
from ..model import Folder
from ..watched import WatchedFolder
from .arrangement import AlbumBy, Arrangement
from .placement import AlbumRef, Placement, place
from .subject import Subject, read_subject
from .tripbook import TripBook
from .trips import Moment, TripRules

# So many are read in one go in a thread, and placed together.
_PART = 200

type Placed = tuple[Arrangeable, Placement]
# The assets (their ids) of a folder (the ledger's number) by what makes a trip there.
type _Taken = dict[tuple[int, TripRules], dict[str, Sighting]]


@dataclass(frozen=True, slots=True)
class Plan:
    """Where files go; ``reopened`` is whether files of before belong to a trip now."""

    placed: Sequence[Placed]
    reopened: bool


class Planner:
    """Decides where files go; sends nothing."""

    def __init__(
        self,
        *,
        pool: Executor,
        context: Context,
        folders: Mapping[str, WatchedFolder],
        trips: TripBook,
    ) -> None:
        """Read in this pool and ask this home about the files of these folders."""
        self._pool = pool
        self._context = context
        self._folders = folders
        self._trips = trips

    async def plan(self, files: Sequence[Arrangeable], *, record: bool) -> Plan:
        """Return where files go, in their order; new trips are recorded, or only planned.

        Raises LedgerError.
        """
        placed: list[Placed] = []
        taken: _Taken = {}
        for start in range(0, len(files), _PART):
            part = files[start : start + _PART]
            arrangements = self.arrangements(part)
            subjects = await self.read(part)
            placements = await place(
                list(zip(subjects, arrangements, strict=True)), self._context
            )
            for file, arrangement, subject in zip(
                part, arrangements, subjects, strict=True
            ):
                if arrangement.album is not None and (
                    arrangement.album.by is AlbumBy.TRIP
                ):
                    key = file.folder, arrangement.album.trips
                    sighting = _sighting(file.asset_id, subject)
                    taken.setdefault(key, {})[file.asset_id] = sighting
            placed += zip(part, placements, strict=True)
        if not taken:
            return Plan(placed, reopened=False)
        reopened = False
        if record:
            for (folder, rules), sightings in taken.items():
                reopened |= await self._trips.sort(folder, rules, sightings)
            await self._trips.name_places()
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
        return Plan(
            [
                (file, placement)
                if (album := albums.get((file.folder, file.asset_id))) is None
                else (file, replace(placement, album=album))
                for file, placement in placed
            ],
            reopened,
        )

    async def read(self, files: Sequence[Arrangeable]) -> list[Subject]:
        """Return files as their arrangements see them."""
        zone = self._context.time_zone
        by_number = self._by_number()

        def read() -> list[Subject]:
            subjects = []
            for file in files:
                watched = by_number.get(file.folder)
                root, name = None, ""
                if watched is not None:
                    name, source = watched.folder.name, watched.source
                    # What does not depend on it is not read.
                    if source is not None and (
                        _arrangement(watched.folder, file).needs_date
                    ):
                        root = source.root
                subjects.append(read_subject(name, root, file, zone))
            return subjects

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

    def _by_number(self) -> Mapping[int | None, WatchedFolder]:
        """Return the folders by the ledger's numbers."""
        return {watched.number: watched for watched in self._folders.values()}


def _arrangement(folder: Folder, file: Arrangeable) -> Arrangement:
    """Return what is wanted of a file of a folder."""
    rule = folder.rule_arrangements.get(file.rule or "")
    arrangement = folder.arrangement
    return arrangement if rule is None else arrangement.refined(rule)


def _sighting(asset_id: str, subject: Subject) -> Sighting:
    """Return when and where an asset was taken, as trips see it."""
    moment = Moment(
        asset_id=asset_id, at=subject.taken.timestamp(), place=subject.place
    )
    return Sighting(moment=moment, day=subject.taken.date())
