"""Uploads against the simulated server: what arrives, and what does not."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
import gc
import hashlib
import tracemalloc
from typing import override

import aiohttp
from aiohttp.payload import TOO_LARGE_BYTES_BODY
import pytest

from custom_components.immich_backup.immich import (
    SMALL_BODY,
    ImmichClient,
    Visibility,
    errors,
    sendable_name,
    stream,
    transport,
)
from simulator import Action, Fault, Simulator, When

from .calls import PIECE, Content, asset, client_tasks, until
from .conftest import Connect
from .server import Exchange, RawServer, brief, http

MEGABYTE = 1024 * 1024
LARGE = 30 * MEGABYTE
CREATED = http(201, {"id": "a1", "status": "created"})
DUPLICATE = http(200, {"id": "a1", "status": "duplicate"})


@pytest.fixture(autouse=True)
def _no_lost_errors() -> Iterator[None]:
    """Let warnings of garbage appear in the test that made it."""
    yield
    gc.collect()


async def nothing_left(immich: Simulator) -> None:
    """Wait until both sides have tidied up: no task, no file, no asset."""
    await until(lambda: client_tasks() == {asyncio.current_task()})
    await until(lambda: not list(immich.backend.data_dir.rglob("*.jpg")))
    assert immich.assets() == []


@pytest.mark.parametrize("size", [1, 7, PIECE, SMALL_BODY])
async def test_in_one_piece(
    client: ImmichClient, immich: Simulator, size: int, recwarn: pytest.WarningsRecorder
) -> None:
    """Small content arrives as it was, and is a duplicate afterwards."""
    content = bytes(range(256)) * (size // 256) + bytes(range(size % 256))
    result = await client.upload_asset(asset("A b.JPG", content))
    assert not result.duplicate
    stored = immich.asset(result.asset_id)
    assert immich.asset_bytes(stored.id) == content
    assert stored.original_file_name == "A b.JPG"
    assert stored.file_created_at == "2024-05-01T12:00:00.000Z"
    assert stored.sha1 == hashlib.sha1(content).hexdigest()
    assert not stored.favorite
    assert stored.visibility == "timeline"
    again = await client.upload_asset(asset("Other.jpg", content))
    assert again.duplicate
    assert again.asset_id == result.asset_id
    assert [str(warning.message) for warning in recwarn] == []


def test_small_body_stays_below_the_limit_of_aiohttp() -> None:
    """With the longest of names, a small body is one that aiohttp takes silently."""
    assert TOO_LARGE_BYTES_BODY - SMALL_BODY > 8 * 1024


@pytest.mark.parametrize("size", [8, PIECE, 3 * PIECE + 8, 5 * MEGABYTE])
async def test_streamed(client: ImmichClient, immich: Simulator, size: int) -> None:
    """Streamed content arrives as it was."""
    content = Content(size)
    upload = content.upload(favourite=True, visibility=Visibility.ARCHIVE)
    result = await client.upload_asset(upload)
    stored = immich.asset(result.asset_id)
    assert stored.size == size == content.read
    assert stored.sha1 == content.checksum().hex()
    assert stored.favorite
    assert stored.visibility == "archive"
    assert content.closed == 1


async def test_any_iterator(client: ImmichClient, immich: Simulator) -> None:
    """Content need not be a generator, and may have empty pieces."""

    class Pieces(AsyncIterator[bytes]):
        def __init__(self) -> None:
            self.left = [b"", b"pic", b"", b"ture", b""]

        @override
        async def __anext__(self) -> bytes:
            if not self.left:
                raise StopAsyncIteration
            return self.left.pop(0)

    result = await client.upload_asset(replace(asset(), content=Pieces))
    assert immich.asset_bytes(result.asset_id) == b"picture"


@pytest.mark.parametrize(
    "name",
    [
        "Zürich.jpg",
        "Zu\u0308rich.jpg",
        "🏔️ 東京.jpg",
        'say "cheese".jpg',
        'it\'s; name="x".jpg',
        "100%22 %0A.jpg",
        "  blanks  .jpg",
        "tab\t.jpg",
        b"na\xefve.jpg",
        b"\xff\xfe\xfd.jpg",
        "two\nlines.jpg",
        "two\r\n\r\nlines.jpg",
        "nul\0.jpg",
        "back\\slash.jpg",
        "dir/IMG.jpg",
        ("ü" * 125 + "x.jpg").encode(),
        b"\xff" * 251 + b".jpg",
        "\x85\u2028\u202e.jpg",
    ],
)
@pytest.mark.parametrize("streamed", [False, True])
async def test_names(
    client: ImmichClient, immich: Simulator, name: bytes | str, streamed: bool
) -> None:
    """The server stores every name as sendable_name says."""
    upload = Content(PIECE).upload(name=name) if streamed else asset(name)
    result = await client.upload_asset(upload)
    stored = immich.asset(result.asset_id)
    assert stored.original_file_name == sendable_name(name)


@pytest.mark.parametrize("streamed", [False, True])
@pytest.mark.parametrize(
    ("name", "content", "error"),
    [
        ("doc.pdf", b"12345678", errors.UnsupportedError),
        ("noext", b"12345678", errors.UnsupportedError),
        ("empty.jpg", b"", errors.UnsupportedError),
    ],
)
async def test_refused_files(
    client: ImmichClient,
    immich: Simulator,
    name: str,
    content: bytes,
    error: type[errors.ImmichError],
    streamed: bool,
) -> None:
    """What Immich does not take is an UnsupportedError."""
    upload = asset(name, content)
    if streamed:
        upload = Content(len(content)).upload(name=name)
    with pytest.raises(error) as caught:
        await client.upload_asset(upload)
    assert type(caught.value) is error
    assert immich.assets() == []


async def test_quota(
    session: aiohttp.ClientSession, immich: Simulator, connect: Connect
) -> None:
    """A full quota is told apart from other refusals."""
    user = await immich.add_user("ann@example.com", "Ann", quota=PIECE)
    key = await immich.add_api_key(user, ["asset.upload", "user.read"])
    client = ImmichClient(session, immich.url, key)
    await client.upload_asset(asset(content=bytes(PIECE - 100)))
    me = await client.me()
    assert me.quota_size == PIECE
    assert me.quota_left == 100
    with pytest.raises(errors.QuotaExceededError):
        await client.upload_asset(Content(PIECE).upload())


async def test_a_stale_checksum_is_not_hidden(
    client: ImmichClient, immich: Simulator
) -> None:
    """The server believes the checksum, so the answer names the other asset."""
    first = await client.upload_asset(asset(content=b"one"))
    upload = asset(content=b"two", checksum=hashlib.sha1(b"one").digest())
    assert (await client.upload_asset(upload)).asset_id == first.asset_id
    assert len(immich.assets()) == 1


@pytest.mark.parametrize("checksum", [b"", bytes(19), bytes(21), b"0" * 40])
async def test_impossible_checksum(
    client: ImmichClient, immich: Simulator, checksum: bytes
) -> None:
    """What can't be a SHA-1 is never sent; the server would take it silently."""
    with pytest.raises(ValueError, match="20 bytes"):
        await client.upload_asset(asset(checksum=checksum))
    with pytest.raises(ValueError, match="20 bytes"):
        await client.bulk_upload_check([checksum])
    assert immich.requests.count == 0


async def test_early_duplicate(client: ImmichClient, immich: Simulator) -> None:
    """A known checksum is answered before the body is sent, and nothing is upset."""
    content = Content(LARGE)
    first = await client.upload_asset(content.upload())
    for _ in range(3):
        again = Content(LARGE)
        result = await client.upload_asset(again.upload())
        assert result.duplicate
        assert result.asset_id == first.asset_id
        assert again.read < LARGE
        assert again.closed == 1
        assert (await client.me()).id == immich.admin().id
    (check,) = await client.bulk_upload_check([content.checksum()])
    assert check.asset_id == first.asset_id
    await until(lambda: client_tasks() == {asyncio.current_task()})


async def test_early_refusal(session: aiohttp.ClientSession, immich: Simulator) -> None:
    """A refused key is told before the body is sent, and nothing is upset."""
    for key in ("wrong", None):
        content = Content(LARGE)
        with pytest.raises(errors.UnauthorisedError):
            await ImmichClient(session, immich.url, key).upload_asset(content.upload())
        assert content.read < LARGE
        assert content.closed == 1
    good = ImmichClient(session, immich.url, immich.api_key)
    assert not (await good.upload_asset(Content(LARGE).upload())).duplicate


@pytest.mark.parametrize("hard", [False, True])
async def test_too_large_for_a_proxy(connect: Connect, hard: bool) -> None:
    """A proxy's refusal is understood, even if it hangs up with bytes unread."""
    page = http(413, "<html>413 Request Entity Too Large</html>")

    async def refuse(exchange: Exchange) -> None:
        await exchange.send(page)
        if not hard:
            await exchange.drain_body()
        exchange.writer.close()

    async with RawServer(refuse) as server:
        for _ in range(10):
            content = Content(LARGE)
            with pytest.raises(errors.TooLargeError):
                await connect(server.address).upload_asset(content.upload())
            assert content.closed == 1


class ChangedError(Exception):
    """What a reader raises when the file changed under its hands."""


@pytest.mark.parametrize("fails_at", [0, 1, 40, 119])
@pytest.mark.parametrize(
    "failure",
    [
        ChangedError("changed"),
        OSError(5, "Input/output error"),
        TimeoutError("slow disk"),
        ConnectionResetError("network share"),
        aiohttp.ClientError("read over HTTP"),
        errors.RefusedError("from elsewhere"),
        ValueError("x"),
    ],
    ids=lambda failure: type(failure).__name__,
)
async def test_failing_content(
    client: ImmichClient, immich: Simulator, failure: Exception, fails_at: int
) -> None:
    """What content raises comes out as it was, and the server stores nothing."""
    cause = KeyError("the cause")
    failure.__cause__ = cause
    failure.__context__ = None
    content = Content(LARGE, failure=failure, fails_at=fails_at)
    with pytest.raises(type(failure)) as caught:
        await client.upload_asset(content.upload())
    assert caught.value is failure
    assert failure.__cause__ is cause
    assert failure.__context__ is None
    assert content.started == content.closed == 1
    await nothing_left(immich)
    assert not (await client.upload_asset(asset())).duplicate


async def test_content_that_does_not_start(
    client: ImmichClient, immich: Simulator
) -> None:
    """A function that fails to open the file is content that raises."""

    def absent() -> AsyncIterator[bytes]:
        raise FileNotFoundError(2, "gone")

    with pytest.raises(FileNotFoundError):
        await client.upload_asset(replace(asset(), content=absent))
    await nothing_left(immich)


@pytest.mark.parametrize("difference", [-PIECE, -8, -1, 1, 8, PIECE, 3 * MEGABYTE])
async def test_content_of_another_size(
    client: ImmichClient, immich: Simulator, difference: int
) -> None:
    """Not one byte more or fewer than announced makes an asset."""
    content = Content(3 * MEGABYTE)
    with pytest.raises(errors.ContentSizeError):
        await client.upload_asset(content.upload(size=content.size + difference))
    assert content.closed == 1
    with pytest.raises(errors.ContentSizeError):
        await client.upload_asset(asset(content=b"picture", size=7 + difference))
    await nothing_left(immich)


async def test_never_a_byte_too_many(connect: Connect) -> None:
    """Content that goes on is stopped before its surplus is sent."""
    bodies: list[bytes] = []

    async def collect(exchange: Exchange) -> None:
        bodies.append(await exchange.reader.read())

    async with RawServer(collect) as server:
        content = Content(2 * PIECE)
        upload = content.upload(size=PIECE + 8)
        with pytest.raises(errors.ContentSizeError):
            await connect(server.address).upload_asset(upload)
        await until(lambda: len(bodies) == 1)
        assert bodies[0].endswith(b"\r\n\r\n" + content.piece(0))
        assert len(bodies[0]) < server.exchanges[0].length


@pytest.mark.parametrize("fails_at", [0, 1, 60])
async def test_cancelled_while_reading(
    client: ImmichClient, immich: Simulator, fails_at: int
) -> None:
    """An upload that is cancelled while content is read leaves nothing behind."""
    content = Content(LARGE, fails_at=fails_at, gate=asyncio.Event())
    task = asyncio.create_task(client.upload_asset(content.upload()))
    await until(lambda: content.read == fails_at * PIECE and content.started == 1)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert content.closed == 1
    await nothing_left(immich)


async def test_cancelled_while_sending(connect: Connect) -> None:
    """An upload that is cancelled while the server does not read leaves nothing."""
    stuck = asyncio.Event()

    async def stall(exchange: Exchange) -> None:
        exchange.writer.transport.pause_reading()  # type: ignore[attr-defined]
        stuck.set()
        await asyncio.Event().wait()

    async with RawServer(stall) as server:
        content = Content(LARGE)
        task = asyncio.create_task(
            connect(server.address).upload_asset(content.upload())
        )
        await stuck.wait()
        await until(StandsStill(content))
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert content.closed == 1
        assert 0 < content.read < LARGE
        await until(lambda: client_tasks() == {asyncio.current_task()})


class StandsStill:
    """The condition that content has not been read on for many looks."""

    def __init__(self, content: Content) -> None:
        """Watch this content."""
        self._content = content
        self._seen = -1
        self._looks = 0

    def __call__(self) -> bool:
        """Look once."""
        if self._content.read != self._seen:
            self._seen = self._content.read
            self._looks = 0
        self._looks += 1
        return self._looks > 50


async def test_a_server_that_stops_reading(
    connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server that takes no more bytes is given up, and the content is closed."""
    monkeypatch.setattr(transport, "IDLE_TIMEOUT", 0.2)
    monkeypatch.setattr(stream, "_SLOWEST_RATE", 10**9)

    async def stall(exchange: Exchange) -> None:
        exchange.writer.transport.pause_reading()  # type: ignore[attr-defined]
        await asyncio.Event().wait()

    async with RawServer(stall) as server:
        content = Content(LARGE)
        with pytest.raises(errors.ConnectionFailedError, match="taking bytes"):
            await connect(server.address).upload_asset(content.upload())
        assert content.closed == 1
        assert content.read < LARGE
        with pytest.raises(errors.ConnectionFailedError, match="not answer"):
            await connect(server.address).upload_asset(asset())


@pytest.mark.parametrize("fails_at", [0, 2])
async def test_slow_content_is_no_fault_of_the_server(
    client: ImmichClient, monkeypatch: pytest.MonkeyPatch, fails_at: int
) -> None:
    """A file that is read slowly, from a sleeping disk, is sent all the same."""
    monkeypatch.setattr(transport, "IDLE_TIMEOUT", 0.3)
    monkeypatch.setattr(stream, "_SLOWEST_RATE", 10**9)
    loop = asyncio.get_running_loop()
    gate = asyncio.Event()
    content = Content(3 * PIECE, fails_at=fails_at, gate=gate)
    task = asyncio.create_task(client.upload_asset(content.upload()))
    await until(lambda: content.started == 1 and content.read == fails_at * PIECE)
    late = loop.time() + 2 * transport.IDLE_TIMEOUT
    await until(lambda: loop.time() > late)
    gate.set()
    assert not (await task).duplicate


async def test_a_slow_line_is_not_silence(
    client: ImmichClient, immich: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As long as bytes go, an upload may take much longer than the idle timeout."""
    monkeypatch.setattr(transport, "IDLE_TIMEOUT", 0.5)
    immich.faults.add(Fault(action=Action.THROTTLE, rate=16 * MEGABYTE))
    monkeypatch.setattr(stream, "_SLOWEST_RATE", MEGABYTE)
    started = asyncio.get_running_loop().time()
    assert not (await client.upload_asset(Content(LARGE).upload())).duplicate
    assert asyncio.get_running_loop().time() - started > 3 * transport.IDLE_TIMEOUT


@pytest.mark.parametrize("action", [Action.RESET, Action.CLOSE])
@pytest.mark.parametrize("at_byte", [0, 1, 10 * MEGABYTE])
async def test_broken_while_sending(
    client: ImmichClient, immich: Simulator, action: Action, at_byte: int
) -> None:
    """A connection that breaks mid-body is a failed connection; nothing is stored."""
    immich.faults.add(Fault(action=action, method="POST", at_byte=at_byte))
    content = Content(LARGE)
    with pytest.raises(errors.ConnectionFailedError):
        await client.upload_asset(content.upload())
    assert content.started == content.closed == 1
    assert len(immich.requests.matching("POST", "/api/assets")) == 1
    await nothing_left(immich)


async def test_lost_answer(client: ImmichClient, immich: Simulator) -> None:
    """An upload whose answer is lost is a duplicate when it is sent again."""
    immich.faults.add(
        Fault(action=Action.RESET, when=When.AFTER, method="POST", times=1)
    )
    result = await client.upload_asset(asset())
    assert result.duplicate
    assert [stored.id for stored in immich.assets()] == [result.asset_id]


@pytest.mark.parametrize(
    ("canned", "error"),
    [
        ("too-large", errors.TooLargeError),
        ("bad-gateway", errors.UnavailableError),
        ("unavailable", errors.UnavailableError),
        ("gateway-timeout", errors.UnavailableError),
        ("rate-limited", errors.UnavailableError),
        ("internal-error", errors.ServerFailedError),
        ("html-page", errors.ProtocolError),
        ("invalid-json", errors.ProtocolError),
        ("redirect", errors.RedirectedError),
    ],
)
@pytest.mark.parametrize("when", [When.BEFORE, When.BODY])
async def test_answers_of_others(
    client: ImmichClient,
    immich: Simulator,
    canned: str,
    error: type[errors.ImmichError],
    when: When,
) -> None:
    """What a proxy says instead of the server is understood, early or late."""
    fault = immich.faults.add(Fault(action=Action.RESPOND, canned=canned, when=when))
    content = Content(LARGE)
    with pytest.raises(errors.ImmichError) as caught:
        await client.upload_asset(content.upload())
    assert type(caught.value) is error
    assert content.closed == 1
    assert (content.read == LARGE) is (when is When.BODY)
    immich.faults.remove(fault)
    await nothing_left(immich)
    assert not (await client.upload_asset(asset())).duplicate


async def test_memory_stays_flat(connect: Connect) -> None:
    """300 MB are sent with a few pieces in memory at a time."""

    async def sink(exchange: Exchange) -> None:
        await exchange.drain_body()
        await exchange.send(CREATED)

    async with RawServer(sink) as server:
        content = Content(300 * MEGABYTE)
        upload = content.upload(checksum=bytes(20))
        tracemalloc.start()
        try:
            await connect(server.address).upload_asset(upload)
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert server.exchanges[0].received > 300 * MEGABYTE
    assert peak < 8 * MEGABYTE


@pytest.mark.parametrize("blocked", ["reading", "sending"])
@pytest.mark.parametrize("answer", [DUPLICATE, http(401)], ids=brief)
async def test_an_answer_beats_a_late_failure(
    connect: Connect, answer: bytes, blocked: str
) -> None:
    """Once the server has answered, it does not matter how the rest is dropped."""
    closed = 0

    async def stubborn() -> AsyncIterator[bytes]:
        nonlocal closed
        try:
            yield bytes(PIECE)
            if blocked == "reading":
                await asyncio.Event().wait()
            while True:
                yield bytes(PIECE)
        except asyncio.CancelledError, GeneratorExit:
            closed += 1
            raise TimeoutError from None

    async def early(exchange: Exchange) -> None:
        await exchange.reader.readexactly(PIECE)
        await exchange.send(answer)
        await exchange.drain_body()

    async with RawServer(early) as server:
        upload = replace(asset(), size=LARGE, content=stubborn)
        client = connect(server.address)
        if answer is DUPLICATE:
            assert (await client.upload_asset(upload)).duplicate
        else:
            with pytest.raises(errors.UnauthorisedError):
                await client.upload_asset(upload)
    assert closed == 1
