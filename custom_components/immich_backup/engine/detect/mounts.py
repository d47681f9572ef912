"""Where a path lies: on which file system, of what kind, and which folders overlap."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
import os
import re

# File systems whose changes are made elsewhere, or that report no events.
_NO_EVENTS = re.compile(
    r"nfs4?|cifs|smb[23]?|smbfs|9p|afs|ceph|glusterfs|virtiofs|vboxsf|drvfs|ncpfs|davfs"
    r"|fuse(?:\..*)?|fuseblk|prl_fs|vmhgfs|lustre|beegfs|orangefs|autofs"
)
# FUSE drivers of local disks: events work, as all changes pass through this kernel.
_LOCAL_FUSE = frozenset(("fuseblk", "fuse.ntfs-3g", "fuse.exfat", "fuse.mergerfs"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Mount:
    """One line of /proc/self/mountinfo; ``parent`` is the id of the mount below it."""

    id: str
    parent: str
    device: str
    root: str
    point: str
    kind: str
    source: str

    @property
    def has_events(self) -> bool:
        """Return whether changes on it can be expected to cause events here."""
        return self.kind in _LOCAL_FUSE or not _NO_EVENTS.fullmatch(self.kind)


# Where there is no mountinfo, everything is one file system.
_UNKNOWN = Mount(id="", parent="", device="", root="/", point="/", kind="", source="")


@dataclass(frozen=True, slots=True)
class Location:
    """A place on a file system, whatever name it is reached by.

    The mount's device and ``path`` (inside the file system) are the same for two names
    of one directory, a bind mount included.
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


def read_mounts(file: str = "/proc/self/mountinfo") -> Sequence[Mount]:
    """Return all mounts; none where there is no such file.

    Source of the format: proc_pid_mountinfo(5).
    """
    try:
        with open(
            file, encoding="utf-8", errors="surrogateescape", newline="\n"
        ) as lines:
            return _parsed(lines.read())
    except OSError:
        return []


def locate(path: str, mounts: Sequence[Mount] | None = None) -> Location:
    """Return where an absolute path without links lies; blocking."""
    found = _UNKNOWN
    for mount in _way_to(path, read_mounts() if mounts is None else mounts):
        found = mount
    return Location(found, _inside(found, path))


@dataclass(frozen=True, slots=True)
class Area:
    """A place that a walk reads: only its own files, or also all below it."""

    top: Location
    deep: bool

    def meets(self, other: Area) -> bool:
        """Return whether there are files that belong to both."""
        if self.deep and self.top.contains(other.top):
            return True
        if other.deep and other.top.contains(self.top):
            return True
        return self.top.contains(other.top) and other.top.contains(self.top)


def areas(
    path: str, *, recursive: bool, mounts: Sequence[Mount] | None = None
) -> Sequence[Area]:
    """Return all that a walk of a folder reads: its own, and what is mounted below it.

    Blocking.
    """
    mounts = read_mounts() if mounts is None else mounts
    own = Area(locate(path, mounts), recursive)
    if not recursive:
        return [own]
    return [own] + [
        Area(Location(mount, _inside(mount, mount.point)), True)
        for mount in mounts
        if mount.point != path
        and _below(mount.point, path)
        and locate(mount.point, mounts).mount is mount
    ]


def overlaps(first: Location, second: Location) -> bool:
    """Return whether one of two places lies inside the other."""
    return first.contains(second) or second.contains(first)


def share_files(first: Sequence[Area], second: Sequence[Area]) -> bool:
    """Return whether two folders have files in common, by whatever names."""
    return any(one.meets(other) for one in first for other in second)


@lru_cache(maxsize=1)
def _parsed(text: str) -> Sequence[Mount]:
    """Return the mounts; they seldom change, and every folder asks for them."""
    return list(_parse(text.split("\n")))


def _parse(lines: Iterable[str]) -> Iterator[Mount]:
    """Yield the mounts of the lines that can be read."""
    for line in lines:
        left, separator, right = line.rstrip("\n").partition(" - ")
        fields, rest = left.split(" "), right.split(" ")
        if separator and len(fields) >= 5 and len(rest) >= 2:
            yield Mount(
                id=fields[0],
                parent=fields[1],
                device=fields[2],
                root=_unescape(fields[3]),
                point=_unescape(fields[4]),
                kind=_unescape(rest[0]),
                source=_unescape(rest[1]),
            )


def _unescape(text: str) -> str:
    r"""Replace the octal escapes (\040 for a blank) of mountinfo."""
    return re.sub(r"\\([0-7]{3})", lambda match: chr(int(match[1], 8)), text)


def _way_to(path: str, mounts: Sequence[Mount]) -> Iterator[Mount]:
    """Yield the mounts on the way to a path, from the root on.

    A mount hides what was mounted below its point before, so the way is followed from
    mount to mount as the kernel does.
    """
    ids = {mount.id for mount in mounts}
    on_top: dict[str, list[Mount]] = {}
    current: Mount | None = None
    for mount in mounts:
        if mount.parent in ids and mount.parent != mount.id:
            on_top.setdefault(mount.parent, []).append(mount)
        elif current is None and mount.point == "/":
            current = mount
    while current is not None:
        yield current
        current = min(
            (
                mount
                for mount in on_top.pop(current.id, ())
                if _below(path, mount.point)
            ),
            key=lambda mount: len(mount.point),
            default=None,
        )


def _inside(mount: Mount, path: str) -> str:
    """Return where a path below a mount's point lies inside its file system."""
    relative = os.path.relpath(path, mount.point)
    return os.path.normpath(os.path.join(mount.root, relative))


def _below(path: str, top: str) -> bool:
    """Return whether a path is the top or lies below it."""
    return path == top or path.startswith(top.rstrip("/") + "/")
