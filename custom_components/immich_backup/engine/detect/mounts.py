"""Where a path lies: on which file system, of what kind, and which folders overlap."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
import os
import re

# File systems whose changes are made elsewhere, or that report no events.
_NO_EVENTS = re.compile(
    r"nfs4?|cifs|smb[23]?|smbfs|9p|afs|ceph|glusterfs|virtiofs|vboxsf|drvfs|ncpfs|davfs"
    r"|fuse(?:\..*)?|fuseblk|prl_fs|vmhgfs|lustre|beegfs|orangefs|autofs"
)
# FUSE drivers of local disks: events work, as all changes pass through this kernel.
_LOCAL_FUSE = frozenset(("fuseblk", "fuse.ntfs-3g", "fuse.exfat", "fuse.mergerfs"))


@dataclass(frozen=True, slots=True)
class Mount:
    """One line of /proc/self/mountinfo."""

    device: str
    root: str
    point: str
    kind: str
    source: str

    @property
    def has_events(self) -> bool:
        """Return whether changes on it can be expected to cause events here."""
        return self.kind in _LOCAL_FUSE or not _NO_EVENTS.fullmatch(self.kind)


@dataclass(frozen=True, slots=True)
class Location:
    """A place on a file system, whatever name it is reached by.

    ``device`` and ``path`` (inside the file system) are the same for two names of one
    directory, a bind mount included.
    """

    mount: Mount
    path: str

    @property
    def identity(self) -> str:
        """Return what tells this mount from another at the same path."""
        return f"{self.mount.kind} {self.mount.source} {self.mount.root}"

    def contains(self, other: Location) -> bool:
        """Return whether the other place is this one or lies below it."""
        return self.mount.device == other.mount.device and (
            _below(other.path, self.path)
        )


def _below(path: str, top: str) -> bool:
    """Return whether a path is the top or lies below it."""
    return path == top or path.startswith(top.rstrip("/") + "/")


def read_mounts(file: str = "/proc/self/mountinfo") -> Sequence[Mount]:
    """Return all mounts, the later ones on top; none where there is no such file.

    Source of the format: proc_pid_mountinfo(5).
    """
    try:
        with open(file, encoding="utf-8", errors="surrogateescape") as lines:
            return list(_parse(lines))
    except OSError:
        return []


def _parse(lines: Iterable[str]) -> Iterable[Mount]:
    """Yield the mounts of the lines that can be read."""
    for line in lines:
        left, separator, right = line.rstrip("\n").partition(" - ")
        fields, rest = left.split(" "), right.split(" ")
        if separator and len(fields) >= 5 and len(rest) >= 2:
            yield Mount(
                device=fields[2],
                root=_unescape(fields[3]),
                point=_unescape(fields[4]),
                kind=rest[0],
                source=_unescape(rest[1]),
            )


def _unescape(text: str) -> str:
    r"""Replace the octal escapes (\040 for a blank) of mountinfo."""
    return re.sub(r"\\([0-7]{3})", lambda match: chr(int(match[1], 8)), text)


def locate(path: str, mounts: Sequence[Mount] | None = None) -> Location:
    """Return where an absolute path without links lies; blocking."""
    found = Mount("", "/", "/", "", "")
    for mount in read_mounts() if mounts is None else mounts:
        if _below(path, mount.point) and len(mount.point) >= len(found.point):
            found = mount
    inside = os.path.normpath(f"{found.root}/{os.path.relpath(path, found.point)}")
    return Location(found, inside)


def overlaps(first: Location, second: Location) -> bool:
    """Return whether one of two places lies inside the other."""
    return first.contains(second) or second.contains(first)
