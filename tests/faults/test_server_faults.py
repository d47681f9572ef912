"""A server that fails in every way: nothing is lost, nothing is claimed in vain."""

import asyncio
from hashlib import sha1
from typing import Any

import pytest

from custom_components.immich_backup.engine import FileState, outcomes
from custom_components.immich_backup.engine.events import Event, ServerChanged
from custom_components.immich_backup.engine.model import Halt, Reason
from custom_components.immich_backup.immich import (
    AssetUpload,
    ImmichClient,
    UploadResult,
)
from simulator import Action, Damage, When

from .world import CONCURRENCY, LARGE, SMALL, World, until

JSON = {"Content-Type": "application/json"}
# Trouble that ends by itself: the files wait, none needs a person.
PASSING: dict[str, dict[str, Any]] = {
    **{
        name: {"action": Action.RESPOND, "canned": name}
        for name in (
            "bad-gateway",
            "unavailable",
            "gateway-timeout",
            "rate-limited",
            "internal-error",
            "html-page",
            "invalid-json",
            "redirect",
        )
    },
    "forbidden-by-proxy": {"action": Action.RESPOND, "status": 403, "body": "<html>"},
    "not-found-html": {"action": Action.RESPOND, "status": 404, "body": "<html>"},
    "no-json": {"action": Action.RESPOND, "status": 201, "body": "{}"},
    "closed": {"action": Action.CLOSE},
    "reset": {"action": Action.RESET},
    "reset-in-body": {"action": Action.RESET, "at_byte": 10_000},
    "closed-in-body": {"action": Action.CLOSE, "at_byte": 10_000},
    "reset-after-body": {"action": Action.RESET, "when": When.BODY},
    "hang": {"action": Action.HANG},
    "hang-after-body": {"action": Action.HANG, "when": When.BODY},
}


# Trouble that can be with every request, not only with uploads.
EVERYWHERE = ("unavailable", "rate-limited", "html-page", "redirect", "reset", "hang")


@pytest.mark.parametrize(
    ("name", "everything"),
    [(name, False) for name in PASSING] + [(name, True) for name in EVERYWHERE],
)
async def test_passing_trouble(world: World, name: str, everything: bool) -> None:
    """While it lasts the files wait; when it ends they are all stored."""
    world.write("small.jpg", SMALL)
    world.write("large.mp4", LARGE)
    where = {"method": None, "path_regex": None} if everything else {}
    fault = world.fault(**PASSING[name], **where)
    async with world.engine() as engine:
        await until(lambda: fault.struck >= 3)

        async def seen() -> bool:
            return len(await world.files(engine)) == 2

        await until(seen)
        assert set(await world.states(engine)) <= {
            FileState.SETTLING,
            FileState.WAITING,
            FileState.FAILED,
        }
        assert world.held() == set()
        world.server.faults.clear()
        await world.until_protected(engine)
    assert world.held() == world.sums()


@pytest.mark.parametrize("size", [SMALL, LARGE])
async def test_refused_key(world: World, size: int) -> None:
    """One 401 stops everything; no file is to blame."""
    for number in range(20):
        world.write(f"p{number}.jpg", size)
    fault = world.fault(
        action=Action.RESPOND,
        status=401,
        body='{"message":"Invalid API key"}',
        headers=JSON,
        method=None,
        path_regex=None,
        skip=8,
    )
    async with world.engine() as engine:

        async def halted() -> bool:
            return (await engine.overview()).halt is Halt.UNAUTHORISED

        await until(halted)
        struck = fault.struck
        assert struck <= CONCURRENCY + 1
        assert not {FileState.FAILED, FileState.PARKED} & set(
            await world.states(engine)
        )
        world.server.faults.clear()
        engine.resume()
        await world.until_protected(engine)


async def test_missing_permission(world: World) -> None:
    """A key that may not upload stops the uploads, until it may."""
    world.write("a.jpg", SMALL)
    fault = world.fault(
        action=Action.RESPOND,
        status=403,
        body='{"message":"Missing required permission: asset.upload"}',
        headers=JSON,
    )
    async with world.engine() as engine:

        async def halted() -> bool:
            return (await engine.overview()).halt is Halt.PERMISSION

        await until(halted)
        assert (await engine.overview()).halt_detail == "asset.upload"
        assert fault.struck == 1
        await world.until_states(engine, waiting=1)
        world.server.faults.clear()
        await world.until_protected(engine)


@pytest.mark.parametrize("keep_alive", [False, True])
@pytest.mark.parametrize("size", [SMALL, LARGE])
async def test_too_large_for_the_proxy(
    world: World, size: int, *, keep_alive: bool
) -> None:
    """A body that a proxy refuses is sent once, and again only on request."""
    world.fault(
        action=Action.RESPOND, canned="too-large", body_over=size, keep_alive=keep_alive
    )
    refused = world.write("huge.mp4", size)
    for number in range(5):
        world.write(f"p{number}.jpg", size // 4)
    async with world.engine() as engine:
        await world.until_states(engine, parked=1, protected=5)
        assert (await world.files(engine))["huge.mp4"].reason is Reason.TOO_LARGE
        assert world.bodies(refused) == 1
        # What comes later does not try it again.
        world.write("later.jpg", SMALL // 4)
        await world.until_states(engine, parked=1, protected=6)
        assert world.bodies(refused) == 1
        world.server.faults.clear()
        assert await engine.retry_parked(Reason.TOO_LARGE) == 1
        await world.until_protected(engine)
        assert world.bodies(refused) == 2


def only(content: bytes) -> tuple[str, str]:
    """Return the header that uploads of this content have."""
    return ("x-immich-checksum", sha1(content).hexdigest())


async def test_unsupported_file(world: World) -> None:
    """What the server does not take is sent once and does not stop the others."""
    refused = world.write("odd.jpg", SMALL)
    world.write("fine.jpg", SMALL)
    world.fault(
        action=Action.RESPOND,
        status=400,
        body='{"message":"Unsupported file type odd.jpg"}',
        headers=JSON,
        header=only(refused),
    )
    async with world.engine() as engine:
        await world.until_states(engine, parked=1, protected=1)
        assert (await world.files(engine))["odd.jpg"].reason is Reason.UNSUPPORTED
        world.write("later.jpg", SMALL)
        await world.until_states(engine, parked=1, protected=2)
        assert world.bodies(refused) == 1


async def test_quota(world: World) -> None:
    """What does not fit is not sent at all; with more room it goes on by itself."""
    world.server.set_quota(world.server.admin(), 3 * LARGE // 2)
    for number in range(4):
        world.write(f"p{number}.mp4", LARGE)
    async with world.engine() as engine:

        async def halted() -> bool:
            return (await engine.overview()).halt is Halt.QUOTA

        await until(halted)
        assert world.bodies() <= 1
        assert not {FileState.FAILED, FileState.PARKED} & set(
            await world.states(engine)
        )
        world.server.set_quota(world.server.admin(), None)
        await world.until_protected(engine)


async def test_quota_that_nobody_told(world: World) -> None:
    """A refusal for want of room is about the server, not about the file."""
    world.write("a.jpg", SMALL)
    fault = world.fault(
        action=Action.RESPOND,
        status=400,
        body='{"message":"Quota has been exceeded!"}',
        headers=JSON,
        times=1,
    )
    async with world.engine() as engine:
        await world.until_protected(engine)
    assert fault.struck == 1


async def test_retry_after(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that asks to be left alone is left alone for so long."""
    started: list[float] = []
    loop = asyncio.get_running_loop()
    send = ImmichClient.upload_asset

    async def timed(self: ImmichClient, upload: AssetUpload) -> UploadResult:
        started.append(loop.time())
        return await send(self, upload)

    monkeypatch.setattr(ImmichClient, "upload_asset", timed)
    world.fault(
        action=Action.RESPOND,
        status=429,
        headers={"Retry-After": "2"},
        body="<html>",
        times=1,
    )
    world.write("a.jpg", SMALL)
    async with world.engine() as engine:
        await world.until_protected(engine)
    assert len(started) == 2
    assert started[1] - started[0] >= 2


@pytest.mark.parametrize("when", [When.BODY, When.AFTER])
@pytest.mark.parametrize("action", [Action.CLOSE, Action.RESET, Action.HANG])
async def test_lost_answer(world: World, action: Action, when: When) -> None:
    """When only the answer was lost, nothing is sent again."""
    content = world.write("large.mp4", LARGE)
    world.fault(action=action, when=when, times=1)
    async with world.engine() as engine:
        await world.until_protected(engine)
        (file,) = (await world.files(engine)).values()
        assert file.reason is Reason.UPLOADED
    assert world.bodies(content) == (1 if when is When.AFTER else 2)
    assert world.held() == world.sums()


async def test_gateway_gave_up_on_what_was_done(world: World) -> None:
    """A 504 for an upload that was stored means nothing."""
    contents = [world.write(f"p{n}.jpg", SMALL) for n in range(6)]
    world.fault(action=Action.RESPOND, canned="gateway-timeout", when=When.AFTER)
    async with world.engine() as engine:
        await world.until_protected(engine)
    assert [world.bodies(content) for content in contents] == [1] * 6


LIES: dict[str, dict[str, Any]] = {
    "forgotten": {"action": Action.FORGET},
    "duplicate": {"action": Action.DUPLICATE},
    "flipped": {"action": Action.ALTER, "damage": Damage.FLIP},
    "cut": {"action": Action.ALTER, "damage": Damage.TAIL},
}


@pytest.mark.parametrize("size", [SMALL, LARGE])
@pytest.mark.parametrize("lie", LIES)
async def test_lies(world: World, lie: str, size: int) -> None:
    """The server's word alone protects nothing; what it lost is sent again."""
    for number in range(3):
        world.write(f"p{number}.mp4", size)
    fault = world.fault(**LIES[lie])
    async with world.engine() as engine:
        # Each is tried three times, then a person is told.
        await world.until_states(engine, parked=3)
        assert fault.struck == 9
        reasons = {file.reason for file in (await world.files(engine)).values()}
        assert reasons == {Reason.NOT_VERIFIED}
        assert not world.sums() & world.held()
        world.server.faults.clear()
        assert await engine.retry_failed() == 3
        await world.until_protected(engine)


@pytest.mark.parametrize("lie", LIES)
async def test_rare_lies(world: World, lie: str) -> None:
    """One lie among many uploads is found, and repaired without anyone's help."""
    for number in range(30):
        world.write(f"p{number}.jpg", SMALL)
    fault = world.fault(**LIES[lie], probability=0.1, times=5, seed=7)
    async with world.engine() as engine:
        await world.until_protected(engine)
    assert fault.struck >= 2


@pytest.mark.parametrize("broken", [1, 3, 6])
@pytest.mark.parametrize("status", [400, 500])
async def test_broken_files_stop_no_others(
    world: World, broken: int, status: int
) -> None:
    """Files on which the server fails every time do not keep the others waiting."""
    faults = [
        world.fault(
            action=Action.RESPOND,
            status=status,
            body='{"message":"I do not like it"}',
            headers=JSON,
            header=only(world.write(f"a{number}.jpg", SMALL)),
        )
        for number in range(broken)
    ]
    for number in range(20):
        world.write(f"p{number}.jpg", SMALL)
    async with world.engine() as engine:

        async def others_are_protected() -> bool:
            return (await world.states(engine))[FileState.PROTECTED] == 20

        await until(others_are_protected)
        await until(lambda: all(fault.struck for fault in faults))
        # What comes later goes up as well.
        world.write("later.jpg", SMALL)

        async def later_is_protected() -> bool:
            return (await world.states(engine))[FileState.PROTECTED] == 21

        await until(later_is_protected)
        assert len(world.held()) == 21
        world.server.faults.clear()
        await engine.retry_failed()
        await world.until_protected(engine)


async def test_one_broken_file_is_not_the_server(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A file that always fails waits for its next try; nothing pauses for it."""
    monkeypatch.setattr(outcomes, "_FIRST_RETRY", 30.0)
    world.fault(
        action=Action.RESPOND,
        canned="internal-error",
        header=only(world.write("broken.jpg", SMALL)),
    )
    for number in range(20):
        world.write(f"p{number}.jpg", SMALL)
    troubles: list[str] = []

    def note(event: Event) -> None:
        if isinstance(event, ServerChanged) and event.error is not None:
            troubles.append(event.error)

    async with world.engine() as engine:
        engine.subscribe(note)
        await world.until_states(engine, failed=1, protected=20)
    assert troubles == []


async def test_connections_that_break_now_and_then(world: World) -> None:
    """A bad network slows a backup down and does nothing worse."""
    for number in range(40):
        world.write(f"p{number}.jpg", SMALL if number % 4 else LARGE)
    for seed, action in enumerate((Action.CLOSE, Action.RESET)):
        for when in When:
            world.fault(
                action=action,
                when=when,
                method=None,
                path_regex=None,
                probability=0.03,
                seed=seed,
            )
    async with world.engine() as engine:
        await world.until_protected(engine)
    assert world.held() == world.sums()


OUTAGES = ("maintenance", "database_down", "disk_full", "stopped")


@pytest.mark.parametrize("outage", OUTAGES)
async def test_outage(world: World, outage: str) -> None:
    """An outage in the middle of a backup costs time only."""
    for number in range(24):
        world.write(f"p{number}.jpg", 200_000)
    throttle = world.fault(action=Action.THROTTLE, rate=500_000)
    async with world.engine() as engine:
        await until(lambda: len(world.held()) >= 4)
        if outage == "stopped":
            await world.server.stop()
        else:
            setattr(world.server.faults, outage, True)

        async def noticed() -> bool:
            return engine.link.trouble is not None

        await until(noticed)
        states = await world.states(engine)
        assert not states[FileState.PARKED]
        assert states[FileState.PROTECTED] <= len(world.held())
        if outage != "disk_full":
            assert states[FileState.FAILED] <= CONCURRENCY
        world.server.faults.remove(throttle)
        if outage == "stopped":
            await world.server.start()
        else:
            setattr(world.server.faults, outage, False)
        await world.until_protected(engine)
    assert world.held() == world.sums()


async def test_server_too_old(world: World) -> None:
    """An old server gets nothing; an update is noticed."""
    world.write("a.jpg", SMALL)
    world.server.faults.version = "2.7.5"
    async with world.engine() as engine:

        async def halted() -> bool:
            return (await engine.overview()).halt is Halt.SERVER_TOO_OLD

        await until(halted)
        assert world.bodies() == 0
        world.server.faults.version = "3.0.3"
        await world.until_protected(engine)


async def test_question_too_large_for_the_proxy(world: World) -> None:
    """The question what the server has is asked in smaller parts."""
    for number in range(20):
        world.write(f"p{number}.jpg", 1000)
    fault = world.fault(
        action=Action.RESPOND,
        canned="too-large",
        path_regex="bulk-upload-check$",
        body_over=300,
    )
    async with world.engine() as engine:
        await world.until_protected(engine)
    assert fault.struck
