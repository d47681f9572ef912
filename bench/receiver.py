"""A receiver of uploads that does as little as HTTP allows; a process of its own.

`python -m bench.receiver` prints its port on 127.0.0.1 and serves until its standard
input ends. It takes the bytes of every request off the socket, then answers 201 with an
asset id, as Immich does; it keeps nothing and checks nothing, so that what is measured
is the sender.
"""

import re
import selectors
import socket
import sys

_BODY = b'{"id":"6d3ec8a2-13a5-4d6c-9f0b-52b5d1a0c0de","status":"created"}'
_ANSWER = (
    b"HTTP/1.1 201 Created\r\nContent-Type: application/json; charset=utf-8\r\n"
    b"Content-Length: %d\r\n\r\n%b" % (len(_BODY), _BODY)
)
_CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)\r\n", re.IGNORECASE)
_EXPECT = re.compile(rb"\r\nexpect: *100-continue\r\n", re.IGNORECASE)
_BUFFER = 512 * 1024


class Connection:
    """One client's connection: the head of a request until it is complete, then bytes.

    Requests must have a Content-Length and must not be pipelined.
    """

    def __init__(self, client: socket.socket) -> None:
        """Serve a connection that was accepted."""
        self._client = client
        self._head = b""
        self._left = 0

    def receive(self, buffer: memoryview) -> bool:
        """Take what has arrived; return False when the client is gone."""
        try:
            count = self._client.recv_into(buffer)
        except BlockingIOError:
            return True
        except ConnectionResetError:
            return False
        if not count:
            return False
        if self._left:
            self._left -= count
        else:
            self._head += buffer[:count]
            head, end, body = self._head.partition(b"\r\n\r\n")
            if not end:
                return True
            head += b"\r\n"
            length = _LENGTH.search(head)
            self._left = (int(length[1]) if length else 0) - len(body)
            self._head = b""
            if self._left > 0 and _EXPECT.search(head):
                self._client.send(_CONTINUE)
        if not self._left:
            self._client.send(_ANSWER)
        return True


def serve(listener: socket.socket, until: int) -> None:
    """Serve all clients in one thread, until something can be read from ``until``."""
    buffer = memoryview(bytearray(_BUFFER))
    with selectors.DefaultSelector() as selector:
        selector.register(until, selectors.EVENT_READ)
        selector.register(listener, selectors.EVENT_READ)
        while True:
            for key, _ in selector.select():
                if key.data is not None:
                    if not key.data.receive(buffer):
                        selector.unregister(key.fileobj)
                        key.fileobj.close()  # type: ignore[union-attr]
                elif key.fileobj is listener:
                    client, _ = listener.accept()
                    client.setblocking(False)
                    client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                    selector.register(client, selectors.EVENT_READ, Connection(client))
                else:
                    return


if __name__ == "__main__":
    with socket.create_server(("127.0.0.1", 0), backlog=64) as _listener:
        print(_listener.getsockname()[1], flush=True)
        serve(_listener, sys.stdin.fileno())
