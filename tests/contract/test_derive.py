"""Tests that the table is derived faithfully, from a recording made up for that."""

from dataclasses import replace
import json
from pathlib import Path
import re
import shutil

import pytest

from .compare import UUID_TEXT
from .derive import LEFT_OUT, TABLE, derive
from .gaps import GAPS, Gaps, Step, Told
from .notation import UNKNOWN_UUID, Cut, beginning
from .samples import Kind, Sample
from .table import REFERENCE, Case, Expectation, Request, Table, find

MADE_UP = Path(__file__).with_name("made_up")
UPLOAD = Request(
    method="POST",
    path="/api/assets",
    key="first",
    body={"parts": [["assetData", {"filename": "c.jpg", "content": "c"}]]},
    send={"first": 100},
)
MADE_UP_GAPS = Gaps(
    keys={
        "first": "{{first-key#/secret}}",
        "session": "{{log-in#/accessToken}}",
    },
    bearer=frozenset({"session"}),
    session="session",
    default_key="first",
    samples={"c": Sample(kind=Kind.RANDOM, size=200)},
    steps={
        "00-made-up/first-key": (
            Step(
                case=Case(
                    name="log-in",
                    group="",
                    request=Request(method="POST", path="/api/auth/login"),
                    expect=Expectation(status=201),
                )
            ),
        )
    },
    told={"00-made-up/cut": (Told(request=UPLOAD),)},
    requests={"00-made-up/many": {"body": {"checksums": 3}}},
    epilogue=(
        Step(
            case=Case(
                name="log-out",
                group="",
                request=Request(method="POST", path="/api/auth/logout"),
                expect=Expectation(status=200),
            )
        ),
    ),
)


@pytest.fixture(name="table")
def table_fixture() -> Table:
    """Return the table of the made-up recording."""
    return derive(MADE_UP, MADE_UP_GAPS)


def _case(table: Table, name: str) -> Case:
    return next(case for case in table.cases if case.name == name)


def test_all_exchanges_become_cases_in_order(table: Table) -> None:
    """Nothing is lost, and steps stand before what they prepare."""
    assert [case.name for case in table.cases] == [
        "log-in",
        "first-key",
        "upload",
        "upload stored",
        "upload-again",
        "not-allowed",
        "processed",
        "search",
        "many",
        "cut",
        "download",
        "log-out",
    ]
    steps = [case.name for case in table.cases if case.step]
    assert steps == ["log-in", "log-out"]
    assert {case.group for case in table.cases} == {"00-made-up", "epilogue"}


def test_secrets_and_ids_are_only_types_where_they_appear_first(table: Table) -> None:
    """What differs from server to server is expected by its type."""
    case = _case(table, "first-key")
    assert case.request.key == "session"
    assert case.request.body == {
        "json": {"name": "first", "permissions": ["asset.upload", "asset.read"]}
    }
    assert case.expect == Expectation(
        status=201,
        body={
            "json": {
                "secret": "~string",
                "apiKey": {"id": "~uuid", "name": "first", "createdAt": "~time"},
            }
        },
    )


def test_files_become_samples(table: Table) -> None:
    """A file is named after itself, keeps its size and is sent as it was."""
    assert table.samples["apicture"] == Sample(kind=Kind.JPEG, size=12000)
    request = _case(table, "upload").request
    assert request.body == {
        "parts": [
            ["fileCreatedAt", "2024-05-01T10:00:00.000Z"],
            ["assetData", {"filename": "a picture.jpg", "content": "apicture"}],
        ]
    }
    assert request.send == {"chunked": True}
    assert request.headers == {}
    assert request.key == "first"


def test_ids_and_checksums_become_references(table: Table) -> None:
    """Later requests and answers refer to where an id appeared and to the sample."""
    again = _case(table, "upload-again")
    assert again.request.headers == {"x-immich-checksum": "{{sha1HEX:apicture}}"}
    assert again.expect.body == {
        "json": {"status": "duplicate", "id": "{{upload#/id}}"}
    }
    download = _case(table, "download")
    assert download.request.path == "/api/assets/{{upload#/id}}/original"
    assert download.expect == Expectation(
        status=206,
        headers={"Content-Type": "image/jpeg", "Content-Range": "bytes 0-9/12000"},
        body={"content": "apicture", "range": [0, 9]},
    )


def test_missing_permission_tells_the_key(table: Table) -> None:
    """A refusal was recorded with a key that lacks the permission."""
    case = _case(table, "not-allowed")
    assert case.request.key == "first"
    assert case.expect.body == {
        "json": {"message": "Missing required permission: person.read"}
    }


def test_unprocessed_assets_may_be_processed(table: Table) -> None:
    """What jobs write may or may not be there yet, unless the case waits for it."""
    stored = _case(table, "upload stored")
    assert stored.request.path == "/api/assets/{{upload#/id}}"
    assert stored.expect.body == {
        "json": {
            "id": "{{upload#/id}}",
            "originalFileName": "a picture.jpg",
            "checksum": "{{sha1b64:apicture}}",
            "thumbhash": "~any",
            "width": "~any",
        }
    }
    processed = _case(table, "processed")
    assert processed.wait > 0
    assert processed.request.body == {
        "json": {"checksum": "{{sha1b64:apicture}}", "withExif": True}
    }
    assert processed.expect.body is not None
    asset = find(processed.expect.body, "/json/assets/items/0")
    assert (asset["thumbhash"], asset["width"]) == ("~string", 640)


def test_unordered_lists_keep_what_is_common(table: Table) -> None:
    """Items of a search have no order that the contract could rely on."""
    body = _case(table, "search").expect.body
    assert body is not None
    assert find(body, "/json/assets/items") == {
        "~each": {"id": "{{upload#/id}}", "city": "~string", "duration": "~number?"},
        "~length": 2,
        "~ids": ["{{upload#/id}}", "{{upload#/id}}"],
    }


def test_answers_that_were_cut_short(table: Table) -> None:
    """Of a long answer the recorded beginning and the length count."""
    expect = _case(table, "many").expect
    assert expect.size == 96
    assert expect.body == {
        "json": {"results": {"~each": {"id": "~string", "action": "accept"}}}
    }


def test_raw_answers(table: Table) -> None:
    """A raw answer without a body is one."""
    case = _case(table, "cut")
    assert case.request == UPLOAD
    assert case.expect == Expectation(status=400, body={"empty": True})


def test_table_survives_writing(table: Table, tmp_path: Path) -> None:
    """What is written can be read again."""
    path = tmp_path / "table.json"
    path.write_text(table.dump(), encoding="utf-8")
    assert Table.load(path) == table
    assert len(path.read_text(encoding="utf-8").splitlines()) > len(table.cases)


def _change(directory: Path, index: int, request: dict[str, object]) -> None:
    shutil.copytree(MADE_UP, directory)
    path = directory / "00-made-up.json"
    entries = json.loads(path.read_text(encoding="utf-8"))
    entries[index]["request"] |= request
    path.write_text(json.dumps(entries), encoding="utf-8")


def test_ids_from_nowhere_are_refused(tmp_path: Path) -> None:
    """A request cannot use an id that no answer has shown."""
    unknown = "aaaaaaaa-0000-4000-8000-00000000000f"
    _change(tmp_path / "changed", 3, {"path": f"/api/assets/{unknown}"})
    with pytest.raises(ValueError, match=f"{unknown} appears in a request before"):
        derive(tmp_path / "changed", MADE_UP_GAPS)


def test_bodies_told_in_words_are_refused() -> None:
    """A body must not get lost silently."""
    with pytest.raises(ValueError, match="00-made-up/many: its body is only told"):
        derive(MADE_UP, replace(MADE_UP_GAPS, requests={}))


def test_exchanges_must_be_understood_or_left_out() -> None:
    """An exchange without request is refused unless a gap is filled."""
    with pytest.raises(ValueError, match="00-made-up/cut: neither contract nor left"):
        derive(MADE_UP, replace(MADE_UP_GAPS, told={}))


def test_gaps_must_have_been_recorded() -> None:
    """A gap that fits nothing is a mistake."""
    gaps = replace(MADE_UP_GAPS, waits={"00-made-up/nothing"})
    with pytest.raises(ValueError, match="not recorded: .*00-made-up/nothing"):
        derive(MADE_UP, gaps)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('[{"a":1},{"a":2},{"a"', Cut([{"a": 1}, {"a": 2}])),
        (
            '{"x":[1],"items":[{"b":[]},{"b":["],"',
            {"x": [1], "items": Cut([{"b": []}])},
        ),
        ('{"a":[1,2,3],"b":["p,q","r', {"a": [1, 2, 3], "b": Cut(["p,q"])}),
    ],
)
def test_beginning_of_json(text: str, value: object) -> None:
    """The last incomplete element of a list is dropped."""
    assert beginning(text) == value


def test_everything_left_out_has_a_reason() -> None:
    """What is not contract is said so, and why."""
    assert all(len(reason) > 10 for reason in LEFT_OUT.values())
    table = Table.load(TABLE)
    names = {f"{case.group}/{case.name}" for case in table.cases}
    assert not names & LEFT_OUT.keys()


def test_committed_table_is_sound() -> None:
    """All references lead to earlier answers, all samples and keys exist."""
    table = Table.load(TABLE)
    assert table.keys == GAPS.keys
    known = {"admin.email", "admin.password", "user2.email", "user2.password"}
    answered: set[str] = set()
    for case in table.cases:
        assert case.name not in answered
        text = json.dumps(case.as_json()["request"], ensure_ascii=False)
        if case.request.key is not None:
            text += table.keys[case.request.key]
        for written in REFERENCE.findall(text):
            reference = json.loads(f'"{written}"')
            name, separator, _ = reference.rpartition("#")
            if separator:
                assert name in answered, f"{case.name} uses {reference}"
            elif reference not in known:
                kind, _, subject = reference.partition(":")
                assert subject in (table.keys if kind == "key" else table.samples)
        answered.add(case.name)


def test_committed_table_shows_nothing_of_the_machine() -> None:
    """Neither hosts nor paths nor recorded ids nor secrets are in the table."""
    text = TABLE.read_text(encoding="utf-8")
    assert len(text) < 400_000
    ids = set(UUID_TEXT.findall(text)) - {"00000000-0000-4000-8000-000000000000"}
    assert ids == set()
    assert UNKNOWN_UUID.search(text)
    assert not re.search(
        r"127\.0\.0\.1|localhost|redacted|/home/|/data/|/root|\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.",
        text,
    )
