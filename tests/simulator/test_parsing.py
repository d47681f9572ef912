"""The parsers on their own: forms in pieces, dates of any year, checksums."""

import asyncio
import base64
from collections.abc import Iterator
from datetime import UTC, datetime
from hashlib import sha1
import string

from hypothesis import given, strategies as st
import pytest

from simulator.checksums import from_text
from simulator.dates import moment, parse_taken
from simulator.formats import extension, is_asset
from simulator.multipart import FormReader, MultipartError, PartHeader
from simulator.times import (
    civil,
    http_date,
    is_iso_datetime,
    iso_millis,
    iso_postgres,
    parse_iso,
    wall_clock,
)

type Parts = list[tuple[PartHeader, bytes]]


def _form(*parts: tuple[str, bytes]) -> bytes:
    lines = [
        b"--B\r\nContent-Disposition: form-data; %s\r\n\r\n%s\r\n"
        % (header.encode(), data)
        for header, data in parts
    ]
    return b"".join(lines) + b"--B--\r\n"


def _read(raw: bytes, step: int) -> Parts:
    """Read a form that arrives in pieces of so many bytes."""

    def pieces() -> Iterator[bytes]:
        for start in range(0, len(raw), step):
            yield raw[start : start + step]

    waiting = pieces()

    async def more() -> bytes:
        return next(waiting, b"")

    async def collect() -> Parts:
        reader = FormReader(b"B", more)
        found: Parts = []
        while (part := await reader.next_part()) is not None:
            data = b""
            while (piece := await reader.read()) is not None:
                data += piece
            found.append((part, data))
        return found

    return asyncio.run(collect())


@given(
    st.lists(
        st.one_of(
            st.binary(max_size=200),
            st.sampled_from([b"\r\n--B", b"\r", b"\r\n--", b"\r\n--C\r\n", b"--B--"]),
        ),
        max_size=5,
    ),
    st.integers(1, 50),
)
def test_pieces_do_not_matter(contents: list[bytes], step: int) -> None:
    """A form reads the same in whatever pieces it arrives."""
    safe = [data.replace(b"\r\n--B", b"\r\n-B") for data in contents]
    raw = _form(*((f'name="n{at}"', data) for at, data in enumerate(safe)))
    expected = [
        (PartHeader(name=f"n{at}", filename=None), data) for at, data in enumerate(safe)
    ]
    assert _read(raw, step) == expected
    assert _read(raw, len(raw)) == expected


@given(st.integers(0, 120), st.integers(1, 40))
def test_cut_forms_are_told(cut: int, step: int) -> None:
    """A form without its end is refused, wherever it breaks off."""
    raw = _form(('name="a"; filename="x.jpg"', b"data"), ('name="b"', b"value"))
    end = raw.index(b"--B--") + len(b"--B--")
    with pytest.raises(MultipartError, match="Unexpected end of form"):
        _read(raw[: min(cut, end - 1)], step)


@pytest.mark.parametrize(
    ("header", "filename"),
    [
        ('filename="Ünïcödé 中文 😀.jpg"', "Ünïcödé 中文 😀.jpg"),
        (r'filename="with \"quotes\".jpg"', 'with "quotes".jpg'),
        ('filename="semi;colon.jpg"', "semi;colon.jpg"),
        ('filename="../../etc/passwd.jpg"', "passwd.jpg"),
        (r'filename="..\\..\\win.jpg"', "win.jpg"),
        (r'filename="a\b.jpg"', "b.jpg"),
        ("filename=plain.jpg", "plain.jpg"),
        ('filename="a%0Ab.jpg"', "a%0Ab.jpg"),
        ('filename=".."', ""),
        ("filename*=UTF-8''na%C3%AFve.jpg", "na\ufffdve.jpg"),
        ("filename*=UTF-8''plain%20name.jpg", "plain name.jpg"),
    ],
)
def test_file_names(header: str, filename: str) -> None:
    """Names come out as busboy and the server make them."""
    ((part, _),) = _read(_form((f'name="assetData"; {header}', b"x")), 7)
    assert part.filename == filename


@pytest.mark.parametrize("header", ['filename="a\nb"', 'filename="a\0b"', "a\rb"])
def test_malformed_headers(header: str) -> None:
    """Control characters in a header are refused."""
    with pytest.raises(MultipartError, match="Malformed part header"):
        _read(_form((f'name="assetData"; {header}', b"x")), 7)


def test_parts_without_a_purpose_are_skipped() -> None:
    """Preamble, foreign dispositions and missing ones do no harm."""
    raw = (
        b"preamble\r\n--B\r\nContent-Disposition: attachment; name=x\r\n\r\n1\r\n"
        b"--B\r\n\r\nnothing\r\n" + _form(('name="a"', b"2")) + b"epilogue"
    )
    ((part, data),) = _read(raw, 5)
    assert (part.name, data) == ("a", b"2")


@given(st.datetimes(datetime(1, 1, 1), datetime(9999, 12, 31)))
def test_calendar(when: datetime) -> None:
    """Our calendar is that of Python where Python has one."""
    when = when.replace(microsecond=when.microsecond // 1000 * 1000)
    instant = wall_clock(*when.timetuple()[:6]) + when.microsecond
    assert civil(instant) == (*when.timetuple()[:6], when.microsecond)
    text = iso_millis(instant)
    assert datetime.fromisoformat(text) == when.replace(tzinfo=UTC)
    assert parse_iso(text) == instant
    assert datetime.fromisoformat(iso_postgres(instant)) == when.replace(tzinfo=UTC)
    if when.year >= 1000:
        expected = when.strftime("%a, %d %b %Y %H:%M:%S GMT")
        assert http_date(instant) == expected


@given(st.integers(-(10**17), 10**17))
def test_calendar_of_any_year(instant: int) -> None:
    """Every instant has one date, before year 0 and after 9999 too."""
    *date, micro = civil(instant)
    assert wall_clock(*date) + micro == instant


@pytest.mark.parametrize(
    ("text", "valid"),
    [
        ("2024-05-01T10:00:00Z", True),
        ("2024-05-01T10:00Z", True),
        ("2024-05-01T10:00:00.123456+02:00", True),
        ("2024-02-29T00:00:00Z", True),
        ("2023-02-29T00:00:00Z", False),
        ("2024-05-01T10:00:00", False),
        ("2024-05-01", False),
        ("2024-05-01 10:00:00Z", False),
        ("2024-05-01T10:00:00Z\n", False),
        ("1714557600000", False),
        ("", False),
    ],
)
def test_iso_datetime(text: str, *, valid: bool) -> None:
    """Only what zod takes is a date."""
    assert is_iso_datetime(text) is valid


@pytest.mark.parametrize(
    ("text", "zone", "wall", "instant"),
    [
        ("2023:07:15 09:00:00", None, 9, 9),
        ("2023:07:15 09:00:00", "Europe/Paris", 9, 7),
        ("2023-07-15T09:00:00+05:00", None, 9, 4),
        ("2023-07-15T09:00:00+05:00", "Europe/Paris", 6, 4),
        ("2023-07-15T09:00:00", "Not/A_Zone", 9, 9),
    ],
)
def test_zones(text: str, zone: str | None, wall: int, instant: int) -> None:
    """Offset, coordinates and wall clock are put together."""
    taken = parse_taken(text)
    assert taken is not None
    found = moment(taken, zone)
    assert (civil(found.wall)[3], civil(found.instant)[3]) == (wall, instant)


@pytest.mark.parametrize("text", ["0000:00:00 00:00:00", "2023:13:01", "soon", ""])
def test_no_dates(text: str) -> None:
    """What cameras write when they do not know is no date."""
    assert parse_taken(text) is None


@given(st.binary(min_size=20, max_size=20))
def test_checksums(checksum: bytes) -> None:
    """Hexadecimal in any case and both kinds of base64 are understood."""
    assert from_text(checksum.hex()) == checksum
    assert from_text(checksum.hex().upper()) == checksum
    assert from_text(base64.b64encode(checksum).decode()) == checksum
    assert from_text(base64.urlsafe_b64encode(checksum).decode()) == checksum


@given(st.text(string.printable, max_size=60))
def test_any_text_is_some_checksum(text: str) -> None:
    """Garbage is never an error."""
    assert len(from_text(text)) <= 30
    assert from_text(sha1(text.encode()).hexdigest()) == sha1(text.encode()).digest()


@pytest.mark.parametrize(
    ("name", "suffix", "asset"),
    [
        ("a.JPG", ".JPG", True),
        (".jpg", ".jpg", True),
        (".hidden.jpg", ".jpg", True),
        ("a.b.c.jpeg", ".jpeg", True),
        ("x/y.z/noext", "", False),
        ("dot.", "", False),
        ("doc.pdf", ".pdf", False),
    ],
)
def test_extensions(name: str, suffix: str, *, asset: bool) -> None:
    """The last dot decides, even if it is the first character."""
    assert extension(name) == suffix
    assert is_asset(name) is asset
