"""Facts read out of photos and videos, whatever their format and however damaged."""

from .facts import DateSource, MediaFacts, Trouble
from .read import read_facts

__all__ = ["DateSource", "MediaFacts", "Trouble", "read_facts"]
