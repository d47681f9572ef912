"""Rules that ask the home: zones, calendars and templates, and a home that is silent."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, override

from hypothesis import given, strategies as st
import pytest

from custom_components.immich_backup.engine import FileState, OpenContext, RuleSet
from custom_components.immich_backup.engine.clock import SystemClock
from custom_components.immich_backup.engine.context import (
    CalendarEvent,
    Place,
    Rendered,
    UnknownToHomeError,
)
from custom_components.immich_backup.engine.enquiry import PATIENCE, Enquiry
from custom_components.immich_backup.engine.media import DateSource, MediaFacts
from custom_components.immich_backup.engine.model import Reason
from custom_components.immich_backup.engine.rules import (
    Decision,
    Media,
    MediaKind,
    RuleAction,
    parse_rule,
)
from simulator import Simulator
from tests.support import media as made

from .support import Rig, folder_at, make, rig_on, until

NOW = datetime(2026, 5, 1, tzinfo=UTC).timestamp()
PARTY = datetime(2026, 4, 30, 20, tzinfo=UTC)
HOME = (52.0, 5.0)


class FakeHome(OpenContext):
    """A home with one zone, one calendar and one template, which counts questions."""

    def __init__(self) -> None:
        """Have everything, and be asked nothing yet."""
        self.asked: list[tuple[str, int]] = []
        self.silent = False
        self.answers: dict[str, str | None] = {}
        self.events = [CalendarEvent("Party", PARTY, PARTY + timedelta(hours=2))]

    @override
    async def within(self, zone: str, places: Sequence[Place]) -> Sequence[bool]:
        self.asked.append((zone, len(places)))
        if self.silent or zone != "zone.home":
            raise UnknownToHomeError(f"There is no zone {zone} at present")
        return [place == HOME for place in places]

    @override
    async def render(self, template: str, media: Sequence[Any]) -> Sequence[Rendered]:
        self.asked.append((template, len(media)))
        return [
            Rendered(text, "" if text is not None else "It failed")
            for one in media
            for text in [self.answers.get(one["name"], "True")]
        ]

    @override
    async def calendar_events(
        self, calendar: str, start: datetime, end: datetime
    ) -> Sequence[CalendarEvent]:
        self.asked.append((calendar, 1))
        if self.silent or calendar != "calendar.family":
            raise UnknownToHomeError(f"There is no calendar {calendar} at present")
        return [e for e in self.events if e.start < end and e.end > start]


def photo(
    path: str = "a.jpg",
    taken: datetime | None = PARTY,
    place: Place | None = HOME,
    **values: Any,
) -> Media:
    """Return a photo; what is inside is read only once."""
    facts = MediaFacts(
        captured_at=None if taken is None else taken.replace(tzinfo=None),
        captured_source=DateSource.EXIF,
        latitude=None if place is None else place[0],
        longitude=None if place is None else place[1],
    )
    return Media(
        path=path,
        size=1,
        modified=NOW - 3600,
        kind=MediaKind.PHOTO,
        read=lambda: facts,
        **values,
    )


def wanting(**rule: object) -> RuleSet:
    """Return rules of which one wants a file."""
    return RuleSet(
        kinds=frozenset(), rules=(parse_rule({"action": "back_up", **rule}, 1),)
    )


async def decide(
    rules: RuleSet, files: Sequence[Media], home: FakeHome
) -> list[Decision]:
    """Decide for files, asking the home as long as there are questions."""
    enquiry = Enquiry(home, SystemClock())
    for _ in range(10):
        decisions = [rules.decide(one, NOW) for one in files]
        if not (asking := [one for one in files if one.questions]):
            return decisions
        await enquiry.answer(asking)
    raise AssertionError("The questions never end")


@pytest.mark.parametrize(
    ("rule", "wanted", "unknown"),
    [
        ({"zones": ["zone.home"]}, {"party"}, {"nowhere"}),
        ({"zones": ["zone.gone", "zone.home"]}, {"party"}, {"late", "nowhere"}),
        ({"calendars": ["calendar.family"]}, {"party", "nowhere"}, {"undated"}),
        (
            {"calendars": ["calendar.family"], "event": "PART"},
            {"party", "nowhere"},
            {"undated"},
        ),
        ({"calendars": ["calendar.family"], "event": "Work"}, set(), {"undated"}),
        (
            {"calendars": ["calendar.gone", "calendar.family"]},
            {"party", "nowhere"},
            {"late", "undated"},
        ),
        ({"template": "x"}, {"party"}, {"late", "undated"}),
        ({"template": "x", "zones": "zone.home"}, {"party"}, {"nowhere"}),
    ],
)
async def test_answers(
    rule: dict[str, object], wanted: set[str], unknown: set[str]
) -> None:
    """What the home says decides; what it can't say never matches, and is told."""
    home = FakeHome()
    home.answers = {"late": None, "undated": "perhaps", "nowhere": "off"}
    files = [
        photo("party"),
        photo("late", PARTY + timedelta(hours=2), (0.0, 0.0)),
        photo("nowhere", place=None),
        photo("undated", None, (0.0, 0.0)),
    ]
    if rule.get("zones") == "zone.home":
        # Outside is outside, whatever the template would make of it.
        files = files[:3]
    decisions = await decide(wanting(**rule), files, home)
    by_name = {one.path: found for one, found in zip(files, decisions, strict=True)}
    assert {name for name, found in by_name.items() if found.wanted} == wanted
    known = {"undated"} if rule.get("zones") == ["zone.gone", "zone.home"] else set()
    assert {name for name, found in by_name.items() if found.unknown} == unknown | known


async def test_one_question_for_all_files() -> None:
    """However many files there are, each thing is asked once; others are not asked."""
    home = FakeHome()
    files = [photo(f"{number}.jpg") for number in range(50)]
    files += [photo(f"{number}.png") for number in range(50)]
    rules = wanting(
        extensions="jpg", zones="zone.home", calendars="calendar.family", template="x"
    )
    rules = RuleSet(rules=rules.rules)
    await decide(rules, files, home)
    assert home.asked == [("zone.home", 50), ("calendar.family", 1), ("x", 50)]


async def test_without_such_rules_nothing_is_asked() -> None:
    """A file that an earlier rule decides is not even read."""

    def forbidden() -> MediaFacts:
        raise AssertionError

    home = FakeHome()
    first = parse_rule({"action": "skip", "extensions": "jpg"}, 1)
    rules = RuleSet(rules=(first, *wanting(template="x").rules))
    one = photo()
    one.read = forbidden
    assert not (await decide(rules, [one], home))[0].wanted
    assert home.asked == []


@given(
    st.lists(
        st.fixed_dictionaries(
            {
                "action": st.sampled_from(RuleAction),
                "zones": st.sampled_from(["", "zone.home", "zone.gone"]),
                "calendars": st.sampled_from(["", "calendar.family", "calendar.gone"]),
                "template": st.sampled_from(["", "x"]),
                "location": st.sampled_from(["", "yes", "no"]),
            }
        ),
        max_size=4,
    ),
    st.lists(
        st.builds(
            photo,
            st.sampled_from(["a", "b", "c"]),
            st.sampled_from([None, PARTY, PARTY - timedelta(days=9)]),
            st.sampled_from([None, HOME, (0.0, 0.0)]),
        ),
        max_size=5,
    ),
)
async def test_any_rules_and_files(
    rules: list[dict[str, Any]], files: list[Media]
) -> None:
    """Questions end, a pending file waits for the home, and unknown never matches."""
    home = FakeHome()
    home.answers = {"a": None, "b": "no"}
    parsed = RuleSet(rules=tuple(parse_rule(data, n) for n, data in enumerate(rules)))
    for found in await decide(parsed, files, home):
        assert not found.pending or (found.unknown and found.until is not None)
        if found.criterion is not None and found.rule is not None:
            rule = next(r for r in parsed.rules if r.name == found.rule)
            assert (
                found.criterion.split(", ") == [c.name for c in rule.criteria]
                or not rule.criteria
            )


async def wake(rig: Rig, seconds: float) -> None:
    """Let so much time pass, and have the folder look at what is due."""
    rig.clock.wall += seconds
    rig.clock.passed += seconds
    await rig.engine.apply(rig.engine.folders["camera"])


async def test_silent_home(server: Simulator, tmp_path: Path, camera: Path) -> None:
    """A file waits for a late answer and follows it; it is not sent in the meantime."""
    home = FakeHome()
    home.silent = True
    private = parse_rule(
        {"name": "Private", "action": "skip", "calendars": "calendar.family"}, 1
    )
    folder = folder_at(camera, rules=RuleSet(rules=(private,)))
    secret = make(camera, "secret.jpg", shot(PARTY))
    other = make(camera, "other.jpg", shot(PARTY + timedelta(hours=5)))
    undated = make(camera, "undated.jpg")
    async with rig_on(server, tmp_path / "ledger.db", [folder], context=home) as rig:
        await rig.wait_for(FileState.PROTECTED, undated)
        report = await rig.wait_for(FileState.UNWANTED, secret, other)
        assert report.reason is Reason.UNDECIDED
        assert "calendar.family" in rig.engine.reason_text(report)
        plan = (await rig.engine.plan())["camera"]
        assert plan.left_out == {"undecided": 2}
        home.silent = False
        await wake(rig, 16 * 60)
        await rig.wait_for(FileState.PROTECTED, other)
        assert (await rig.file(secret)).reason is Reason.RULE
        assert rig.names() == ["other.jpg", "undated.jpg"]


async def test_home_that_never_answers(
    server: Simulator, tmp_path: Path, camera: Path
) -> None:
    """After a day files are backed up although a rule could not be asked."""
    home = FakeHome()
    rule = parse_rule({"action": "skip", "zones": "zone.gone"}, 1)
    folder = folder_at(camera, rules=RuleSet(rules=(rule,)))
    one = make(camera, "a.jpg", shot(PARTY))
    async with rig_on(server, tmp_path / "ledger.db", [folder], context=home) as rig:
        await rig.wait_for(FileState.UNWANTED, one)
        asked = len(home.asked)
        await wake(rig, PATIENCE)
        await rig.wait_for(FileState.PROTECTED, one)
        assert len(home.asked) == asked + 1


async def test_calendar_that_is_filled_in_late(
    server: Simulator, tmp_path: Path, camera: Path
) -> None:
    """What the home says otherwise later is followed, without a scan."""
    home = FakeHome()
    home.events = []
    rule = parse_rule({"action": "back_up", "calendars": "calendar.family"}, 1)
    folder = folder_at(camera, rules=RuleSet(kinds=frozenset(), rules=(rule,)))
    one = make(camera, "a.jpg", shot(PARTY))
    async with rig_on(server, tmp_path / "ledger.db", [folder], context=home) as rig:
        assert (await rig.wait_for(FileState.UNWANTED, one)).reason is Reason.KIND
        home.events = [CalendarEvent("Party", PARTY, PARTY + timedelta(hours=2))]
        await wake(rig, 16 * 60)
        await rig.wait_for(FileState.PROTECTED, one)


async def test_question_that_fails(
    server: Simulator,
    tmp_path: Path,
    camera: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A bug in the home's answer is unknown, and keeps nothing from being stored."""

    class Broken(FakeHome):
        @override
        async def render(
            self, template: str, media: Sequence[Any]
        ) -> Sequence[Rendered]:
            raise RuntimeError("Broken")

    rule = parse_rule({"action": "skip", "template": "x"}, 1)
    folder = folder_at(camera, rules=RuleSet(rules=(rule,)))
    one = make(camera, "a.jpg", shot(PARTY))
    async with rig_on(
        server, tmp_path / "ledger.db", [folder], context=Broken()
    ) as rig:
        await rig.wait_for(FileState.PROTECTED, one)

        async def told() -> bool:
            return "Unexpected error while asking the home" in caplog.text

        await until(told)


def shot(moment: datetime) -> bytes:
    """Return a photo that was taken at home at a moment, by its clock."""
    exif = {0x9003: f"{moment:%Y:%m:%d %H:%M:%S}"}
    return made.jpeg(
        made.tiff(exif=exif, gps=made.place(*HOME)), appended=str(moment).encode()
    )
