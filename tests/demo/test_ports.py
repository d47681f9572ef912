"""Ports are found, and not given to two demonstrations."""

import socket
import subprocess
import sys

import pytest

from demo.ports import HOST, claim_port


@pytest.fixture
def listener() -> socket.socket:
    """Return a socket that listens on a port."""
    return socket.create_server((HOST, 0))


def test_a_port_in_use_is_passed_over(listener: socket.socket) -> None:
    """The next free one is taken, also instead of the one that was wanted."""
    with listener:
        used = listener.getsockname()[1]
        assert claim_port(used) > used
        assert claim_port(used, wanted=used) > used


def test_a_port_is_claimed_once(listener: socket.socket) -> None:
    """What one process claimed another one does not get, until the first ended."""
    port = listener.getsockname()[1]
    listener.close()
    ask = f"from demo.ports import claim_port; print(claim_port({port}, {port}))"

    def other() -> int:
        command = [sys.executable, "-c", ask]
        return int(subprocess.run(command, capture_output=True, check=True).stdout)

    assert other() == port
    assert other() == port
    assert claim_port(port) == port
    assert other() > port
