"""What a scan of a whole folder says about its root."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
import time
from types import SimpleNamespace
from typing import Any, cast

import pytest

from custom_components.immich_backup.engine.clock import SystemClock
from custom_components.immich_backup.engine.detect import folder_scan
from custom_components.immich_backup.engine.detect.folder_scan import (
    FolderScan,
    RootScan,
)
from custom_components.immich_backup.engine.detect.root import Root
from custom_components.immich_backup.engine.detect.scan import Scanner, ScanResult
from custom_components.immich_backup.engine.detect.scan_timer import ScanTimer
from custom_components.immich_backup.engine.ledger.rows import FolderRow
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


@pytest.mark.parametrize(
    ("seconds", "result", "told"),
    [
        (0.0, ScanResult(files=5), []),
        (0.0, ScanResult(files=5, changes=1), [False]),
        (0.0, ScanResult(files=5, back=1), [False]),
        (0.0, ScanResult(files=5, missing=1), [False]),
        (0.0, ScanResult(files=5, gone=1), [False]),
        (0.2, ScanResult(files=5), [True, False]),
    ],
)
async def test_what_is_told_of_a_scan(
    monkeypatch: pytest.MonkeyPatch,
    seconds: float,
    result: ScanResult,
    told: list[bool],
) -> None:
    """A scan that lasts, and one that changed numbers; not each that is over at once."""
    monkeypatch.setattr(folder_scan, "_SHOW_AFTER", 0.05)
    heard: list[bool] = []

    class Ledger:
        async def ask(self, *_: object) -> int:
            return 0

    def walk(**_: object) -> ScanResult:
        time.sleep(seconds)
        return result

    with ThreadPoolExecutor(1) as pool:
        scan = FolderScan(
            ledger=cast("Any", Ledger()),
            pool=pool,
            clock=SystemClock(),
            timer=ScanTimer(time.monotonic),
            session=1,
            emit=lambda event: heard.append(scan.scanning),
            interrupted=lambda: False,
        )
        monkeypatch.setattr(
            FolderScan, "_scanner", lambda *_: SimpleNamespace(scan=walk)
        )
        root = Root("/x", cast("Any", object()), None)
        row = FolderRow(id=1, root=None, identity=None, baseline=True, accepted=False)
        answer = await scan.scan(cast("Any", None), row, root, polling=True)
    assert answer == (result, None)
    assert heard == told
    assert not scan.scanning
