"""Files that belong together, as small as they can be: pairs, versions and sidecars."""

from collections.abc import Sequence
from pathlib import Path

from tests.support.media import Video, apple_note, heic, jpeg, tiff, xmp

_IDENTIFIER = "0F7C2A54-6B1D-4E3B-9C55-3D2E1F0A9B8C"
_TAKEN = {0x9003: "2024:05:01 12:00:00"}

# The halves of a live photo.
STILL, VIDEO = "IMG_1.heic", "IMG_1.mov"
# One shot in two formats, of which the first is shown.
STACK = ("DSC_1.jpg", "DSC_1.dng")
# A photo that is on the server before.
KNOWN = "old.jpg"
# What tells about which.
SIDECARS = {"scan.jpg.xmp": "scan.jpg", "old.xmp": KNOWN}
DESCRIPTION, RATING = "At the lake", 4


def write(folder: Path) -> Sequence[bytes]:
    """Write the files into a new folder; return the contents of those that go up."""
    maker = {**_TAKEN, 0x927C: apple_note(_IDENTIFIER)}
    media = {
        STILL: heic(tiff({0x10F: "Apple"}, maker)),
        VIDEO: Video(keys={"content.identifier": _IDENTIFIER}).data(),
        STACK[0]: jpeg(tiff({0x10F: "Canon"}, _TAKEN)),
        STACK[1]: tiff({0x10F: "Canon"}, _TAKEN),
        "scan.jpg": jpeg(size=(20, 30)),
        KNOWN: jpeg(size=(30, 20)),
    }
    sidecar = xmp(
        f'xmp:Rating="{RATING}"',
        '<dc:description><rdf:Alt><rdf:li xml:lang="x-default">'
        f"{DESCRIPTION}</rdf:li></rdf:Alt></dc:description>",
    )
    folder.mkdir(parents=True)
    for name, content in media.items():
        (folder / name).write_bytes(content)
    for name in SIDECARS:
        (folder / name).write_text(sidecar)
    return list(media.values())
