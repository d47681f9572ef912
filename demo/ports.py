"""Finds free ports, and keeps other demonstrations that start now from taking them."""

import socket
import sys

from .errors import DemoError

HOST = "127.0.0.1"
# Open as long as this process is there.
_CLAIMS: list[socket.socket] = []


def claim_port(first: int, wanted: int | None = None) -> int:
    """Return the wanted port if it is free, else the first free one from a number on."""
    ports = range(first, 65536)
    for port in [wanted, *ports] if wanted else ports:
        if _is_free(port) and _claim(port):
            return port
    raise DemoError("No port is free")


def _is_free(port: int) -> bool:
    """Return whether nobody listens there."""
    with socket.socket() as listener:
        # As a server does: a port whose last connection just closed is free.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((HOST, port))
        except OSError:
            return False
    return True


def _claim(port: int) -> bool:
    """Return whether no other demonstration has a port that it does not yet use.

    Whoever starts Home Assistant knows the port seconds before anybody listens there.
    """
    if sys.platform != "linux":
        return True
    # A name without a file, which is gone when the process is.
    claim = socket.socket(socket.AF_UNIX)
    try:
        claim.bind(f"\0immich-backup-demo-{port}")
    except OSError:
        claim.close()
        return False
    _CLAIMS.append(claim)
    return True
