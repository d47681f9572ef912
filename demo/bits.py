"""Write the bit streams of video codecs: numbers, Exp-Golomb codes, NAL units."""

import re


class Bits:
    """A bit stream with the codes that H.264 and HEVC use."""

    def __init__(self) -> None:
        """Begin empty."""
        self._done = bytearray()
        self._value = 0
        self._count = 0

    def put(self, value: int, count: int) -> None:
        """Append an unsigned number of so many bits."""
        self._value = self._value << count | value
        self._count += count
        whole, rest = divmod(self._count, 8)
        if whole:
            self._done += (self._value >> rest).to_bytes(whole, "big")
            self._value &= (1 << rest) - 1
            self._count = rest

    def golomb(self, *values: int) -> None:
        """Append unsigned Exp-Golomb codes, ue(v)."""
        for value in values:
            length = (value + 1).bit_length()
            self.put(value + 1, 2 * length - 1)

    def raw(self, data: bytes) -> None:
        """Append bytes at the next byte boundary."""
        if self._count:
            self.put(0, 8 - self._count)
        self._done += data

    def end(self) -> None:
        """Append the bit that ends something, up to the next byte boundary."""
        self.put(1, 1)
        self.raw(b"")

    def unit(self, header: bytes) -> bytes:
        """End the stream and return it as a NAL unit."""
        self.end()
        return header + _escape(bytes(self._done))


def _escape(data: bytes) -> bytes:
    """Keep start codes from appearing inside of a NAL unit (H.264 7.4.1)."""
    return re.sub(rb"\0\0(?=[\0-\3])", b"\0\0\3", data)
