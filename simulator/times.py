"""Instants as the server keeps them (microseconds since 1970) and writes them."""

import re
import time

SECOND = 1_000_000
DAY = 86_400 * SECOND

# What zod's datetime accepts, as the server quotes it in its errors (measured on
# Immich 3.0.3).
ISO_DATETIME_PATTERN = (
    r"^(?:(?:\d\d[2468][048]|\d\d[13579][26]|\d\d0[48]|[02468][048]00|[13579][26]00)"
    r"-02-29|\d{4}-(?:(?:0[13578]|1[02])-(?:0[1-9]|[12]\d|3[01])|(?:0[469]|11)-"
    r"(?:0[1-9]|[12]\d|30)|(?:02)-(?:0[1-9]|1\d|2[0-8])))T(?:(?:[01]\d|2[0-3]):"
    r"[0-5]\d(?::[0-5]\d(?:\.\d+)?)?(?:Z|([+-](?:[01]\d|2[0-3]):[0-5]\d)))$"
)
_ISO_DATETIME = re.compile(ISO_DATETIME_PATTERN, re.ASCII)
_PARTS = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d)(?::(\d\d)(?:\.(\d+))?)?"
    r"(?:Z|([+-])(\d\d):(\d\d))",
    re.ASCII,
)


def now() -> int:
    """Return the present instant in microseconds since 1970."""
    return time.time_ns() // 1000


def is_iso_datetime(text: str) -> bool:
    """Say whether zod would accept this text as an ISO 8601 date and time."""
    return _ISO_DATETIME.match(text) is not None and not text.endswith("\n")


def parse_iso(text: str) -> int:
    """Return the instant of an ISO 8601 text, cut to whole milliseconds.

    The text must satisfy is_iso_datetime; JavaScript dates hold milliseconds.
    """
    match = _PARTS.match(text)
    if match is None:
        raise ValueError(f"not an ISO 8601 date and time: {text!r}")
    year, month, day, hour, minute, second, fraction, sign, off_h, off_m = (
        match.groups()
    )
    instant = wall_clock(
        int(year), int(month), int(day), int(hour), int(minute), int(second or 0)
    )
    if fraction:
        instant += int(fraction[:3].ljust(3, "0")) * 1000
    if sign:
        offset = (int(off_h) * 60 + int(off_m)) * 60 * SECOND
        instant += -offset if sign == "+" else offset
    return instant


def wall_clock(
    year: int, month: int, day: int, hour: int = 0, minute: int = 0, second: int = 0
) -> int:
    """Return the instant of a UTC date and time of the proleptic calendar.

    Any year is allowed, unlike with datetime: clients send the years 0000 and 9999.
    """
    shifted = year - (month <= 2)
    era = shifted // 400
    year_of_era = shifted - era * 400
    day_of_year = (153 * ((month + 9) % 12) + 2) // 5 + day - 1
    day_of_era = year_of_era * 365 + year_of_era // 4 - year_of_era // 100 + day_of_year
    days = era * 146_097 + day_of_era - 719_468
    return days * DAY + ((hour * 60 + minute) * 60 + second) * SECOND


def civil(instant: int) -> tuple[int, int, int, int, int, int, int]:
    """Return year, month, day, hour, minute, second and microsecond in UTC."""
    days, rest = divmod(instant, DAY)
    days += 719_468
    era, day_of_era = divmod(days, 146_097)
    year_of_era = (
        day_of_era - day_of_era // 1460 + day_of_era // 36_524 - day_of_era // 146_096
    ) // 365
    day_of_year = day_of_era - (
        365 * year_of_era + year_of_era // 4 - year_of_era // 100
    )
    month_index = (5 * day_of_year + 2) // 153
    day = day_of_year - (153 * month_index + 2) // 5 + 1
    month = month_index + 3 if month_index < 10 else month_index - 9
    year = year_of_era + era * 400 + (month <= 2)
    seconds, micro = divmod(rest, SECOND)
    minutes, second = divmod(seconds, 60)
    hour, minute = divmod(minutes, 60)
    return year, month, day, hour, minute, second, micro


def iso_millis(instant: int) -> str:
    """Write an instant as JavaScript does: 2024-05-01T10:00:00.000Z."""
    year, month, day, hour, minute, second, micro = civil(instant)
    text = f"{year:04}" if 0 <= year <= 9999 else f"{year:+07}"
    return (
        f"{text}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}"
        f".{micro // 1000:03}Z"
    )


def iso_postgres(instant: int) -> str:
    """Write an instant as PostgreSQL's JSON does: 2024-05-01T10:00:00.904176+00:00."""
    year, month, day, hour, minute, second, micro = civil(instant)
    fraction = f".{micro:06}".rstrip("0") if micro else ""
    return (
        f"{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}"
        f"{fraction}+00:00"
    )


def http_date(instant: int) -> str:
    """Write an instant for a Last-Modified header."""
    year, month, day, hour, minute, second, _ = civil(instant)
    weekday = ("Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed")[instant // DAY % 7]
    name = (
        "Jan", "Feb", "Mar", "Apr", "May", "Jun",
        "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    )[month - 1]  # fmt: skip
    return f"{weekday}, {day:02} {name} {year:04} {hour:02}:{minute:02}:{second:02} GMT"
