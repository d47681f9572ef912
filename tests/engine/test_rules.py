"""Rules: reading them, patterns on paths, decisions and when they change."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from fnmatch import fnmatchcase
from typing import Any
from zoneinfo import ZoneInfo

from hypothesis import given, strategies as st
import pytest

from custom_components.immich_backup.engine import (
    MediaKind,
    Rule,
    RuleAction,
    RuleError,
    RuleSet,
    parse_rule,
)
from custom_components.immich_backup.engine.media import DateSource, MediaFacts, Trouble
from custom_components.immich_backup.engine.media_types import DEFAULT_EXTENSIONS
from custom_components.immich_backup.engine.rules import Media
from custom_components.immich_backup.engine.rules.age import AgeCriterion
from custom_components.immich_backup.engine.rules.glob import GlobCriterion
from custom_components.immich_backup.engine.rules.media import extension_of

NOW = datetime(2026, 5, 1, tzinfo=UTC).timestamp()
DAY = 86400.0
FIELDS = (
    "name",
    "action",
    "types",
    "extensions",
    "paths",
    "min_size_mb",
    "max_size_mb",
    "older_than_days",
    "newer_than_days",
    "captured_from",
    "captured_to",
    "min_pixels",
    "max_pixels",
    "min_seconds",
    "max_seconds",
    "cameras",
    "screenshot",
    "location",
    "zones",
    "calendars",
    "event",
    "template",
    "other",
)


def media(path: str = "a.jpg", **facts: Any) -> Media:
    """Return a photo that was changed a day ago."""
    values: dict[str, Any] = {
        "size": 1000,
        "modified": NOW - DAY,
        "kind": DEFAULT_EXTENSIONS.get(extension_of(path)),
    }
    return Media(path=path, **(values | facts))


def rule(**data: object) -> Rule:
    """Return a rule that backs up."""
    return parse_rule({"action": "back_up", **data}, 1)


def only(*rules: Rule) -> RuleSet:
    """Return rules beyond which nothing is wanted."""
    return RuleSet(kinds=frozenset(), rules=rules, extensions=DEFAULT_EXTENSIONS)


def matches(pattern: str, path: str) -> bool | None:
    """Return whether a pattern matches a path."""
    return GlobCriterion((pattern,)).ask(media(path), NOW).matches


anything = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=20)
    | st.binary(max_size=5)
    | st.sampled_from(["back_up", "skip", "photo", "jpg", "2024-05-01", "1e306", "**"]),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner)
    ),
    max_leaves=4,
)
numbers = st.none() | st.integers(0, 10**7) | st.floats(0, 1e9)
days = st.none() | st.dates().map(date.isoformat)
sensible = st.fixed_dictionaries(
    {
        "name": st.text(max_size=5),
        "action": st.sampled_from(RuleAction),
        "types": st.lists(st.sampled_from(MediaKind), max_size=2),
        "extensions": st.lists(st.sampled_from(["jpg", ".PNG", "*.mp4"]), max_size=3),
        "paths": st.lists(
            st.text("ab*?[]!/.-", min_size=1, max_size=8), max_size=2
        ).filter(
            lambda found: all(p.strip("/") and ".." not in p.split("/") for p in found)
        ),
        "min_size_mb": numbers,
        "older_than_days": numbers,
        "captured_from": days,
        "max_pixels": numbers,
        "max_seconds": numbers,
        "cameras": st.lists(st.sampled_from(["canon", "x"]), max_size=2),
        "screenshot": st.sampled_from([None, "yes", "no"]),
        "location": st.sampled_from([None, "yes", "no"]),
        "zones": st.lists(st.sampled_from(["zone.home", "Work"]), max_size=2),
        "calendars": st.lists(st.just("calendar.a"), max_size=1),
        "template": st.sampled_from([None, "{{ true }}"]),
    }
)
many = st.builds(
    media,
    st.text("ab/.", min_size=1, max_size=8).map(lambda text: f"{text}.jpg"),
    size=st.integers(0, 2**50),
    modified=st.floats(-1e10, 1e10),
    kind=st.none() | st.sampled_from(MediaKind),
    existing=st.booleans(),
    read=st.builds(
        MediaFacts,
        captured_at=st.none() | st.datetimes(),
        width=st.none() | st.just(640),
        height=st.just(480),
    ).map(lambda facts: lambda: facts),
)


@given(st.dictionaries(st.sampled_from(FIELDS), anything))
def test_anything_is_a_rule_or_an_error(data: dict[str, object]) -> None:
    """Whatever was stored: a rule that can decide, or an error that names a field."""
    error: RuleError | None = None
    try:
        found = parse_rule(data, 3)
    except RuleError as err:
        error = err
    if error is not None:
        assert error.field in FIELDS
        assert error.reason
    else:
        assert found.name
        decision = only(found).decide(media(), NOW)
        assert decision.rule in (None, found.name)


@pytest.mark.parametrize(
    ("data", "field", "reason"),
    [
        ({"action": "burn"}, "action", "unknown"),
        ({"types": ["song"]}, "types", "unknown"),
        ({"types": 5}, "types", "not_a_list"),
        ({"extensions": ["*"]}, "extensions", "not_an_extension"),
        ({"extensions": ["a/b"]}, "extensions", "not_an_extension"),
        ({"extensions": [" , ;"]}, "extensions", "not_an_extension"),
        ({"paths": ["///"]}, "paths", "not_a_pattern"),
        ({"paths": ["../secret"]}, "paths", "not_a_pattern"),
        ({"paths": ["x" * 257]}, "paths", "not_a_pattern"),
        ({"min_size_mb": "much"}, "min_size_mb", "not_a_number"),
        ({"min_size_mb": -1}, "min_size_mb", "not_a_number"),
        ({"min_size_mb": "nan"}, "min_size_mb", "not_a_number"),
        ({"min_size_mb": 1e306}, "min_size_mb", "not_a_number"),
        ({"min_size_mb": 2, "max_size_mb": 1}, "max_size_mb", "below_minimum"),
        (
            {"older_than_days": 5, "newer_than_days": 5},
            "newer_than_days",
            "never_both",
        ),
        ({"min_seconds": 2, "max_seconds": 1}, "max_seconds", "below_minimum"),
        ({"screenshot": "perhaps"}, "screenshot", "unknown"),
        ({"location": ["yes"]}, "location", "unknown"),
        ({"cameras": 5}, "cameras", "not_a_list"),
        ({"zones": 5}, "zones", "not_a_list"),
        ({"event": "Party"}, "calendars", "no_calendar"),
        ({"template": True}, "template", "unknown"),
        ({"template": "x" * 2001}, "template", "rule_too_long"),
        ({"captured_from": "May"}, "captured_from", "not_a_date"),
        (
            {"captured_from": "2024-05-02", "captured_to": "2024-05-01"},
            "captured_to",
            "before_start",
        ),
    ],
)
def test_error_names_field_and_reason(
    data: dict[str, object], field: str, reason: str
) -> None:
    """The form can say what is wrong where."""
    with pytest.raises(RuleError) as caught:
        parse_rule(data, 1)
    assert (caught.value.field, caught.value.reason) == (field, reason)


def test_ways_to_write_a_rule() -> None:
    """Lists may be one text, extensions have many forms, a nameless rule a number."""
    one = parse_rule({"extensions": "jpg, .PNG\n*.Gif", "name": "  "}, 4)
    other = parse_rule({"extensions": [".jpg", "png", "GIF"], "action": "skip"}, 4)
    several = parse_rule({"extensions": ["jpg, .PNG", " *.gif;"]}, 4)
    assert several.criteria == other.criteria
    assert one == other
    assert one.name == "Rule 4"
    assert one.action is RuleAction.SKIP


@given(sensible, many)
def test_decision_depends_on_its_input_only(
    data: dict[str, object], item: Media
) -> None:
    """The same rules and file give the same decision, and the same version."""
    one, other = only(parse_rule(data, 1)), only(parse_rule(dict(data), 1))
    assert one.version == other.version
    assert one.decide(item, NOW) == other.decide(replace(item), NOW)


@given(st.lists(sensible, max_size=2), st.lists(sensible, max_size=2), st.booleans())
def test_version_tells_rules_apart(
    one: list[dict[str, object]], other: list[dict[str, object]], existing: bool
) -> None:
    """Rule sets have the same version exactly when they are equal."""
    first = only(*(parse_rule(data, i) for i, data in enumerate(one)))
    second = replace(
        only(*(parse_rule(data, i) for i, data in enumerate(other))),
        include_existing=existing,
    )
    assert (first.version == second.version) == (first == second)


def test_version_follows_everything_that_decides() -> None:
    """Each part of a rule set has its share in the version, the order of rules too."""
    photos, large = rule(types=["photo"]), rule(min_size_mb=1)
    sets = [
        only(),
        RuleSet(extensions=DEFAULT_EXTENSIONS),
        RuleSet(),
        only(photos),
        only(large),
        only(photos, large),
        only(large, photos),
        only(replace(photos, action=RuleAction.SKIP)),
        only(replace(photos, name="Other")),
        replace(only(), include_existing=False),
    ]
    assert len({found.version for found in sets}) == len(sets)


@pytest.mark.parametrize(
    ("pattern", "path", "expected"),
    [
        ("*.jpg", "a.jpg", True),
        ("*.jpg", "deep/down/a.JPG", True),
        ("*.jpg", "a.jpg/b", False),
        ("IMG_*", "x/img_1.png", True),
        ("IMG_*", "img_1/x.png", False),
        ("a?c", "abc", True),
        ("a?c", "a/c", False),
        ("[abc].jpg", "b.jpg", True),
        ("[!abc].jpg", "b.jpg", False),
        ("[!abc].jpg", "d.jpg", True),
        ("x[!a]y", "x/y", False),
        ("[a-c]*", "bx", True),
        ("[]x]", "]", True),
        ("[", "[", True),
        ("[z-a]", "z", False),
        ("[!z-a]", "z", True),
        ("a.c", "abc", False),
        ("(a|b)+", "(a|b)+", True),
        ("/a.jpg", "a.jpg", True),
        ("/a.jpg", "x/a.jpg", False),
        ("x/*.jpg", "x/a.jpg", True),
        ("x/*.jpg", "x/y/a.jpg", False),
        ("x/*.jpg", "y/x/a.jpg", False),
        ("x/**", "x/y/a.jpg", True),
        ("x/", "x/y/a.jpg", True),
        ("x/", "x", False),
        ("x/", "y/x/a", True),
        ("/x/", "y/x/a", False),
        ("/x/", "x/y/a", True),
        ("x/y/", "x/y/z/a", True),
        ("x/y/", "1/x/y/a", False),
        ("x?/", "1/xy/a", True),
        ("**/x/", "y/x/a", True),
        ("**/x/", "x/a", True),
        ("**/x/**/a", "x/a", True),
        ("**/x/**/a", "1/x/2/3/a", True),
        ("**/x/**/a", "1/2/3/a", False),
        ("**/x/y/**/a", "x/1/x/y/a", True),
        ("**/*x/y*/a", "bx/1/x/yes/a", True),
        ("**/**/a", "a", True),
        ("**", "a/b/c", True),
        ("a**b", "a/b", False),
        ("a**b", "axxb", True),
        ("*a*b*", "xxaxxbxx", True),
        ("*ab*ab", "abab", True),
        ("*ab*ab", "ab", False),
        ("*\n*", "a\nb", True),
        ("caf\u00e9", "cafe\u0301", True),
        ("cafe\u0301", "caf\u00e9", True),
    ],
)
def test_pattern(pattern: str, path: str, expected: bool) -> None:
    """Patterns mean what their users expect."""
    assert matches(pattern, path) is expected


@given(
    st.text("ab*?", min_size=1, max_size=8).filter(lambda p: "**" not in p),
    st.text("ab.", min_size=1, max_size=8),
)
def test_pattern_on_one_name_is_as_in_the_shell(pattern: str, name: str) -> None:
    """Without slashes the standard library's fnmatch says the same."""
    assert matches(pattern, name) == fnmatchcase(name, pattern)


def _by_hand(pattern: list[str], path: list[str]) -> bool:
    """Return whether folders match, by trying everything."""
    if not pattern:
        return not path
    if pattern[0] == "**":
        if len(pattern) == 1:
            return bool(path)
        return any(_by_hand(pattern[1:], path[i:]) for i in range(len(path)))
    return bool(path) and (
        fnmatchcase(path[0], pattern[0]) and _by_hand(pattern[1:], path[1:])
    )


@given(
    st.lists(
        st.sampled_from(["**", "a", "b", "*", "?b", "a*"]), min_size=2, max_size=6
    ),
    st.lists(st.sampled_from(["a", "b", "ab"]), min_size=1, max_size=6),
)
def test_pattern_with_folders(pattern: list[str], path: list[str]) -> None:
    """Folders match as trying every possibility says."""
    assert matches("/".join(pattern), "/".join(path)) == _by_hand(pattern, path)


@pytest.mark.parametrize(
    ("pattern", "path"),
    [
        ("**/" * 60 + "x", "a/" * 200 + "b"),
        ("**/a/" * 40 + "x", "a/" * 200 + "b"),
        ("*a" * 100 + "x", "a" * 250),
        ("**/*a*a*a*a*a*a/" * 15 + "x", ("a" * 60 + "/") * 60 + "b"),
    ],
)
@pytest.mark.timeout(10)
def test_no_pattern_takes_forever(pattern: str, path: str) -> None:
    """A hostile pattern is answered at once."""
    assert matches(pattern, path) is False


@pytest.mark.parametrize(
    "data",
    [
        {"captured_from": "2024-01-01"},
        {"min_pixels": 1},
        {"max_pixels": 9},
        {"min_seconds": 1},
        {"max_seconds": 9},
        {"cameras": ["canon"]},
    ],
)
def test_unknown_never_matches(data: dict[str, object]) -> None:
    """What a file does not tell neither wants nor refuses it, and the reason says so."""
    assert not only(rule(**data)).decide(media(), NOW).wanted
    refuse = replace(
        only(rule(**data | {"action": "skip"})), kinds=frozenset(MediaKind)
    )
    decision = refuse.decide(media(), NOW)
    assert decision.wanted
    assert decision.rule is None
    assert len(decision.unknown) == 1


def test_first_rule_that_matches_decides() -> None:
    """The decision names rule and criteria; the file is not read without need."""

    def forbidden() -> MediaFacts:
        raise AssertionError("the file was read")

    rules = only(
        rule(name="Old", paths=["old/"], action="skip", min_pixels=10),
        rule(name="Small", max_size_mb=1, types=["photo"]),
        rule(name="All", action="skip"),
    )
    decision = rules.decide(media(read=forbidden), NOW)
    assert (decision.wanted, decision.rule) == (True, "Small")
    assert decision.criterion == "type, size"
    decision = rules.decide(media(size=2_000_000, read=forbidden), NOW)
    assert (decision.wanted, decision.rule) == (False, "All")
    assert decision.criterion == "every file"


def test_what_comes_before_the_rules() -> None:
    """No media and, if so wanted, what was there before is refused by no rule."""
    rules = replace(only(rule()), include_existing=False)
    assert rules.decide(media("a.pdf"), NOW).criterion == "extension"
    assert rules.decide(media(existing=True), NOW).criterion == "existing"
    assert rules.decide(media(), NOW).wanted


@pytest.mark.parametrize(
    ("taken", "expected"),
    [
        (datetime(2024, 5, 1, 0, 0), True),
        (datetime(2024, 5, 2, 23, 59), True),
        (datetime(2024, 4, 30, 23, 59), False),
        (datetime(2024, 5, 3), False),
    ],
)
def test_capture_days_are_included(taken: datetime, expected: bool) -> None:
    """Both days belong to the range, by the camera's clock."""
    rules = only(rule(captured_from="2024-05-01", captured_to="2024-05-02"))
    item = media(read=lambda: MediaFacts(captured_at=taken))
    assert rules.decide(item, NOW).wanted is expected


def test_capture_day_is_that_of_the_place() -> None:
    """What tells only UTC was taken on the day by the clock at home."""
    rules = only(rule(captured_from="2024-05-01", captured_to="2024-05-01"))
    late = datetime(2024, 4, 30, 23, 30)
    for source, wanted in ((DateSource.MOVIE_HEADER, True), (DateSource.EXIF, False)):
        facts = MediaFacts(
            captured_at=late, captured_source=source, utc_offset=timedelta()
        )
        item = media(read=lambda facts=facts: facts, zone=ZoneInfo("Europe/Berlin"))
        assert rules.decide(item, NOW).wanted is wanted


@pytest.mark.parametrize(
    ("wishes", "looks"),
    [
        ({"captured_from": "2024-05-01"}, True),
        ({"location": "yes"}, True),
        ({"zones": "Home"}, True),
        ({"calendars": "calendar.family"}, True),
        ({"template": "{{ media.zone }}"}, True),
        ({"cameras": "Canon", "min_pixels": 10, "screenshot": "no"}, False),
        ({"paths": "a/", "older_than_days": 3, "types": "photo"}, False),
    ],
)
def test_what_lies_beside(wishes: dict[str, object], looks: bool) -> None:
    """It is looked at for when and where it was taken, once, and for nothing else."""
    calls = []

    def look() -> tuple[None, None]:
        calls.append(1)
        return None, None

    rules = only(rule(**wishes), rule(**wishes))
    assert rules.looks_beside is looks
    facts = MediaFacts(make="Canon", width=100, height=100)
    rules.decide(media(read=lambda: facts, look_beside=look), NOW)
    assert len(calls) == looks


def test_pixels_are_those_of_the_longer_side() -> None:
    """Both bounds are included."""
    rules = only(rule(min_pixels=480, max_pixels=640))
    for pixels, wanted in (((640, 10), True), ((10, 480), True), ((641, 1), False)):
        width, height = pixels
        facts = MediaFacts(width=width, height=height)
        item = media(read=lambda facts=facts: facts)
        assert rules.decide(item, NOW).wanted is wanted


CANON = MediaFacts(make="Canon", model="Canon EOS R5")
PLACE = MediaFacts(latitude=52.5, longitude=13.4)
SCREEN = MediaFacts(is_screenshot=True)
BROKEN = MediaFacts(trouble=Trouble.DAMAGED)


@pytest.mark.parametrize(
    ("data", "facts", "matches"),
    [
        ({"cameras": ["canon"]}, CANON, True),
        ({"cameras": ["nikon", "eos r5"]}, CANON, True),
        ({"cameras": ["nikon"]}, CANON, False),
        ({"min_seconds": 3}, MediaFacts(duration=3), True),
        ({"min_seconds": 3}, MediaFacts(duration=2.9), False),
        ({"max_seconds": 3}, MediaFacts(duration=3), True),
        ({"max_seconds": 3}, MediaFacts(duration=3.1), False),
        ({"location": "yes"}, PLACE, True),
        ({"location": "no"}, PLACE, False),
        ({"location": "yes"}, MediaFacts(), False),
        ({"location": "no"}, MediaFacts(), True),
        # It may have been in the part that can't be read.
        ({"location": "no"}, BROKEN, None),
        ({"location": "yes"}, BROKEN, None),
        ({"screenshot": "no"}, BROKEN, None),
        ({"screenshot": "yes"}, SCREEN, True),
        ({"screenshot": "no"}, SCREEN, False),
        ({"screenshot": "yes"}, MediaFacts(), False),
        ({"screenshot": "no"}, MediaFacts(), True),
    ],
)
def test_facts(
    data: dict[str, object], facts: MediaFacts, matches: bool | None
) -> None:
    """What stands in the file is compared as people mean it."""
    (criterion,) = rule(**data).criteria
    assert criterion.reads_file
    path = "a.jpg" if facts.duration is None else "a.mp4"
    assert criterion.ask(media(path, read=lambda: facts), NOW).matches is matches


def test_no_video_is_a_screenshot() -> None:
    """Nor is it opened to know that."""

    def forbidden() -> MediaFacts:
        raise AssertionError("the file was read")

    (criterion,) = rule(screenshot="yes").criteria
    video = media("Screenshots/1.mp4", read=forbidden)
    assert criterion.ask(video, NOW).matches is False


def test_day_in_the_name() -> None:
    """What tells no date inside was taken on the day that its name tells."""
    rules = only(rule(captured_from="2024-05-01", captured_to="2024-05-01"))
    assert rules.decide(media("IMG-20240501-WA0003.jpg"), NOW).wanted
    assert not rules.decide(media("IMG-20240502-WA0003.jpg"), NOW).wanted
    other = MediaFacts(captured_at=datetime(2020, 1, 1))
    item = media("IMG-20240501-WA0003.jpg", read=lambda: other)
    assert not rules.decide(item, NOW).wanted


@given(
    st.none() | st.floats(0, 1e5),
    st.none() | st.floats(0, 1e5),
    st.floats(-1e9, 3e9),
    st.floats(0, 3e9),
)
def test_age_says_until_when(
    at_least: float | None, less_than: float | None, modified: float, now: float
) -> None:
    """Until then the answer is the same; it lies in the future and is the next one."""
    criterion = AgeCriterion(at_least, less_than)
    item = media(modified=modified)
    answer = criterion.ask(item, now)
    if answer.until is None:
        assert criterion.ask(item, now + 1e12).matches == answer.matches
    else:
        assert answer.until > now
        middle = (now + answer.until) / 2
        assert criterion.ask(item, middle).matches == answer.matches
        after = criterion.ask(item, answer.until)
        assert after.until is None or after.until > answer.until


def test_age_changes_the_decision_in_time() -> None:
    """A file becomes old enough exactly when the decision said that it might."""
    rules = only(rule(older_than_days=30))
    decision = rules.decide(media(), NOW)
    assert not decision.wanted
    assert decision.until == NOW - DAY + 30 * DAY
    assert rules.decide(media(), decision.until).wanted


@pytest.mark.parametrize(
    ("path", "extension"),
    [
        ("a.JPG", ".jpg"),
        ("x.y/a", ""),
        ("a.tar.gz", ".gz"),
        (".jpg", ".jpg"),
        ("a.", "."),
        ("x/.hidden.png", ".png"),
    ],
)
def test_extension(path: str, extension: str) -> None:
    """The extension is what follows the last dot of the name."""
    assert extension_of(path) == extension
