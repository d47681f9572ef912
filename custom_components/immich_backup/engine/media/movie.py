"""MP4 and MOV: date, place, length, size and camera of a video."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
import struct

from .boxes import Box, boxes, find, meta_boxes
from .dates import has_time, parse_date
from .exif import Found, read_loose
from .facts import DateSource
from .place import parse_iso6709
from .source import Damaged, Part
from .tiff import decode

# Dates count seconds from 1904. As in ExifTool, one before 1970 was written by a
# program that counted from 1970.
_EPOCH_SECONDS = 2_082_844_800
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC).replace(tzinfo=None)
_UNKNOWN_DURATIONS = (2**32 - 1, 2**64 - 1)
_LONGEST_TEXT = 16 * 1024
_MOST_KEYS = 500
_MOST_TRACKS = 50
_CANON = bytes.fromhex("85c0b687820f11e08111f4ce462b6a48")
_ADOBE = bytes.fromhex("be7acfcb97a942e89c71999491e3afac")
_APPLE_KEYS = b"com.apple.quicktime."
# Cosine and sine of the matrix that shows a track, and the orientation in EXIF's words.
_TURNS = {(1, 0): 1, (0, 1): 6, (-1, 0): 3, (0, -1): 8}


@dataclass(slots=True)
class Movie:
    """What was found; ``exif`` are facts of a picture that is built like a video."""

    found: Found = field(default_factory=dict)
    exif: Found | None = None
    xmp: Part | None = None
    texts: dict[bytes, str] = field(default_factory=dict)
    moments: list[datetime] = field(default_factory=list)
    damage: Damaged | None = None


def read_movie(whole: Part) -> Movie:
    """Return what the headers of a video say, wherever they stand. Raises Damaged."""
    movie = Movie()
    has_movie = False
    # What was found before the damage counts.
    try:
        for box in boxes(whole):
            # Nobody plays a video whose description is cut off, or reads it.
            if box.kind == b"moov" and box.is_whole and not has_movie:
                has_movie = True
                _read_moov(movie, box.content)
            elif box.kind == b"uuid" and box.uuid == _ADOBE:
                movie.xmp = movie.xmp or box.content
            elif box.kind == b"meta":
                _read_meta(movie, box.content)
            elif box.kind == b"moof" and has_movie:
                # Recordings in pieces go on for thousands of them.
                break
    except Damaged as err:
        if not has_movie:
            raise
        movie.damage = err
    if not has_movie:
        raise Damaged("There is no moov box")
    _conclude(movie)
    return movie


def _read_moov(movie: Movie, moov: Part) -> None:
    """Read all that describes the whole video."""
    tracks = 0
    for box in boxes(moov):
        match box.kind:
            case b"mvhd":
                created, duration = _header(box.content)
                movie.moments[:0] = created
                if duration is not None:
                    movie.found["duration"] = duration
            case b"trak" if tracks < _MOST_TRACKS:
                tracks += 1
                _read_track(movie, box.content)
            case b"meta":
                _read_meta(movie, box.content)
            case b"udta":
                _read_user_data(movie, box.content)
            case b"mvex" if not movie.found.get("duration"):
                _read_fragments(movie, moov, box.content)
            case b"uuid" if box.uuid == _CANON:
                parts = {found.kind: found.content for found in boxes(box.content)}
                movie.exif = read_loose(*map(parts.get, (b"CMT1", b"CMT2", b"CMT4")))


def _read_track(movie: Movie, track: Part) -> None:
    """Read a track's date, and the size of the first one that shows something."""
    header = find(track, b"tkhd")
    if header is None:
        return
    # The length here is in units of the movie's, which its own header tells.
    movie.moments += _header(header)[0]
    if (media := find(track, b"mdia", b"mdhd")) is not None:
        movie.moments += _header(media)[0]
    matrix = struct.unpack(">9i", header.read(header.size - 44, 36))
    width, height = header.number(header.size - 8, 4), header.number(header.size - 4, 4)
    width, height = round(width / 65536), round(height / 65536)
    if width and height and "width" not in movie.found:
        movie.found |= {"width": width, "height": height}
        turn = _TURNS.get((_sign(matrix[0]), _sign(matrix[1])))
        if turn is not None:
            movie.found["orientation"] = turn


def _sign(number: int) -> int:
    return (number > 0) - (number < 0)


def _header(part: Part) -> tuple[list[datetime], float | None]:
    """Return date and seconds of a `mvhd`, `tkhd` or `mdhd` box."""
    is_wide = part.number(0, 1) == 1
    wide = 8 if is_wide else 4
    created = _moment(part.number(4, wide))
    scale = part.number(4 + 2 * wide, 4)
    duration = part.number(8 + 2 * wide, wide)
    known = scale and duration not in _UNKNOWN_DURATIONS
    return ([] if created is None else [created]), (duration / scale if known else None)


def _moment(seconds: int) -> datetime | None:
    """Return UTC from a header's date; None for zero and for what is beyond dates."""
    if seconds >= _EPOCH_SECONDS:
        seconds -= _EPOCH_SECONDS
    if not seconds:
        return None
    try:
        return _EPOCH + timedelta(seconds=seconds)
    except OverflowError:
        return None


def _read_fragments(movie: Movie, moov: Part, part: Part) -> None:
    """Read the length of a video that is stored in pieces."""
    extends, header = find(part, b"mehd"), find(moov, b"mvhd")
    if extends is None or header is None:
        return
    is_wide = header.number(0, 1) == 1
    scale = header.number(20 if is_wide else 12, 4)
    if scale:
        duration = extends.number(4, 8 if extends.number(0, 1) == 1 else 4)
        movie.found["duration"] = duration / scale


def _read_user_data(movie: Movie, part: Part) -> None:
    """Read the texts of a `udta` box, by Apple's and by 3GPP's convention."""
    for box in boxes(part):
        if box.kind == b"meta":
            _read_meta(movie, box.content)
        elif box.kind == b"XMP_":
            movie.xmp = movie.xmp or box.content
        elif box.kind[:1] == b"\xa9":
            # Length and language, then the text; the first language counts.
            length = box.content.number(0, 2)
            raw = box.content.upto(min(length, _LONGEST_TEXT), 4)
            if text := decode(raw):
                movie.texts.setdefault(box.kind, text)
        elif box.kind == b"loci":
            _read_location(movie, box)


def _read_location(movie: Movie, box: Box) -> None:
    """Read 3GPP's place: a name, then degrees as numbers of 16 and 16 bits."""
    name, end, rest = box.content.upto(_LONGEST_TEXT, 6).partition(b"\0")
    if end and len(rest) >= 13:
        longitude, latitude, altitude = struct.unpack(">iii", rest[1:13])
        movie.texts.setdefault(
            b"loci",
            f"{latitude / 65536:+010.6f}{longitude / 65536:+011.6f}"
            f"{altitude / 65536:+.3f}/",
        )


def _read_meta(movie: Movie, part: Part) -> None:
    """Read Apple's list of keys and values, or the plain one of iTunes."""
    keys: list[bytes] = []
    for box in meta_boxes(part):
        if box.kind == b"keys":
            keys = list(_keys(box.content))
        elif box.kind == b"ilst":
            for item in boxes(box.content):
                number = int.from_bytes(item.kind)
                name = keys[number - 1] if 0 < number <= len(keys) else item.kind
                value = find(item.content, b"data")
                if value is not None and (text := _text(value)):
                    movie.texts.setdefault(name.removeprefix(_APPLE_KEYS), text)


def _text(value: Part) -> str | None:
    """Return a text; None for a value that is none. Raises Damaged."""
    kind, raw = value.number(0, 4), value.upto(_LONGEST_TEXT, 8)
    # UTF-8, or what is left open, and UTF-16.
    if kind in (0, 1):
        return decode(raw)
    return raw.decode("utf-16-be", "replace").strip("\0 ") if kind == 2 else None


def _keys(part: Part) -> Iterator[bytes]:
    """Yield the names of the values, in the order of their numbers."""
    for count, box in enumerate(boxes(part, 8)):
        if count >= _MOST_KEYS:
            return
        yield box.content.upto(200)


def _conclude(movie: Movie) -> None:
    """Make facts of the texts and moments."""
    texts, found = movie.texts, movie.found
    for name, keys in {
        "make": (b"make", b"\xa9mak", b"com.android.manufacturer"),
        "model": (b"model", b"\xa9mod", b"com.android.model"),
        "description": (b"description", b"\xa9des", b"\xa9cmt"),
        "content_identifier": (b"content.identifier",),
    }.items():
        value = next((texts[key] for key in keys if key in texts), None)
        if value is not None:
            found[name] = value
    for key in (b"loci", b"location.ISO6709", b"\xa9xyz"):
        place = parse_iso6709(texts.get(key, ""))
        if place is not None:
            found["latitude"], found["longitude"], altitude = place
            if altitude is not None:
                found["altitude"] = altitude
            break
    text = texts.get(b"creationdate")
    parsed = parse_date(text)
    if parsed is not None and has_time(text):
        found["captured_at"], found["utc_offset"] = parsed
        found["captured_source"] = DateSource.QUICKTIME
        return
    if movie.moments:
        found["captured_at"], found["utc_offset"] = movie.moments[0], timedelta()
        found["captured_source"] = DateSource.MOVIE_HEADER
