"""What lies beside a photo and tells about it: XMP sidecars and Takeout's JSON files."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
import hashlib
from io import BytesIO
import os
from threading import Lock
from typing import BinaryIO

from .access import AccessError, look_at, open_unchanged
from .media import MediaFacts, Trouble, read_sidecar, read_takeout
from .media.companions import TAKEOUT, XMP, SidecarKind

# Of so many directories it is kept what lies beside what.
_DIRECTORIES = 16
# Masks make sidecars large; what is larger still is something else.
LARGEST = 4 * 1024 * 1024


class Beside:
    """Finds what lies beside the files of one folder; blocking, for threads.

    A directory is listed once, and again after many others were.
    """

    def __init__(self, root: bytes, kind: SidecarKind) -> None:
        """Look below this directory; nothing is read yet."""
        self._root = root
        self._kind = kind
        self._lock = Lock()
        self._found: dict[bytes, Mapping[str, str]] = {}

    def of(self, path: bytes) -> bytes | None:
        """Return what tells about a file, by paths relative to the folder."""
        directory, slash, name = path.rpartition(b"/")
        with self._lock:
            if (found := self._found.pop(directory, None)) is None:
                found = self._look(directory)
                if len(self._found) >= _DIRECTORIES:
                    del self._found[next(iter(self._found))]
            # What was asked for last goes last.
            self._found[directory] = found
        sidecar = found.get(os.fsdecode(name))
        return None if sidecar is None else directory + slash + os.fsencode(sidecar)

    def _look(self, directory: bytes) -> Mapping[str, str]:
        """Return what lies beside what in a directory."""
        try:
            return self._kind.among(os.listdir(os.path.join(self._root, directory)))
        except OSError:
            return {}


@dataclass(frozen=True, slots=True)
class Sidecar:
    """What an XMP sidecar says.

    ``digest`` tells its bytes from others, ``content`` is them if they are kept; both
    are None if it is too large to be sent.
    """

    facts: MediaFacts
    digest: str | None = None
    content: bytes | None = field(default=None, repr=False)


class Surroundings:
    """Reads what lies beside the files of one folder; blocking, for threads."""

    def __init__(self, root: bytes) -> None:
        """Look below this directory; nothing is read yet."""
        self.root = root
        self._xmp, self._takeout = Beside(root, XMP), Beside(root, TAKEOUT)

    def of(self, path: bytes) -> tuple[Sidecar | None, MediaFacts | None]:
        """Return what a file's XMP sidecar and its JSON file of Takeout say.

        ``path`` is relative to the folder. None for what is not there, or can't be read.
        """
        xmp, takeout = self._xmp.of(path), self._takeout.of(path)
        return (
            None if xmp is None else load_sidecar(self.root, xmp),
            None if takeout is None else load_takeout(self.root, takeout),
        )


def load_sidecar(root: bytes, path: bytes, *, keep: bool = False) -> Sidecar | None:
    """Return an XMP sidecar (its relative path) as it is now; blocking.

    Its bytes are only kept if that is asked for. None for what can't be read, leads out
    of the folder, or is no harmless XMP. Such a thing does not go up either: a server
    that has it can't note in it what its owner changes later.
    """
    data = _read(root, path, lambda file: _upto(file, LARGEST + 1))
    if not data:
        return None
    facts = read_sidecar(BytesIO(data))
    if facts.trouble is Trouble.TOO_MUCH:
        return Sidecar(facts)
    if facts.trouble is not None:
        return None
    digest = hashlib.blake2b(data, digest_size=8).hexdigest()
    return Sidecar(facts, digest, data if keep else None)


def load_takeout(root: bytes, path: bytes) -> MediaFacts | None:
    """Return what a JSON file (its relative path) says about a photo; blocking.

    None for what can't be read, leads out of the folder or is none of Takeout.
    """
    facts = _read(root, path, read_takeout)
    return None if facts is None or facts.trouble is not None else facts


def _upto(file: BinaryIO, most: int) -> bytes:
    """Return a file's bytes, but no more than so many. Raises OSError."""
    found = bytearray()
    while len(found) < most and (data := file.read(most - len(found))):
        found += data
    return bytes(found)


def _read[T](root: bytes, path: bytes, read: Callable[[BinaryIO], T]) -> T | None:
    """Return what is read of a file as it is now; None if that is not possible."""
    try:
        with open_unchanged(root, path, look_at(root, path)) as file:
            return read(file)
    except AccessError:
        return None
