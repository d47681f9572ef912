"""The receiver answers every request once it has all of it, and not before."""

from collections.abc import Iterator
import json
import socket
import threading

import pytest

from bench.receiver import Connection, serve


@pytest.fixture
def client() -> Iterator[socket.socket]:
    """Give a connection to a receiver in a thread."""
    until, end = socket.socketpair()
    with socket.create_server(("127.0.0.1", 0)) as listener, until, end:
        thread = threading.Thread(target=serve, args=(listener, until.fileno()))
        thread.start()
        with socket.create_connection(listener.getsockname()) as connection:
            connection.settimeout(10)
            yield connection
        end.close()
        thread.join(10)
        assert not thread.is_alive()


def request(size: int) -> bytes:
    """Return an upload with a body of so many bytes."""
    head = f"POST /api/assets HTTP/1.1\r\ncontent-Length: {size}\r\nA: b\r\n\r\n"
    return head.encode() + b"x" * size


def answer(client: socket.socket) -> bytes:
    """Return the body of an answer."""
    received = b""
    while b"}" not in received:
        received += client.recv(1000)
    head, _, body = received.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 201 ")
    assert f"Content-Length: {len(body)}".encode() in head
    return body


def test_requests(client: socket.socket) -> None:
    """Several requests come over one connection."""
    for size in (0, 1, 1_000_000, 7):
        client.sendall(request(size))
        assert json.loads(answer(client))["status"] == "created"


@pytest.mark.parametrize("size", [0, 1, 20])
def test_pieces(size: int) -> None:
    """A request may come in pieces of any size; the answer comes after the last."""
    whole = request(size)
    for cut in range(1, len(whole)):
        ours, theirs = socket.socketpair()
        with ours, theirs:
            ours.setblocking(False)
            theirs.setblocking(False)
            connection = Connection(ours)
            theirs.sendall(whole[:cut])
            assert connection.receive(memoryview(bytearray(1000)))
            with pytest.raises(BlockingIOError):
                theirs.recv(1000)
            theirs.sendall(whole[cut:])
            assert connection.receive(memoryview(bytearray(1000)))
            assert answer(theirs)


def test_permission_to_send(client: socket.socket) -> None:
    """A client that asks before it sends is told to go on."""
    client.sendall(
        b"POST / HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n"
    )
    assert client.recv(1000) == b"HTTP/1.1 100 Continue\r\n\r\n"
    client.sendall(b"xx")
    assert answer(client)


def test_lost_client() -> None:
    """A connection that is reset is given up."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.setblocking(False)
        connection = Connection(ours)
        buffer = memoryview(bytearray(10))
        assert connection.receive(buffer)
        theirs.close()
        assert not connection.receive(buffer)
