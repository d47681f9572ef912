"""All that tells of one photo or video: it itself, and what lies beside it."""

from collections.abc import Sequence
from dataclasses import dataclass

from .facts import MediaFacts


@dataclass(frozen=True, slots=True, kw_only=True)
class Witnesses:
    """What a file says itself, its XMP sidecar, and its JSON file of Google Takeout.

    None says nothing: it is not there, can't be read, or was not looked at.
    """

    own: MediaFacts | None = None
    sidecar: MediaFacts | None = None
    takeout: MediaFacts | None = None

    @property
    def in_order(self) -> Sequence[MediaFacts]:
        """Return those that say something, what counts most first.

        What a person said in a sidecar counts most, as it does for the server.
        """
        asked = (self.sidecar, self.own, self.takeout)
        return [facts for facts in asked if facts is not None]

    @property
    def place(self) -> tuple[float, float] | None:
        """Return where it was taken, by the first that tells."""
        return next((one.place for one in self.in_order if one.place), None)

    @property
    def keywords(self) -> Sequence[str]:
        """Return its keywords as paths with slashes, by the first that has any."""
        return next((one.keywords for one in self.in_order if one.keywords), ())
