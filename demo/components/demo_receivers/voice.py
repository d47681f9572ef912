"""How the voice sounds: a tone for each word, as long as the word. And what it said."""

from array import array
import io
from math import pi, sin
import sys
import wave
import zlib

_RATE = 16_000
_SECONDS_PER_LETTER = 0.06
_PAUSE = 0.08
# Seconds in which a tone swells and fades, so that nothing cracks.
_FADE = 0.015
_LOUDNESS = 9_000
# A pentatonic scale, whose tones go together in any order.
_SCALE = (262, 294, 330, 392, 440, 523)


class Words:
    """What the voice was asked to say since the home started, and how long it took."""

    def __init__(self) -> None:
        """Begin with nothing said."""
        self._seconds: dict[str, float] = {}

    def note(self, text: str, seconds: float) -> None:
        """Remember a text."""
        self._seconds[text] = seconds

    def length(self, text: str) -> float | None:
        """Return how many seconds a text took; None if nobody asked to say it."""
        return self._seconds.get(text)


def hum(text: str) -> tuple[bytes, float]:
    """Return a WAV with a tone for each word, and its length in seconds; blocking."""
    samples = array("h")
    for word in text.split() or [text]:
        _add_tone(samples, _tone_of(word), len(word) * _SECONDS_PER_LETTER)
        samples.extend([0] * int(_PAUSE * _RATE))
    seconds = len(samples) / _RATE
    if sys.byteorder == "big":
        samples.byteswap()
    file = io.BytesIO()
    with wave.open(file, "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(_RATE)
        sound.writeframes(samples.tobytes())
    return file.getvalue(), seconds


def _tone_of(word: str) -> int:
    """Return the frequency of a word, in hertz; the same word has the same one."""
    return _SCALE[zlib.crc32(word.casefold().encode()) % len(_SCALE)]


def _add_tone(samples: array[int], frequency: int, seconds: float) -> None:
    """Append a tone."""
    count = int(seconds * _RATE)
    fade = _FADE * _RATE
    for number in range(count):
        swell = min(1.0, number / fade, (count - number) / fade)
        samples.append(
            int(_LOUDNESS * swell * sin(2 * pi * frequency * number / _RATE))
        )
