"""What this process takes of the system's inotify."""

from contextlib import suppress
from pathlib import Path


def inotify_instances() -> int:
    """Return how many instances of inotify this process has open."""
    count = 0
    for descriptor in Path("/proc/self/fd").iterdir():
        with suppress(OSError):
            count += str(descriptor.readlink()) == "anon_inode:inotify"
    return count
