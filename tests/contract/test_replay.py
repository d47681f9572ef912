"""Tests that the replayer sends what the table says and tells what differs."""

from collections.abc import AsyncIterator
from io import BytesIO
from pathlib import Path
from typing import Any
from zipfile import ZipFile

from aiohttp import web
import pytest

from .bodies import Contents, build, unknown_uuids
from .replay import Outcome, Replayer, accounts, load, replay
from .samples import Kind, Sample
from .table import Case, Expectation, Request, Table, find
from .wire import Server

ID = "aaaaaaaa-0000-4000-8000-000000000002"
PICTURE = Sample(kind=Kind.RANDOM, size=100)
SAMPLES = {"p": PICTURE, "q": PICTURE}
LOG_IN = Case(
    name="login",
    group="g",
    request=Request(
        method="POST",
        path="/api/auth/login",
        body={"json": {"email": "{{admin.email}}"}},
    ),
    expect=Expectation(status=201, body={"json": {"accessToken": "~string"}}),
)


class Immich:
    """A server that knows just enough, and what it was asked."""

    def __init__(self) -> None:
        """Start with a server that nobody has signed up at."""
        self.initialized = False
        self.uploads: list[tuple[str | None, bytes]] = []
        self.asked = 0

    def app(self) -> web.Application:
        """Return the application to serve."""
        app = web.Application()
        app.router.add_get("/api/server/config", self.config)
        app.router.add_post("/api/auth/login", self.log_in)
        app.router.add_post("/api/assets", self.upload)
        app.router.add_get("/api/assets/{id}", self.asset)
        app.router.add_get("/api/zip", self.zip)
        return app

    async def config(self, _: web.Request) -> web.Response:
        """Tell whether there is an admin."""
        return web.json_response({"isInitialized": self.initialized})

    async def log_in(self, request: web.Request) -> web.Response:
        """Accept everybody."""
        email = (await request.json())["email"]
        answer = {"accessToken": f"token of {email}", "userId": ID}
        return web.json_response(answer, status=201)

    async def upload(self, request: web.Request) -> web.Response:
        """Keep the body; all but the first are duplicates."""
        token = request.headers.get("Authorization")
        self.uploads.append((token, await request.read()))
        is_new = len(self.uploads) == 1
        status = "created" if is_new else "duplicate"
        return web.json_response(
            {"id": ID, "status": status}, status=201 if is_new else 200
        )

    async def asset(self, request: web.Request) -> web.Response:
        """Be ready at the third question."""
        self.asked += 1
        width = 640 if self.asked >= 3 else None
        id_ = request.match_info["id"]
        return web.json_response({"id": id_, "width": width, "message": "wrong"})

    async def zip(self, _: web.Request) -> web.Response:
        """Return a zip of one picture."""
        buffer = BytesIO()
        with ZipFile(buffer, "w") as archive:
            archive.writestr("p.jpg", Contents(SAMPLES)["p"])
        return web.Response(body=buffer.getvalue())


@pytest.fixture(name="immich")
def immich_fixture() -> Immich:
    """Return what the server does."""
    return Immich()


@pytest.fixture(name="server")
async def server_fixture(immich: Immich) -> AsyncIterator[Server]:
    """Serve it on a free port."""
    runner = web.AppRunner(immich.app())
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    yield Server.from_url(f"http://127.0.0.1:{runner.addresses[0][1]}")
    await runner.cleanup()


def _upload(**send: Any) -> Request:
    part = ["assetData", {"filename": "é.jpg", "content": "p"}]
    return Request(
        method="POST",
        path="/api/assets",
        key="session",
        body={"parts": [["checksum", "{{sha1hex:p}}"], part]},
        send=send,
    )


def _replayer(server: Server, *cases: Case, wait_budget: float = 10.0) -> Replayer:
    table = Table(
        samples=SAMPLES,
        keys={"session": "{{login#/accessToken}}"},
        bearer=frozenset({"session"}),
        cases=cases,
    )
    return Replayer(
        table=table,
        server=server,
        accounts=accounts("me@example.com", "secret"),
        wait_budget=wait_budget,
    )


async def _outcomes(replayer: Replayer) -> list[Outcome]:
    return [outcome async for outcome in replayer.run()]


def _case(name: str, request: Request, expect: Expectation, **more: Any) -> Case:
    return Case(name=name, group="g", request=request, expect=expect, **more)


async def test_answers_flow_into_later_requests(server: Server, immich: Immich) -> None:
    """Tokens and checksums are filled in, and the form is raw UTF-8."""
    created = Expectation(
        status=201, body={"json": {"id": "~uuid", "status": "created"}}
    )
    same = Expectation(status=200, body={"json": {"id": "{{upload#/id}}"}})
    outcomes = await _outcomes(
        _replayer(
            server,
            LOG_IN,
            _case("upload", _upload(), created),
            _case("again", _upload(), same),
        )
    )
    assert [outcome.differences for outcome in outcomes] == [(), (), ()]
    token, body = immich.uploads[0]
    contents = Contents(SAMPLES)
    assert token == "Bearer token of me@example.com"
    assert 'filename="é.jpg"\r\n'.encode() in body
    assert contents.checksum("sha1hex", "p").encode() in body
    assert contents["p"] in body


async def test_parallel_requests(server: Server, immich: Immich) -> None:
    """Of several at once the statuses count, in any order."""
    race = Expectation(status=200, statuses=(200, 200, 201))
    outcomes = await _outcomes(
        _replayer(server, LOG_IN, _case("race", _upload(parallel=3), race))
    )
    assert outcomes[1].differences == ()
    assert len(immich.uploads) == 3


async def test_waiting_for_jobs(server: Server, immich: Immich) -> None:
    """A case is asked again until it is right, but not beyond the budget."""
    case = _case(
        "asset",
        Request(method="GET", path=f"/api/assets/{ID}"),
        Expectation(status=200, body={"json": {"width": 640}}),
        wait=10.0,
    )
    outcomes = await _outcomes(_replayer(server, case))
    assert outcomes[0].differences == ()
    assert immich.asked == 3
    immich.asked = 0
    outcomes = await _outcomes(_replayer(server, case, wait_budget=0.0))
    assert outcomes[0].differences == ("/width: expected 640, got None",)
    assert immich.asked == 1


async def test_differences_are_told(server: Server) -> None:
    """Status, header, body, size and unknown references are each named."""
    asset = Request(method="GET", path=f"/api/assets/{ID}")
    archive = Request(method="GET", path="/api/zip")
    outcomes = await _outcomes(
        _replayer(
            server,
            _case("status", asset, Expectation(status=404)),
            _case("header", asset, Expectation(status=200, headers={"A": "b"})),
            _case("kind", archive, Expectation(status=200, body={"json": {}})),
            _case("zip", archive, Expectation(status=200, body={"zip": ["p"]})),
            _case("other", archive, Expectation(status=200, body={"zip": ["q"]})),
            _case("bytes", archive, Expectation(status=200, body={"content": "p"})),
            _case("empty", archive, Expectation(status=200, body={"empty": True})),
            _case("size", asset, Expectation(status=200, size=1)),
            _case("unknown", _upload(), Expectation(status=201)),
            _case("silence", asset, Expectation(status=None)),
        )
    )
    lines = [" | ".join(outcome.differences) for outcome in outcomes]
    assert lines[0].startswith('status 200, expected 404: {"id": ')
    assert lines[1] == "header A: None, expected 'b'"
    assert lines[2].startswith("header Content-Type: 'application/octet-stream', exp")
    assert lines[3] == ""
    assert lines[4] == "not a zip of exactly ['q']"
    assert "bytes that are not those of p" in lines[5]
    assert lines[6].startswith("expected no body, got b'PK")
    assert lines[7].endswith("bytes of JSON, expected 1")
    assert lines[8] == "cannot be asked: login#/accessToken is unknown"
    assert lines[9].startswith("status 200, expected None")


async def test_steps_may_be_optional(server: Server) -> None:
    """An optional step that fails is no difference."""
    case = _case(
        "config",
        Request(method="GET", path="/api/system-config"),
        Expectation(status=200),
        step=True,
        optional=True,
    )
    outcomes = await _outcomes(_replayer(server, case))
    assert outcomes[0].differences == ()
    assert outcomes[0].skipped is not None
    assert outcomes[0].skipped.startswith("optional: status 404, expected 200")


async def test_server_with_an_admin(server: Server, immich: Immich) -> None:
    """Where there is an admin already, the given account logs in instead."""
    immich.initialized = True
    sign_up = _case(
        "admin-sign-up",
        Request(method="POST", path="/api/auth/admin-sign-up"),
        Expectation(status=201),
    )
    refer = _case(
        "refer",
        Request(method="GET", path="/api/assets/{{admin-sign-up#/id}}"),
        Expectation(status=200, body={"json": {"id": ID}}),
    )
    outcomes = await _outcomes(_replayer(server, sign_up, refer))
    assert outcomes[0].skipped == "the server has an admin already"
    assert outcomes[1].differences == ()


async def test_report(server: Server, capsys: pytest.CaptureFixture[str]) -> None:
    """Differences are printed readably and counted."""
    wrong = _case(
        "wrong",
        Request(method="GET", path=f"/api/assets/{ID}"),
        Expectation(status=200, body={"json": {"message": "right"}}),
    )
    assert await replay(_replayer(server, LOG_IN, wrong)) == 1
    assert capsys.readouterr().out == (
        "differs  g/wrong\n"
        "         /message: expected 'right', got 'wrong'\n"
        "2 cases replayed, 1 differ\n"
    )


def test_accounts() -> None:
    """A fresh server gets known accounts, another one a second user of its own."""
    assert accounts(None, None)["user2.email"] == "user2@example.com"
    given = accounts("me@example.com", "secret")
    assert given["admin.email"] == "me@example.com"
    assert given["user2.email"] != accounts("me@example.com", "x")["user2.email"]


def test_find() -> None:
    """A pointer leads through objects and lists, `*` to all elements."""
    value = {"items": [{"id": 1}, {"id": 2}]}
    assert find(value, "") == value
    assert find(value, "/items/1/id") == 2
    assert find(value, "/items/*/id") == [1, 2]
    for pointer in ("/nothing", "/items/2", "/items/0/id/more"):
        with pytest.raises(LookupError):
            find(value, pointer)


@pytest.mark.parametrize(
    ("body", "length"),
    [
        ({"checksums": 1000}, 70_902),
        ({"checksums": 65_534}, 4_772_884),
        ({"uuids": 2000}, 80_009),
        ({"filler": 11_360_012}, 11_360_012),
    ],
)
def test_generated_bodies(body: dict[str, Any], length: int) -> None:
    """Bodies that were told in words are as long as those that were recorded."""
    data, kind = build(body, lambda value: value, Contents({}))
    assert (len(data), kind) == (length, "application/json")


def test_merged_body() -> None:
    """One object changes another one, deeply."""
    body = {"merge": [{"a": {"b": 1, "c": 2}, "d": 3}, {"a": {"b": 9}}]}
    data, _ = build(body, lambda value: value, Contents({}))
    assert data == b'{"a": {"b": 9, "c": 2}, "d": 3}'


def test_unknown_uuids_are_valid_and_different() -> None:
    """They are version 4 UUIDs."""
    uuids = unknown_uuids(3)
    assert uuids[0] == "cfcd2084-95d5-45ef-a6e7-dff9f98764da"
    assert len(set(uuids)) == 3


def test_load(tmp_path: Path) -> None:
    """The command replays a table file."""
    table = Table(samples=SAMPLES, keys={}, bearer=frozenset(), cases=(LOG_IN,))
    path = tmp_path / "table.json"
    path.write_text(table.dump(), encoding="utf-8")
    assert load(None, path) == table
