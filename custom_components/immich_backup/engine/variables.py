"""What templates see of a file as `media`."""

from collections.abc import Mapping
from datetime import datetime
import os

from .context import Place
from .media.facts import DateSource, MediaFacts


def media_variables(
    *,
    folder: str,
    path: str,
    kind: str | None,
    size: int,
    facts: MediaFacts,
    place: Place | None,
    taken: datetime,
    taken_by: DateSource,
    zone: str | None = None,
    event: str | None = None,
) -> Mapping[str, object]:
    """Return a file as templates see it.

    ``path`` is relative to the folder, whose name is ``folder``, ``kind`` photo or
    video, ``size`` in bytes, ``taken`` aware; ``zone`` and ``event`` are as found.
    """
    name = os.path.basename(path)
    stem, extension = os.path.splitext(name)
    latitude, longitude = place or (None, None)
    return {
        "name": name,
        "stem": stem,
        "extension": extension.lower().lstrip("."),
        "path": path,
        "folder": folder,
        "folders": path.split("/")[:-1],
        "type": kind,
        "size": size,
        "captured_at": taken,
        "captured_by": taken_by.value,
        "camera": facts.camera,
        "latitude": latitude,
        "longitude": longitude,
        "zone": zone,
        "event": event,
        "duration": facts.duration,
        "screenshot": facts.is_screenshot,
    }
