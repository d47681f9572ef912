"""Transport streams: date, place, size, length and camera of AVCHD recordings."""

from collections.abc import Iterator
from dataclasses import dataclass, field
import struct

from . import avc, mpeg
from .recording import Recording
from .source import Damaged, Part

_PACKET, _SYNC = 188, 0x47
# AVCHD puts four bytes with a time before each packet.
_STAMP = 4
_PROGRAMS = 0
_PROGRAM_TABLE, _STREAM_TABLE = 0, 2
_MPEG_VIDEO, _AVC_VIDEO = (1, 2), 0x1B
# Of a frame only the beginning is looked at; some cameras note nothing in the first.
_FRAME, _MOST_FRAMES = 1024, 2
_STEP = 64
# How far is looked for the video, and how far back for the last time, in packets.
_FORWARD, _BACKWARD = 1024, 1536
# Times count 27 million in a second, and begin again after some 26 hours.
_CLOCK = 27_000_000
_WRAP = (1 << 33) * 300


def packet_size(head: bytes) -> int | None:
    """Return the length of the packets of a stream; None if it is none."""
    for size in (_PACKET, _PACKET + _STAMP):
        syncs = head[size - _PACKET :: size][:4]
        if len(syncs) == 4 and set(syncs) == {_SYNC}:
            return size
    return None


def read_transport(whole: Part, size: int) -> Recording:
    """Return what a stream of packets of a size says; what is before damage counts."""
    stream = _Stream(whole, size)
    try:
        stream.read()
    except Damaged as err:
        stream.recording.damage = err
    stream.conclude()
    return stream.recording


@dataclass(slots=True)
class _Packet:
    """A packet: of which part of the stream, its time, and what it carries."""

    number: int
    is_start: bool
    time: int | None
    content: bytes


@dataclass(slots=True)
class _Stream:
    """Gathers what the packets of a stream say."""

    whole: Part
    size: int
    recording: Recording = field(default_factory=Recording)
    _tables: set[int] = field(default_factory=set)
    _videos: dict[int, int] = field(default_factory=dict)
    _frames: dict[int, bytes] = field(default_factory=dict)
    _seen: int = 0
    _is_done: bool = False

    def read(self) -> None:
        """Read the beginning up to the video, and the last time. Raises Damaged."""
        first = last = None
        at, count = 0, self.whole.size // self.size
        while at < min(count, _FORWARD) and not (self._is_done and first is not None):
            for packet in self._packets(at, min(count, _FORWARD)):
                first = packet.time if first is None else first
                last = packet.time if packet.time is not None else last
                self._look(packet)
            at += _STEP
        if (ending := self._last_time(min(at, count), count)) is not None:
            last = ending
        elif count > at + _BACKWARD:
            last = None
        if first is not None and last is not None:
            ticks = last - first + (_WRAP if last < first else 0)
            self.recording.found["duration"] = ticks / _CLOCK

    def conclude(self) -> None:
        """Look at what has begun and was not looked at yet."""
        for number, frame in self._frames.items():
            self._look_at_frame(number, frame)

    def _last_time(self, read: int, count: int) -> int | None:
        """Return the last time in the packets that were not read yet."""
        nearest = max(read, count - _BACKWARD)
        end = count
        while end > nearest:
            start = max(nearest, end - _STEP)
            times = [packet.time for packet in self._packets(start, end)]
            for time in reversed(times):
                if time is not None:
                    return time
            end = start
        return None

    def _packets(self, at: int, end: int) -> Iterator[_Packet]:
        """Yield some packets, up to one that is none. Raises Damaged."""
        count = min(_STEP, end - at)
        data = self.whole.read(at * self.size, count * self.size)
        for start in range(self.size - _PACKET, len(data), self.size):
            packet = data[start : start + _PACKET]
            if packet[0] != _SYNC:
                raise Damaged("A packet is out of step")
            yield _packet(packet)

    def _look(self, packet: _Packet) -> None:
        """Look at what a packet carries: a list of programs, of streams, or video."""
        number = packet.number
        if number == _PROGRAMS and packet.is_start:
            rows = _section(packet.content, _PROGRAM_TABLE)
            for program, table in struct.iter_unpack(">HH", rows[: len(rows) & ~3]):
                if program:
                    self._tables.add(table & 0x1FFF)
        elif number in self._tables and packet.is_start:
            self._note_streams(_section(packet.content, _STREAM_TABLE))
        elif number in self._videos and not self._is_done:
            self._gather(packet)

    def _note_streams(self, rows: bytes) -> None:
        """Note which parts of the stream are video."""
        if len(rows) < 4:
            return
        at = 4 + (int.from_bytes(rows[2:4]) & 0xFFF)
        while at + 5 <= len(rows):
            kind, number, more = struct.unpack(">BHH", rows[at : at + 5])
            if kind == _AVC_VIDEO or kind in _MPEG_VIDEO:
                self._videos.setdefault(number & 0x1FFF, kind)
            at += 5 + (more & 0xFFF)

    def _gather(self, packet: _Packet) -> None:
        """Put the beginnings of frames together, and look at each."""
        number = packet.number
        if packet.is_start:
            if (frame := self._frames.pop(number, None)) is not None:
                self._look_at_frame(number, frame)
            # The header of a frame tells its own length.
            head = packet.content[:9]
            if head[:3] == b"\0\0\1" and len(head) == 9 and not self._is_done:
                self._frames[number] = packet.content[9 + head[8] :]
        elif number in self._frames:
            self._frames[number] += packet.content
        if len(self._frames.get(number, b"")) >= _FRAME:
            self._look_at_frame(number, self._frames.pop(number))

    def _look_at_frame(self, number: int, frame: bytes) -> None:
        """Take what the beginning of a frame says, until enough is known."""
        is_avc = self._videos[number] == _AVC_VIDEO
        told = avc.read_frame(frame) if is_avc else mpeg.size_in(frame)
        found = self.recording.found
        for name, value in told.items():
            found.setdefault(name, value)
        self._seen += 1
        is_told = "width" in found and ("captured_at" in found or not is_avc)
        self._is_done = is_told or self._seen >= _MOST_FRAMES


def _packet(raw: bytes) -> _Packet:
    """Return a packet from its bytes (ISO 13818-1, 2.4.3.2). Raises Damaged."""
    flags = int.from_bytes(raw[1:4])
    at, time = 4, None
    if flags & 0x20:
        length = raw[4]
        at = 5 + length
        if at > _PACKET:
            raise Damaged("A packet is shorter than its header")
        if length > 6 and raw[5] & 0x10:
            base, rest = struct.unpack(">IH", raw[6:12])
            time = 300 * (base << 1 | rest >> 15) + (rest & 0x1FF)
    content = raw[at:] if flags & 0x10 else b""
    return _Packet(flags >> 8 & 0x1FFF, bool(flags & 0x400000), time, content)


def _section(content: bytes, table: int) -> bytes:
    """Return the rows of a table that begins here; none of another table."""
    start = 1 + content[0] if content else 0
    head = content[start : start + 8]
    if len(head) < 8 or head[0] != table:
        return b""
    length = int.from_bytes(head[1:3]) & 0xFFF
    # It ends with a checksum.
    return content[start + 8 : start + 3 + length - 4]
