"""File formats that the server takes, by extension, with their MIME types."""

from posixpath import basename, splitext
from typing import Final

# Extensions in the order of GET /server/media-types (measured on Immich 3.0.3).
VIDEO_TYPES: Final = {
    ".3gp": "video/3gpp",
    ".3gpp": "video/3gpp",
    ".avi": "video/x-msvideo",
    ".flv": "video/x-flv",
    ".insv": "video/mp4",
    ".m2t": "video/mp2t",
    ".m2ts": "video/mp2t",
    ".m4v": "video/x-m4v",
    ".mkv": "video/x-matroska",
    ".mov": "video/quicktime",
    ".mp4": "video/mp4",
    ".mpe": "video/mpeg",
    ".mpeg": "video/mpeg",
    ".mpg": "video/mpeg",
    ".mts": "video/mp2t",
    ".mxf": "application/mxf",
    ".ts": "video/mp2t",
    ".vob": "video/mpeg",
    ".webm": "video/webm",
    ".wmv": "video/x-ms-wmv",
}
IMAGE_TYPES: Final = {
    ".avif": "image/avif",
    ".bmp": "image/bmp",
    ".gif": "image/gif",
    ".jpeg": "image/jpeg",
    ".jpg": "image/jpeg",
    ".png": "image/png",
    ".webp": "image/webp",
    ".3fr": "image/x-hasselblad-3fr",
    ".ari": "image/x-arriflex-ari",
    ".arw": "image/x-sony-arw",
    ".cap": "image/x-phaseone-cap",
    ".cin": "image/x-phantom-cin",
    ".cr2": "image/x-canon-cr2",
    ".cr3": "image/x-canon-cr3",
    ".crw": "image/x-canon-crw",
    ".dcr": "image/x-kodak-dcr",
    ".dng": "image/x-adobe-dng",
    ".erf": "image/x-epson-erf",
    ".fff": "image/x-hasselblad-fff",
    ".iiq": "image/x-phaseone-iiq",
    ".k25": "image/x-kodak-k25",
    ".kdc": "image/x-kodak-kdc",
    ".mrw": "image/x-minolta-mrw",
    ".nef": "image/x-nikon-nef",
    ".nrw": "image/x-nikon-nrw",
    ".orf": "image/x-olympus-orf",
    ".ori": "image/x-olympus-ori",
    ".pef": "image/x-pentax-pef",
    ".psd": "image/psd",
    ".raf": "image/x-fuji-raf",
    ".raw": "image/x-panasonic-raw",
    ".rw2": "image/x-panasonic-rw2",
    ".rwl": "image/x-leica-rwl",
    ".sr2": "image/x-sony-sr2",
    ".srf": "image/x-sony-srf",
    ".srw": "image/x-samsung-srw",
    ".x3f": "image/x-sigma-x3f",
    ".heic": "image/heic",
    ".heif": "image/heif",
    ".hif": "image/hif",
    ".insp": "image/jpeg",
    ".jp2": "image/jp2",
    ".jpe": "image/jpeg",
    ".jxl": "image/jxl",
    ".mpo": "image/jpeg",
    ".svg": "image/svg",
    ".tif": "image/tiff",
    ".tiff": "image/tiff",
}
SIDECAR_EXTENSIONS: Final = (".xmp",)


def extension(name: str) -> str:
    """Return the extension of a file name as it is written, with its dot.

    A name that is nothing but an extension (".jpg") has one, as the server has it
    since its fix of extension-only file names.
    """
    last = basename(name)
    suffix = splitext(last)[1]
    if not suffix and last.startswith(".") and last.count(".") == 1:
        suffix = last
    return "" if suffix == "." else suffix


def is_asset(name: str) -> bool:
    """Say whether the server takes a file of this name as a picture or a video."""
    suffix = extension(name).lower()
    return suffix in IMAGE_TYPES or suffix in VIDEO_TYPES


def is_sidecar(name: str) -> bool:
    """Say whether the server takes a file of this name as a sidecar."""
    return extension(name).lower() in SIDECAR_EXTENSIONS


def is_video(name: str) -> bool:
    """Say whether a file of this name is a video."""
    return extension(name).lower() in VIDEO_TYPES


def mime_type(name: str) -> str:
    """Return the MIME type of a file name."""
    suffix = extension(name).lower()
    return (
        IMAGE_TYPES.get(suffix) or VIDEO_TYPES.get(suffix) or "application/octet-stream"
    )
