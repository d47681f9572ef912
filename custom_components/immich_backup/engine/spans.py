"""The times around photos, for which the home is asked what was then."""

from collections.abc import Collection, Iterator
from datetime import UTC, datetime, timedelta

# The home knows nothing of others, and arithmetic ends there.
_FIRST_YEAR, _LAST_YEAR = 1900, 2200


def is_sane(moment: datetime) -> bool:
    """Return whether the home can know something of a moment."""
    return _FIRST_YEAR < moment.year < _LAST_YEAR


def spans(
    moments: Collection[datetime], together: timedelta
) -> Iterator[tuple[datetime, datetime]]:
    """Yield the times, in UTC, from the first to the last of moments (aware).

    Those less far apart than ``together`` are one time.
    """
    # In one zone times would be compared by their clocks.
    found = sorted(moment.astimezone(UTC) for moment in moments if is_sane(moment))
    for i, moment in enumerate(found):
        if i == 0 or moment - found[i - 1] > together:
            first = moment
        if i == len(found) - 1 or found[i + 1] - moment > together:
            yield first, moment
