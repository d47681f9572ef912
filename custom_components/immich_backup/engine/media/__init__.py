"""Facts read out of photos and videos, whatever their format and however damaged."""

from .captured import capture_time
from .companions import takeout_sidecars, xmp_sidecars
from .facts import DateSource, MediaFacts, Trouble
from .pairs import Format, Group, GroupKind, groups
from .read import read_facts
from .takeout import read_takeout
from .witnesses import Witnesses
from .xmp import read_sidecar

__all__ = [
    "DateSource",
    "Format",
    "Group",
    "GroupKind",
    "MediaFacts",
    "Trouble",
    "Witnesses",
    "capture_time",
    "groups",
    "read_facts",
    "read_sidecar",
    "read_takeout",
    "takeout_sidecars",
    "xmp_sidecars",
]
