"""What a scan of a whole folder says about its root."""

from collections.abc import Callable
from typing import cast

import pytest

from custom_components.immich_backup.engine.detect.folder_scan import RootScan
from custom_components.immich_backup.engine.detect.scan import Scanner, ScanResult
from custom_components.immich_backup.engine.model import FolderTrouble

EMPTY = FolderTrouble.SUDDENLY_EMPTY
ELSEWHERE = FolderTrouble.OTHER_FILE_SYSTEM


class Walk:
    """Stands in for a scanner: meets what it is told to."""

    def __init__(self, *, files: int = 0, errors: int = 0, known: int = 0) -> None:
        """Meet so many files, ``known`` of them as they were, and so many errors."""
        self._files = files
        self._errors = errors
        self._known = known
        self.certain: bool | None = None

    def scan(self, *, certain: Callable[[ScanResult], bool]) -> ScanResult:
        """Meet everything, and ask at the end."""
        result = ScanResult(files=self._files, error_count=self._errors)
        self.certain = certain(result)
        return result

    def recognise(self) -> ScanResult:
        """Meet the first known file, or everything."""
        return ScanResult(
            files=self._files, error_count=self._errors, recognised=self._known > 0
        )


@pytest.mark.parametrize(
    ("doubtful", "walk", "trouble"),
    [
        (False, Walk(), None),
        (True, Walk(), EMPTY),
        (True, Walk(files=1), None),
        # Nobody knows what is behind an error.
        (True, Walk(errors=1), None),
    ],
)
def test_empty_root(doubtful: bool, walk: Walk, trouble: FolderTrouble | None) -> None:
    """It is in trouble only if files are known, and nothing kept them from being met."""
    scan = RootScan(doubtful=doubtful, elsewhere=False)
    assert scan.walk(cast("Scanner", walk)) is not None
    assert scan.trouble is trouble
    assert walk.certain is (trouble is None)


@pytest.mark.parametrize(
    ("walk", "trouble"),
    [
        (Walk(), EMPTY),
        (Walk(files=2), ELSEWHERE),
        (Walk(errors=1), ELSEWHERE),
        (Walk(files=2, known=1), None),
    ],
)
def test_other_file_system(walk: Walk, trouble: FolderTrouble | None) -> None:
    """It is scanned only if something in it is as it was."""
    scan = RootScan(doubtful=True, elsewhere=True)
    result = scan.walk(cast("Scanner", walk))
    assert scan.trouble is trouble
    assert (result is None) is (trouble is not None)
    assert walk.certain is (None if result is None else True)
