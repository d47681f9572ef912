"""HEIF: HEIC and AVIF pictures, whose EXIF and XMP are items of their own."""

from dataclasses import dataclass, field

from .boxes import boxes, meta_boxes
from .source import Damaged, Part

_XMP_TYPE = b"application/rdf+xml"
# Pictures of many tiles have an item for each.
_LARGEST_BOX = 128 * 1024
_MOST_ITEMS = 5000
# Clockwise quarters to undo the turn that `irot` counts the other way, as in EXIF.
_TURNS = {0: 1, 1: 8, 2: 3, 3: 6}


@dataclass(slots=True)
class Heif:
    """What the boxes of a picture lead to."""

    exif: Part | None = None
    xmp: Part | None = None
    size: tuple[int, int] | None = None
    turn: int | None = None
    has_video: bool = False


@dataclass(slots=True)
class _Items:
    """The items of a `meta` box by number."""

    primary: int | None = None
    kinds: dict[int, bytes] = field(default_factory=dict)
    places: dict[int, tuple[int, int, int]] = field(default_factory=dict)
    properties: list[tuple[bytes, Part]] = field(default_factory=list)
    links: dict[int, list[int]] = field(default_factory=dict)
    data: Part | None = None


def read_heif(whole: Part) -> Heif:
    """Return where the facts of a picture stand. Raises Damaged."""
    heif = Heif()
    found: Part | None = None
    for box in boxes(whole):
        if box.kind == b"meta" and found is None:
            found = box.content
        # Samsung's motion photos.
        elif box.kind == b"mpvd":
            heif.has_video = True
    if found is None:
        raise Damaged("There is no meta box")
    items = _items(found)
    for number, kind in items.kinds.items():
        if kind == b"Exif" and heif.exif is None:
            heif.exif = _exif(_item(whole, items, number))
        elif kind == _XMP_TYPE and heif.xmp is None:
            heif.xmp = _item(whole, items, number)
    for index in items.links.get(items.primary or 0, ()):
        if not 0 < index <= len(items.properties):
            continue
        kind, content = items.properties[index - 1]
        if kind == b"ispe" and heif.size is None:
            heif.size = content.number(4, 4), content.number(8, 4)
        elif kind == b"irot":
            heif.turn = _TURNS[content.number(0, 1) & 3]
    return heif


def _items(meta: Part) -> _Items:
    """Return what a `meta` box lists."""
    items = _Items()
    for box in meta_boxes(meta):
        part = box.content
        match box.kind:
            case b"pitm":
                items.primary = part.number(4, 2 if part.number(0, 1) == 0 else 4)
            case b"iinf":
                for entry in boxes(part, 6 if part.number(0, 1) == 0 else 8):
                    if entry.kind == b"infe":
                        _note_item(items, entry.content)
            case b"iloc":
                _note_places(items, part)
            case b"idat":
                items.data = part
            case b"iprp":
                for entry in boxes(part):
                    if entry.kind == b"ipco":
                        items.properties = [
                            (found.kind, found.content)
                            for found in boxes(entry.content)
                        ]
                    elif entry.kind == b"ipma":
                        _note_links(items, entry.content)
    return items


def _note_item(items: _Items, part: Part) -> None:
    """Note an item's number and type; for those of a MIME type, that."""
    version = part.number(0, 1)
    if version < 2 or len(items.kinds) >= _MOST_ITEMS:
        return
    wide = 2 if version == 2 else 4
    number, kind = part.number(4, wide), part.read(4 + wide + 2, 4)
    if kind == b"mime":
        names = part.upto(200, 4 + wide + 6).split(b"\0")
        kind = names[1] if len(names) > 1 else b""
    items.kinds[number] = kind


def _note_places(items: _Items, part: Part) -> None:
    """Note where items stand (ISO 14496-12, 8.11.3); only those in one piece."""
    version, sizes = part.number(0, 1), part.number(4, 2)
    data = part.upto(_LARGEST_BOX)
    offset_size, length_size = sizes >> 12, sizes >> 8 & 15
    base_size, index_size = sizes >> 4 & 15, sizes & 15 if version else 0
    if version > 2 or max(offset_size, length_size, base_size, index_size) > 8:
        raise Damaged("Places of items are of no known form")
    at = 6

    def take(count: int) -> int:
        nonlocal at
        if at + count > len(data):
            raise Damaged("Places of items are cut off")
        at += count
        return int.from_bytes(data[at - count : at])

    wide = 4 if version == 2 else 2
    for _ in range(min(take(wide), _MOST_ITEMS)):
        number = take(wide)
        method = take(2) & 15 if version else 0
        # Data may stand in another file, which we never follow.
        elsewhere = take(2)
        base = take(base_size)
        if (pieces := take(2)) != 1:
            take(pieces * (index_size + offset_size + length_size))
            continue
        take(index_size)
        place = method, base + take(offset_size), take(length_size)
        if not elsewhere:
            items.places[number] = place


def _note_links(items: _Items, part: Part) -> None:
    """Note which properties items have (ISO 23008-12, 9.3.1)."""
    version, is_wide = part.number(0, 1), part.number(3, 1) & 1
    count_of_items = part.number(4, 4)
    data = part.upto(_LARGEST_BOX)
    wide, at = (4 if version else 2), 8
    for _ in range(min(count_of_items, _MOST_ITEMS)):
        if at + wide >= len(data):
            return
        number, count = int.from_bytes(data[at : at + wide]), data[at + wide]
        at += wide + 1
        each = 2 if is_wide else 1
        # The highest bit says whether a reader must know the property.
        items.links[number] = [
            int.from_bytes(data[place : place + each]) & (0x7FFF if is_wide else 0x7F)
            for place in range(at, at + count * each, each)
        ]
        at += count * each


def _item(whole: Part, items: _Items, number: int) -> Part | None:
    """Return an item's content; None for one that is in no single piece."""
    method, offset, size = items.places.get(number, (0, 0, 0))
    container = {0: whole, 1: items.data}.get(method)
    if container is None or not size:
        return None
    try:
        return container.part(offset, size)
    except Damaged:
        return None


def _exif(item: Part | None) -> Part | None:
    """Return the TIFF within an Exif item, which says how far in it begins."""
    if item is None:
        return None
    try:
        return item.part(4 + item.number(0, 4))
    except Damaged:
        return None
