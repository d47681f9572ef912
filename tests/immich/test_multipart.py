"""The form around a file: what a parser gets back out of it."""

from datetime import UTC, datetime, timedelta, timezone
from email.message import Message
from email.parser import BytesParser
from email.utils import unquote
import re

from hypothesis import example, given, strategies as st
import pytest

from custom_components.immich_backup.immich import (
    AssetUpload,
    Visibility,
    sendable_name,
)
from custom_components.immich_backup.immich.models import api_time, local_api_time
from custom_components.immich_backup.immich.multipart import envelope

from .calls import NOON, asset

_NAMES = st.one_of(
    st.text(),
    st.text(alphabet='ab/\\"\r\n\t\0;=%é\x7f\x85\u2028🏔', max_size=40),
    st.binary(),
    st.binary().map(lambda raw: raw.decode("utf-8", "surrogateescape")),
    st.text(st.characters(categories=["Cs"]), max_size=3),
)


def parts(upload: AssetUpload) -> list[Message]:
    """Read the form with the parser of the standard library."""
    frame = envelope(upload)
    assert isinstance(upload.content, bytes)
    raw = b"".join(
        (
            f"Content-Type: {frame.content_type}\r\n\r\n".encode(),
            frame.head,
            upload.content,
            frame.tail,
        )
    )
    message = BytesParser().parsebytes(raw)
    assert message.is_multipart()
    assert not message.defects
    found = message.get_payload()
    assert isinstance(found, list)
    return [part for part in found if isinstance(part, Message)]


def disposition(part: Message) -> bytes:
    """Return the raw Content-Disposition of a part."""
    raw = dict(part.raw_items())["Content-Disposition"]
    return str(raw).encode("ascii", "surrogateescape")


@given(name=_NAMES, content=st.binary(max_size=50))
@example(name='a"; name="x".jpg', content=b"")
@example(name='a\r\nX-Evil: 1\r\n\r\n--".jpg', content=b"\r\n--")
@example(name="b" * 251 + ".jpg", content=b"x")
def test_a_parser_gets_the_name_back(name: bytes | str, content: bytes) -> None:
    """Any name arrives as sendable_name says, in one header of one part."""
    found = parts(asset(name, content))
    assert len(found) == 3
    file = found[-1]
    assert file.keys() == ["Content-Disposition", "Content-Type"]
    match = re.fullmatch(
        rb'form-data; name="assetData"; filename=("(?:[^"\\\r\n]|\\.)*")',
        disposition(file),
    )
    assert match is not None
    assert unquote(match[1].decode()) == sendable_name(name)
    assert file.get_payload(decode=True) == content


@given(_NAMES)
def test_a_sendable_name(name: bytes | str) -> None:
    """A sendable name is UTF-8 on one line, a base name, and sendable as it is."""
    text = sendable_name(name)
    text.encode()
    assert not re.search(r"[\0-\x08\x0a-\x1f\x7f/\\]", text)
    assert sendable_name(text) == text
    assert sendable_name(text.encode()) == text


@pytest.mark.parametrize(
    ("name", "sendable"),
    [
        ("IMG_0001.jpg", "IMG_0001.jpg"),
        ("Zürich 🏔.jpg".encode(), "Zürich 🏔.jpg"),
        ("Zu\u0308rich.jpg", "Zu\u0308rich.jpg"),
        (b"na\xefve.jpg", "na\ufffdve.jpg"),
        (b"two\xe2\x82.jpg", "two\ufffd\ufffd.jpg"),
        ("na\udcefve.jpg", "na\ufffdve.jpg"),
        ("lone\ud83d.jpg", "lone\ufffd.jpg"),
        ("two\nlines\r.jpg", "two\ufffdlines\ufffd.jpg"),
        ("tab\t.jpg", "tab\t.jpg"),
        ("nul\0.jpg", "nul\ufffd.jpg"),
        ("back\\slash.jpg", "back\ufffdslash.jpg"),
        ("../../etc/passwd.jpg", "passwd.jpg"),
        ('say "cheese".jpg', 'say "cheese".jpg'),
        ("100%22.jpg", "100%22.jpg"),
    ],
)
def test_names(name: bytes | str, sendable: str) -> None:
    """Names stay as they are, apart from what no header can hold."""
    assert sendable_name(name) == sendable


def test_fields() -> None:
    """What differs from the server's own defaults is sent, nothing else."""
    assert asset("a.jpg").fields() == [
        ("fileCreatedAt", "2024-05-01T12:00:00.000Z"),
        ("fileModifiedAt", "2024-05-01T12:00:00.000Z"),
    ]
    upload = asset("a.jpg", favourite=True, visibility=Visibility.ARCHIVE)
    assert upload.fields()[2:] == [("isFavorite", "true"), ("visibility", "archive")]
    assert [disposition(part) for part in parts(upload)][:4] == [
        f'form-data; name="{name}"'.encode() for name, _ in upload.fields()
    ]
    assert [part.get_payload() for part in parts(upload)][:4] == [
        value for _, value in upload.fields()
    ]


@given(name=_NAMES, sidecar=st.binary(min_size=1, max_size=50))
@example(name="a", sidecar=b"\r\n--")
def test_a_sidecar(name: bytes | str, sidecar: bytes) -> None:
    """It comes after the file, by a name that the server takes for one."""
    found = parts(asset(name, b"photo", sidecar=sidecar))
    assert len(found) == 4
    file, xmp = found[-2:]
    assert file.get_payload(decode=True) == b"photo"
    assert xmp.get_payload(decode=True) == sidecar
    match = re.fullmatch(
        rb'form-data; name="sidecarData"; filename=("(?:[^"\\\r\n]|\\.)*")',
        disposition(xmp),
    )
    assert match is not None
    assert unquote(match[1].decode()) == f"{sendable_name(name)}.xmp"


def test_content_is_not_shown() -> None:
    """The text of an upload for logs does not hold the picture."""
    assert "picture" not in repr(asset("a.jpg", sidecar=b"picture"))


@pytest.mark.parametrize(
    ("moment", "text"),
    [
        (NOON.replace(microsecond=123999), "2024-05-01T12:00:00.123Z"),
        (
            NOON.replace(tzinfo=timezone(timedelta(hours=2, minutes=30))),
            "2024-05-01T09:30:00.000Z",
        ),
        (datetime.min.replace(tzinfo=UTC), "0001-01-01T00:00:00.000Z"),
        (
            datetime.min.replace(tzinfo=timezone(timedelta(hours=14))),
            "0001-01-01T00:00:00.000Z",
        ),
        (
            datetime.max.replace(tzinfo=timezone(timedelta(hours=-12))),
            "9999-12-31T23:59:59.999Z",
        ),
    ],
)
def test_times(moment: datetime, text: str) -> None:
    """Times are sent in UTC with milliseconds, also at the ends of the calendar."""
    assert api_time(moment) == text


@pytest.mark.parametrize(
    ("offset", "text"),
    [
        (timedelta(), "2024-05-01T12:00:00.000+00:00"),
        (timedelta(hours=-3, minutes=-30), "2024-05-01T12:00:00.000-03:30"),
        # As it was in Amsterdam until 1937.
        (timedelta(minutes=19, seconds=32), "2024-05-01T12:00:00.000+00:20"),
    ],
)
def test_times_with_their_zone(offset: timedelta, text: str) -> None:
    """A time that is told keeps its offset, in minutes, for the server takes no others."""
    assert local_api_time(NOON.replace(tzinfo=timezone(offset))) == text
