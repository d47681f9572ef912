"""Reading files and what lies beside them, as far as their arrangements depend on it."""

from collections.abc import Mapping
from datetime import tzinfo

from ..beside import Surroundings
from ..ledger.arranging import Arrangeable
from ..media.names import date_in
from .arrangement import Arrangement, DateCorrection
from .subject import Subject, read_subject


class Reader:
    """Reads the files of some folders; blocking, for one pass over them."""

    def __init__(
        self, folders: Mapping[int, tuple[str, bytes | None]], zone: tzinfo
    ) -> None:
        """Take the folders' names and roots by their numbers, and the home's zone.

        Of a folder without a root nothing is read.
        """
        self._folders = folders
        self._zone = zone
        self._beside = {
            root: Surroundings(root) for _, root in folders.values() if root is not None
        }

    def read(
        self, file: Arrangeable, arrangement: Arrangement, *, needed: bool
    ) -> Subject:
        """Return a file as its arrangement sees it; one that is needed is read."""
        name, root = self._folders.get(file.folder, ("", None))
        if root is None:
            return read_subject(name, None, file, self._zone)
        sidecar, takeout = None, None
        if arrangement.sidecars:
            sidecar, takeout = self._beside[root].of(file.path)
        if not (needed or sidecar or takeout or _depends(file, arrangement)):
            root = None
        return read_subject(name, root, file, self._zone, sidecar, takeout)


def _depends(file: Arrangeable, arrangement: Arrangement) -> bool:
    """Return whether it matters what a file says itself."""
    if arrangement.needs_date or arrangement.keywords:
        return True
    match arrangement.dates:
        case DateCorrection.ALWAYS:
            return file.ours
        case DateCorrection.NAME:
            # Without a date of its own it would have that of its name.
            name = file.path.decode("utf-8", "replace")
            return file.ours and date_in(name) is not None
        case _:
            return False
