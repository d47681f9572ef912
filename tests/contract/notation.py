"""Writes what a recorded answer tells about every such answer: values, types, references."""

from collections.abc import Iterator, Mapping, Set as AbstractSet
from dataclasses import dataclass, field
import json
import re
from typing import Any

from .compare import TIME_TEXT, UUID_TEXT

TIMES = {"createdAt", "updatedAt", "profileChangedAt", "lastModifiedAssetTimestamp"}
VARYING = {
    *TIMES,
    # What the machine has and what the software is.
    *("diskAvailable", "diskSize", "diskUse"),
    *("diskAvailableRaw", "diskSizeRaw", "diskUseRaw", "diskUsagePercentage"),
    *("minor", "patch", "version", "versionUrl", "sourceRef", "sourceCommit"),
    *("nodejs", "exiftool", "ffmpeg", "libvips", "imagemagick"),
    *("checkedAt", "releaseVersion"),
    # What the server makes up or keeps for itself.
    *("accessToken", "secret", "originalPath", "thumbhash", "pattern"),
    *("mapDarkStyleUrl", "mapLightStyleUrl", "avatarColor"),
    # What depends on the place database.
    *("city", "state", "country"),
    # What depends on the moment.
    *("active", "completed", "delayed", "waiting", "isActive"),
}
"""Keys whose values only keep their type."""

WRITTEN_BY_JOBS = {
    *("thumbhash", "fileCreatedAt", "localDateTime", "exifInfo", "width", "height"),
    *("duration", "resized", "hasMetadata", "tags"),
}
"""Keys of an asset that are null or preliminary until it has been processed."""

ARBITRARY_IDS = {"albumThumbnailAssetId"}
"""Keys of ids that the server picks from several."""

UNKNOWN_UUID = re.compile(r"0{8}-0000-4000-8000-0{12}")


@dataclass(slots=True)
class Cut:
    """The beginning of a list whose end was not recorded."""

    elements: list[Any]


@dataclass(slots=True, kw_only=True)
class Writer:
    """Writes the notation of one answer.

    `references` are the ids of earlier answers, `spelled` the strings that stand for
    something else (checksums, accounts); `found` collects the ids that this answer is
    the first to show. `unordered` drops the order of all lists, `types_only` all values.
    """

    case: str
    references: Mapping[str, str]
    spelled: Mapping[str, str]
    varying: AbstractSet[str] = frozenset(VARYING)
    unordered: bool = False
    types_only: bool = False
    found: dict[str, str] = field(default_factory=dict)

    def value(self, value: Any, key: str = "", at: str = "") -> Any:
        """Return the notation of a recorded value that stands at this key and pointer."""
        match value:
            case dict():
                return self._object(value, at)
            case list() | Cut():
                return self._list(value, key, at, {})
            case None:
                return "~any" if key in self.varying else None
            case str() if key in ARBITRARY_IDS:
                return "~uuid"
            case str() if UUID_TEXT.fullmatch(value):
                return self._id(value, at)
            case str() if key == "checksum" and value not in self.spelled:
                return "~string"
            case _ if self.types_only or key in self.varying:
                return _kind(value)
            case str():
                return self._text(value)
            case _:
                return value

    def _object(self, value: Mapping[str, Any], at: str) -> dict[str, Any]:
        preliminary = "thumbhash" in value and not is_processed(value)
        written: dict[str, Any] = {}
        for key, item in value.items():
            place = f"{at}/{key}"
            if preliminary and key in WRITTEN_BY_JOBS:
                written[key] = "~any"
            elif isinstance(item, list | Cut):
                written[key] = self._list(item, key, place, value)
            else:
                written[key] = self.value(item, key, place)
        return written

    def _list(
        self, value: list[Any] | Cut, key: str, at: str, around: Mapping[str, Any]
    ) -> Any:
        if isinstance(value, Cut):
            written = self._each(value.elements)
            if "count" not in around:
                return written
            # These are but a few of many assets: the others have other values.
            loose = {key: _loose(note) for key, note in written["~each"].items()}
            return {"~each": loose, "~length": around["count"]}
        if len(value) <= 1 or not (key == "items" or self.unordered):
            return [
                self.value(item, key, f"{at}/{index}")
                for index, item in enumerate(value)
            ]
        if all(isinstance(item, str) and item in self.references for item in value):
            return {"~set": [self.references[item] for item in value]}
        written = self._each(value) | {"~length": len(value)}
        ids = [str(item.get("id")) for item in value if isinstance(item, dict)]
        if ids and not around.get("nextPage") and set(ids) <= self.references.keys():
            written["~ids"] = [self.references[id_] for id_ in ids]
        return written

    def _each(self, elements: list[Any]) -> dict[str, Any]:
        """Return what the elements have in common; ids at no certain place are lost."""
        known = len(self.found)
        written = [self.value(item) for item in elements]
        for id_ in list(self.found)[known:]:
            del self.found[id_]
        common = written[0]
        for other in written[1:]:
            common = _common(common, other)
        return {"~each": common}

    def _id(self, id_: str, at: str) -> str:
        if UNKNOWN_UUID.fullmatch(id_):
            return id_
        known = self.references.get(id_) or self.found.get(id_)
        if known is not None and not self.types_only:
            return known
        self.found.setdefault(id_, f"{{{{{self.case}#{at}}}}}")
        return "~uuid"

    def _text(self, text: str) -> str:
        if text.startswith("~"):
            raise ValueError(f"{self.case}: {text!r} would be read as a type")
        return self.spelled.get(text) or UUID_TEXT.sub(
            lambda found: self.references.get(found[0], found[0]), text
        )


def is_processed(asset: Mapping[str, Any]) -> bool:
    """Return whether a recorded asset shows what the server's jobs wrote."""
    exif = asset.get("exifInfo") or {}
    return bool(asset.get("thumbhash") or exif.get("dateTimeOriginal"))


def walk(value: Any) -> Iterator[Any]:
    """Yield a recorded value and everything in it."""
    yield value
    children: list[Any] = []
    match value:
        case dict():
            children = list(value.values())
        case list():
            children = value
        case Cut():
            children = value.elements
    for child in children:
        yield from walk(child)


def beginning(text: str) -> Any:
    """Return the JSON value of which only the beginning was recorded.

    It ends after the last complete element of a list; that list becomes a `Cut`.
    """
    opened: list[str] = []
    end, closing = 0, ""
    for found in re.finditer(r'"(?:[^"\\]|\\.)*"|[\[\]{},]', text):
        match found[0]:
            case "[" | "{":
                opened.append("]" if found[0] == "[" else "}")
            case "]" | "}":
                opened.pop()
            case "," if opened[-1] == "]":
                end, closing = found.start(), "".join(reversed(opened))
    value = json.loads(text[:end] + closing)
    return _mark_cut(value, len(closing))


def _mark_cut(value: Any, depth: int) -> Any:
    if isinstance(value, list):
        if depth == 1:
            return Cut(value)
        return [*value[:-1], _mark_cut(value[-1], depth - 1)]
    last = list(value)[-1]
    return value | {last: _mark_cut(value[last], depth - 1)}


def _kind(value: Any) -> str:
    match value:
        case bool():
            return "~boolean"
        case int() | float():
            return "~number"
        case str() if TIME_TEXT.fullmatch(value):
            return "~time"
        case _:
            return "~string"


def _loose(note: Any) -> str:
    kind = _noted_kind(note)
    return "~any" if kind == "~null" else f"{kind.removesuffix('?')}?"


def _common(one: Any, other: Any) -> Any:
    """Return the notation that both notations fulfil."""
    if one == other:
        return one
    if isinstance(one, dict) and isinstance(other, dict):
        if "~each" in one or "~each" in other:
            return "~list"
        return {key: _common(one[key], other[key]) for key in one if key in other}
    if isinstance(one, list) or isinstance(other, list):
        return "~list"
    kinds = {_noted_kind(one), _noted_kind(other)}
    nullable = any(kind == "~null" or kind.endswith("?") for kind in kinds)
    plain = {kind.removesuffix("?") for kind in kinds} - {"~null"}
    if len(plain) != 1 or "~any" in plain or "~object" in plain:
        return "~any"
    return f"{plain.pop()}{'?' if nullable else ''}"


def _noted_kind(note: Any) -> str:
    match note:
        case None:
            return "~null"
        case dict():
            return "~object"
        case list():
            return "~list"
        case str() if note.startswith("~"):
            return note
        case str() if note.startswith("{{") and "#" in note:
            return "~uuid"
        case _:
            return _kind(note)
