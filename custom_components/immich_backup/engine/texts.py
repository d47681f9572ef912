"""Sentences for people about files and what stops them, in plain English."""

from collections.abc import Sequence
import os
import re

from .model import FileReport, FileState, Halt, Reason

_REASONS = {
    Reason.NEW: "It is new; backed up once it stops changing",
    Reason.CHANGED: "It changed; backed up once it stops changing",
    Reason.RULE: "A rule of the folder leaves it out",
    Reason.KIND: "The folder does not back up files of this type",
    Reason.EXTENSION: "The server does not take files with this extension",
    Reason.SIDECAR: ("It is no photo or video; what it tells of one beside it is used"),
    Reason.EXISTING: "It was there before the folder was added",
    Reason.UNDECIDED: "It waits for what a rule asks the home",
    Reason.OTHER_KEPT: "Another picture of the same shot is kept instead",
    Reason.OTHER_AWAITED: (
        "It waits a minute at most for another picture of the same shot, which alone"
        " would be kept"
    ),
    Reason.QUEUED: "It waits for its turn",
    Reason.ON_SERVER: "The server had it already",
    Reason.UPLOADED: "Uploaded, and confirmed by the server by checksum",
    Reason.TRASHED: "Someone put it into the trash on the server",
    Reason.DELETED: "Someone deleted it on the server",
    Reason.PROOF_LOST: "The server no longer has it; it is uploaded again",
    Reason.EMPTY: "It is empty; backed up once something is in it",
    Reason.UNREADABLE: "Home Assistant may not read it; check its permissions",
    Reason.VANISHED: "It was gone when it was to be read",
    Reason.READ_ERROR: "Reading it failed; it is tried again",
    Reason.TOO_LARGE: (
        "A proxy before the server refuses files of this size; raise its limit or use"
        " the server's local address"
    ),
    Reason.UNSUPPORTED: "The server does not take it",
    Reason.REFUSED: "The server refused it",
    Reason.SERVER_ERROR: "The server failed on it; it is tried again",
    Reason.CONNECTION: "The connection broke; it is tried again",
    Reason.NOT_VERIFIED: (
        "After the upload the server did not have the same bytes; it is tried again"
    ),
    Reason.MISSING: "It is no longer in the folder",
}
# What is told of these besides is not what was unknown of a file.
_DETAILED = (Reason.REFUSED, Reason.UNSUPPORTED, Reason.OTHER_KEPT)
# Nobody watches a single upload until it is as it should be.
_UPLOADS = {
    Reason.EMPTY: "It is empty, and the server takes no empty files",
    Reason.CHANGED: "It changed while it was read; it is tried again",
}
# Of files of which nothing is known.
IGNORED_NAME = (
    "Its name, or that of a folder on the way to it, is one of temporary files or of a"
    " device's own files; these are never looked at"
)
SUB_FOLDER = (
    "It is in a sub-folder, and the folder is backed up without its sub-folders"
)
NOT_SEEN = (
    "It was not seen in the folder: there is no such file, it is a link, or the folder"
    " was not looked through since it came"
)
NOT_TENDED = "Its folder is not tended, as one of its rules can't be understood"
OUTSIDE = "It is in none of the folders that are backed up"
_CRITERIA = {
    "type": "its type",
    "extension": "its extension",
    "path": "its path",
    "size": "its size",
    "age": "its age",
    "captured": "the day it was taken",
    "pixels": "its pixels",
    "duration": "how long it lasts",
    "camera": "its camera",
    "screenshot": "whether it shows a screen",
    "location": "where it was taken",
    "zones": "the zone it was taken in",
    "calendar": "the calendars",
    "template": "its template",
}
_PERMISSION = re.compile(r"[A-Za-z]+(?:\.[A-Za-z]+)+")


def permission_of(detail: str) -> str | None:
    """Return the permission that a halt is about; None if the server named none."""
    return detail if _PERMISSION.fullmatch(detail) else None


def halt_text(halt: Halt, detail: str) -> str:
    """Return what a person must do something about before uploads go on."""
    match halt:
        case Halt.UNAUTHORISED:
            return "The server refuses the API key"
        case Halt.PERMISSION if permission := permission_of(detail):
            return f"The API key lacks the permission {permission}"
        case Halt.PERMISSION:
            return f"The API key lacks a permission; the server says: {detail}"
        case Halt.QUOTA:
            return "The storage quota of the Immich user has no room for the next file"
        case Halt.SERVER_TOO_OLD:
            return f"The server runs Immich {detail}; 3.0 or later is needed"
        case Halt.OTHER_USER:
            return "The API key belongs to another Immich user than before"
        case Halt.LEDGER:
            return detail


def upload_text(reason: Reason, detail: str | None, waiting: str) -> str:
    """Return what became of a single upload; ``waiting`` is what queued ones wait for."""
    if reason is Reason.QUEUED:
        return waiting
    text = _UPLOADS.get(reason) or _REASONS[reason]
    return f"{text}: {detail}" if detail else text


def reason_text(report: FileReport, waiting: str) -> str:
    """Return why a file is in its state; ``waiting`` is what its folder waits for."""
    text = _REASONS[report.reason]
    if report.reason is Reason.QUEUED:
        text = waiting
    elif report.reason is Reason.PROOF_LOST and report.state is FileState.WAITING:
        text = f"The server no longer has it. {waiting}"
    elif report.reason is Reason.RULE and report.rule:
        criteria = _criteria(report.criterion or "")
        text = f"Left out by the rule “{report.rule}” ({criteria})"
    elif report.reason is Reason.NOT_VERIFIED and report.state is FileState.PARKED:
        text = "The server stored other bytes, repeatedly; see the server's disk"
    if report.detail and report.reason in _DETAILED:
        text = f"{text}: {report.detail}"
    elif report.state is FileState.UNWANTED and report.detail:
        names, _, problem = report.detail.partition("; ")
        text = f"{text}; not known of this file: {_criteria(names)}"
        if problem:
            text = f"{text} ({problem})"
    return text


def retry_text(count: int, trouble: str | None) -> str:
    """Return what another try of so many files means.

    ``trouble`` says why nothing can be uploaded at the moment, if anything does.
    """
    if not count:
        return "No file has failed"
    text = "1 file is tried again" if count == 1 else f"{count} files are tried again"
    return text if trouble is None else f"{text} once that is possible. {trouble}"


def _criteria(names: str) -> str:
    """Return criteria, which are joined by commas, as words."""
    words: Sequence[str] = names.split(", ")
    return ", ".join(_CRITERIA.get(word, word) for word in words)


def readable(path: str) -> str:
    """Return a path that can be shown and sent: what is not UTF-8 in it is replaced."""
    return os.fsencode(path).decode("utf-8", "replace")
