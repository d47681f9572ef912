"""Which extensions are photos and videos: the server's word, or what 3.0 takes."""

from collections.abc import Mapping
import json

from ..immich import MediaTypes
from .rules import MediaKind
from .rules.media import extension_of

# What Immich 3.0.3 answers; used until a server was asked for the first time.
_VIDEOS = (
    ".3gp .3gpp .avi .flv .insv .m2t .m2ts .m4v .mkv .mov .mp4 .mpe .mpeg .mpg .mts"
    " .mxf .ts .vob .webm .wmv"
)
_PHOTOS = (
    ".avif .bmp .gif .jpeg .jpg .png .webp .3fr .ari .arw .cap .cin .cr2 .cr3 .crw .dcr"
    " .dng .erf .fff .iiq .k25 .kdc .mrw .nef .nrw .orf .ori .pef .psd .raf .raw .rw2"
    " .rwl .sr2 .srf .srw .x3f .heic .heif .hif .insp .jp2 .jpe .jxl .mpo .svg .tif"
    " .tiff"
)

DEFAULT_EXTENSIONS: Mapping[str, MediaKind] = {
    **dict.fromkeys(_PHOTOS.split(), MediaKind.PHOTO),
    **dict.fromkeys(_VIDEOS.split(), MediaKind.VIDEO),
}


def kind_of(path: str) -> MediaKind | None:
    """Return whether a file is a photo or a video; None if Immich 3.0 takes neither."""
    return DEFAULT_EXTENSIONS.get(extension_of(path))


def extensions_of(media_types: MediaTypes) -> Mapping[str, MediaKind]:
    """Return photo or video for each extension that the server takes."""
    return {
        **dict.fromkeys(media_types.image, MediaKind.PHOTO),
        **dict.fromkeys(media_types.video, MediaKind.VIDEO),
    }


def to_text(extensions: Mapping[str, MediaKind]) -> str:
    """Return extensions as text for the ledger."""
    return json.dumps(extensions, sort_keys=True)


def from_text(text: str | None) -> Mapping[str, MediaKind]:
    """Return the extensions of such a text, or the default for none that is usable."""
    try:
        kinds = json.loads(text or "")
        return {key: MediaKind(kind) for key, kind in kinds.items()}
    except ValueError, AttributeError:
        return DEFAULT_EXTENSIONS
