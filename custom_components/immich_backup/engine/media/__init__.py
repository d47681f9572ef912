"""Facts read out of photos and videos, whatever their format and however damaged."""

from .captured import capture_time, taken_at
from .facts import DateSource, MediaFacts, Trouble
from .read import read_facts

__all__ = [
    "DateSource",
    "MediaFacts",
    "Trouble",
    "capture_time",
    "read_facts",
    "taken_at",
]
