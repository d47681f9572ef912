"""Which file of a directory tells about which other, by their names alone."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
import os
import re

# Google cuts names that become too long, and counts as JavaScript does.
_LONGEST = 46
_SUPPLEMENT = ".supplemental-metadata"
_NUMBER = re.compile(r"\(\d+\)$", re.ASCII)
_XMP, _JSON = ".xmp", ".json"
# A live photo's video has no description of its own; that of the picture tells.
_VIDEOS = frozenset((".mp4", ".mov", ".mp", ".mv", ".m4v", ".cover"))
_PICTURES = (".heic", ".jpg", ".jpeg", ".heif", ".png", ".webp", ".dng", ".mp.jpg")


def xmp_sidecars(names: Iterable[str]) -> dict[str, str]:
    """Return for each file that has one its XMP sidecar.

    `x.jpg.xmp` counts before `x.xmp`, as for the server. Of names that differ in case
    only, the same case counts, else the first in order.
    """
    files, sidecars = _split(names, _XMP)
    found: dict[str, str] = {}
    for name in files:
        stem = _parts(name)[0]
        sidecar = _pick(sidecars, name) or (stem and _pick(sidecars, stem))
        if sidecar:
            found[name] = sidecar
    return found


def takeout_sidecars(names: Iterable[str]) -> dict[str, str]:
    """Return for each file that has one its JSON file of Google Takeout.

    Knows the names that Takeout cuts short, the longer ones since 2024, numbers of
    files of the same name, edited pictures and the videos of live photos, which share
    the file of their picture.
    """
    files, sidecars = _split(names, _JSON)
    found: dict[str, str] = {}
    for name in files:
        for wanted in _described_as(name):
            if (sidecar := _pick(sidecars, wanted)) is not None:
                found[name] = sidecar
                break
    # Those without one of their own share another's.
    by_name = {name.casefold(): name for name in files}
    shared: dict[str, str] = {}
    for name in files:
        if name in found:
            continue
        for other in _shares_with(name, by_name):
            if (sidecar := found.get(other)) is not None:
                shared[name] = sidecar
                break
    return found | shared


@dataclass(frozen=True, slots=True)
class SidecarKind:
    """One kind of what tells about others.

    ``matches`` returns, from the names of a directory, which one tells about each.
    """

    extension: bytes
    matches: Callable[[Collection[str]], Mapping[str, str]]

    def among(self, names: Collection[bytes]) -> Mapping[str, str]:
        """Return which of these names tell about which; in most directories none."""
        if not any(name.lower().endswith(self.extension) for name in names):
            return {}
        return self.matches([os.fsdecode(name) for name in names])


XMP = SidecarKind(b".xmp", xmp_sidecars)
TAKEOUT = SidecarKind(b".json", takeout_sidecars)
KINDS = (XMP, TAKEOUT)


def _described_as(name: str) -> Iterator[str]:
    """Yield the names, without `.json`, that a file's description may have."""
    yield name
    stem, extension = _parts(name)
    number = _NUMBER.search(stem)
    digits = number[0] if number else ""
    plain = stem.removesuffix(digits) + extension
    # The number follows the extension there: `a(1).jpg` is described by `a.jpg(1)`.
    yield plain + digits
    yield _cut(plain + _SUPPLEMENT) + digits
    yield _cut(plain) + digits
    # What was too long may have lost its extension with a sign before it.
    if len(_cut(plain)) < len(plain):
        yield _cut(stem.removesuffix(digits)) + digits
    if digits:
        yield _cut(name + _SUPPLEMENT)
        yield _cut(name)


def _shares_with(name: str, by_name: dict[str, str]) -> Iterator[str]:
    """Yield the files whose description may be that of a file as well."""
    stem, extension = _parts(name)
    number = _NUMBER.search(stem)
    digits = number[0] if number else ""
    plain = stem.removesuffix(digits)
    # Edited pictures have a word in the user's language behind their name.
    if "-" in plain:
        original, _, word = plain.rpartition("-")
        if original and word.replace(" ", "").isalpha():
            other = by_name.get(f"{original}{digits}{extension}".casefold())
            if other is not None:
                yield other
    if extension.casefold() in _VIDEOS:
        for suffix in _PICTURES:
            if (other := by_name.get(f"{stem}{suffix}".casefold())) is not None:
                yield other


def _split(
    names: Iterable[str], extension: str
) -> tuple[list[str], dict[str, list[str]]]:
    """Return the files in order, and what describes them by what it describes."""
    files: list[str] = []
    sidecars: dict[str, list[str]] = {}
    for name in sorted(set(names)):
        if name.casefold().endswith(extension):
            described = name[: -len(extension)].casefold()
            sidecars.setdefault(described, []).append(name)
        else:
            files.append(name)
    return files, sidecars


def _pick(sidecars: dict[str, list[str]], described: str) -> str | None:
    """Return what describes a file, if possible in the very case of its name."""
    choices = sidecars.get(described.casefold(), ())
    for choice in choices:
        if choice.startswith(described):
            return choice
    return next(iter(choices), None)


def _parts(name: str) -> tuple[str, str]:
    """Return stem and extension; a name that begins with its only dot is a stem."""
    stem, dot, extension = name.rpartition(".")
    return (stem, dot + extension) if stem else (name, "")


def _cut(name: str) -> str:
    """Return what Google leaves of a name: 46 units of UTF-16, no half sign."""
    return name.encode("utf-16-le", "surrogatepass")[: 2 * _LONGEST].decode(
        "utf-16-le", "ignore"
    )


def tells_of_others(path: str) -> bool:
    """Return whether a file may be a sidecar, by its name alone."""
    return os.fsencode(path).lower().endswith(tuple(kind.extension for kind in KINDS))
