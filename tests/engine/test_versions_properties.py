"""One of them only, whatever lies beside it: of each shot something is always kept."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import override

from hypothesis import given, settings, strategies as st

from custom_components.immich_backup.engine import FileState, Folder, RuleSet
from custom_components.immich_backup.engine.evaluate import Evaluation
from custom_components.immich_backup.engine.ledger.files import Verdict
from custom_components.immich_backup.engine.ledger.rows import FileRow, Stamp
from custom_components.immich_backup.engine.ledger.siblings import Sibling
from custom_components.immich_backup.engine.media import DateSource, MediaFacts
from custom_components.immich_backup.engine.model import Reason
from custom_components.immich_backup.engine.organise.arrangement import (
    Arrangement,
    parse_arrangement,
)
from custom_components.immich_backup.engine.organise.together import CHOICES
from custom_components.immich_backup.engine.versions import _Choice, kept_instead

WALL = datetime(2024, 7, 12, 10)
NOW = 1_000_000.0
BURST = "IMG_20240712_100000_BURST00"
SHOT = [f"1.{extension}" for extension in ("jpg", "heic", "dng", "mov", "JPEG", "png")]
FRAMES = [
    f"{BURST}{end}"
    for end in ("1.jpg", "2_COVER.jpg", "2_COVER.dng", "3.jpg", "3.dng", "4_COVER.jpg")
]
NAMES = [*SHOT, *FRAMES]

arrangements = st.fixed_dictionaries(
    {
        kind.value: st.sampled_from([word for word in words if word != "stack"])
        for kind, words in CHOICES.items()
    }
).map(parse_arrangement)
GOOD = MediaFacts(
    captured_at=WALL,
    captured_source=DateSource.EXIF,
    width=40,
    height=30,
    model="X-1",
)
# Most are as they should be, so that much is left out.
facts = st.one_of(
    st.just(GOOD),
    st.just(GOOD),
    st.just(GOOD),
    st.just(replace(GOOD, is_motion_photo=True)),
    st.builds(
        MediaFacts,
        captured_at=st.sampled_from([WALL, WALL, WALL + timedelta(seconds=9), None]),
        captured_source=st.sampled_from([DateSource.EXIF, DateSource.NAME]),
        width=st.sampled_from([40, 4000, None]),
        height=st.just(30),
        model=st.sampled_from(["X-1", "X-2", None]),
        content_identifier=st.sampled_from([None, "A"]),
        burst_id=st.sampled_from([None, "x"]),
        is_motion_photo=st.booleans(),
        duration=st.sampled_from([None, 2.0]),
    ),
)


def some(names: list[str], least: int) -> st.SearchStrategy[dict[str, MediaFacts]]:
    """Return directories in which there are some of these names."""
    return st.dictionaries(st.sampled_from(names), facts, min_size=least, max_size=4)


directories = st.one_of(some(SHOT[:3], 2), some(SHOT, 2), some(FRAMES, 2))


@given(directories, arrangements, st.sets(st.sampled_from(NAMES)))
@settings(max_examples=1000)
def test_something_is_kept(
    files: Mapping[str, MediaFacts], arrangement: Arrangement, refused: set[str]
) -> None:
    """What is left out has another one that is wanted, kept and certainly of its shot."""
    wanted = files.keys() - refused
    left_out = kept_instead(
        {name: lambda one=one: one for name, one in files.items()},  # type: ignore[misc]
        wanted,
        arrangement.only,
    )
    for name, other in left_out.items():
        assert other in wanted - left_out.keys()
        assert not files[name].is_motion_photo
        for one in (files[name], files[other]):
            assert one.captured_source is DateSource.EXIF
            assert one.captured_at is not None
        assert not name.endswith((".mov", ".png"))
    assert not left_out or arrangement.only


class Choice(_Choice):
    """Chooses among files whose facts are known."""

    def __init__(self, files: Mapping[str, MediaFacts], *values: object) -> None:
        """Read nothing."""
        super().__init__(*values)  # type: ignore[arg-type]
        self._told = files

    @override
    def _facts(
        self, directory: bytes, number: int, name: str, stamp: Stamp
    ) -> MediaFacts:
        return self._told[name]


known = st.fixed_dictionaries(
    {
        "state": st.sampled_from(
            [FileState.WAITING, *(one for one in FileState if one != FileState.GONE)]
        ),
        "reason": st.sampled_from(
            [Reason.RULE, Reason.OTHER_KEPT, Reason.OTHER_AWAITED]
        ),
        "attempts": st.sampled_from([0, 3]),
        "again": st.sampled_from([None, None, NOW + 9999, NOW + 30]),
        "current": st.booleans(),
        # In the batch that is decided, and what the rules want of it.
        "in_batch": st.booleans(),
        "wanted": st.sampled_from([True, True, False]),
        "ctime": st.sampled_from([0, NOW - 5, NOW + 5]),
    }
)


@given(
    directories,
    arrangements,
    st.lists(known, min_size=len(NAMES), max_size=len(NAMES)),
)
@settings(max_examples=1000)
def test_what_is_left_out_is_on_its_way(
    files: Mapping[str, MediaFacts],
    arrangement: Arrangement,
    states: list[dict[str, object]],
) -> None:
    """Whatever the ledger says of the others: one of them is stored or will be."""
    folder = Folder(
        id="camera", name="Camera", path="/", rules=RuleSet(), arrangement=arrangement
    )
    numbers = {name: number for number, name in enumerate(NAMES)}
    rows, verdicts = {}, {}
    for name in files:
        one = states[numbers[name]]
        stamp = Stamp(1, 1, int(one["ctime"] * 1e9))  # type: ignore[operator, call-overload]
        rows[name] = Sibling(
            id=numbers[name],
            name=name,
            stamp=stamp,
            state=one["state"],  # type: ignore[arg-type]
            reason=one["reason"],  # type: ignore[arg-type]
            attempts=one["attempts"],  # type: ignore[arg-type]
            again=one["again"],  # type: ignore[arg-type]
            rules_version=folder.rules_version if one["current"] else None,
        )
        # What is proven is not decided again.
        is_done = one["state"] in (FileState.PROTECTED, FileState.DECLINED)
        if one["in_batch"] and not is_done:
            verdicts[name] = Verdict(
                file=FileRow(
                    id=numbers[name],
                    folder=1,
                    path=name.encode(),
                    stamp=stamp,
                    sha1=None,
                    state=one["state"],  # type: ignore[arg-type]
                    existing=False,
                    attempts=one["attempts"],  # type: ignore[arg-type]
                ),
                state=FileState.WAITING if one["wanted"] else FileState.UNWANTED,
                reason=Reason.QUEUED if one["wanted"] else Reason.RULE,
            )
    beside = {
        verdict.file.id: list(rows.values())
        for verdict in verdicts.values()
        if verdict.state is FileState.WAITING and arrangement.only
    }
    outcome = Evaluation(verdicts=list(verdicts.values()))
    choice = Choice(files, folder, b"/", outcome, beside, NOW)
    made = {
        verdict.file.path.decode(): verdict
        for verdict in choice.verdicts()
        if verdict.reason in (Reason.OTHER_KEPT, Reason.OTHER_AWAITED)
    }
    for name, verdict in made.items():
        assert verdicts[name].state is FileState.WAITING
        if verdict.reason is Reason.OTHER_AWAITED:
            assert verdict.until is not None
            assert NOW < verdict.until <= NOW + 60
            continue
        other = verdict.detail
        assert other is not None
        assert other not in made
        state = rows[other].state
        if state is FileState.PROTECTED:
            assert verdict.until is None
            continue
        assert verdict.until is not None
        assert NOW < verdict.until <= NOW + 6 * 3600
        assert state is not FileState.DECLINED
        assert state is not FileState.PARKED
        assert state is not FileState.FAILED or rows[other].attempts < 3
        if other in verdicts:
            assert verdicts[other].state is FileState.WAITING
        else:
            assert state in (FileState.WAITING, FileState.FAILED)
            assert rows[other].rules_version == folder.rules_version
