"""Sentences for people about a file's state, in plain English."""

import os

from .model import FileReport, FileState, Reason

_REASONS = {
    Reason.NEW: "It is new; backed up once it stops changing",
    Reason.CHANGED: "It changed; backed up once it stops changing",
    Reason.RULE: "A rule of the folder decided",
    Reason.KIND: "The folder does not back up files of this type",
    Reason.EXTENSION: "The server does not take files with this extension",
    Reason.EXISTING: "It was there before the folder was added",
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


def upload_text(reason: Reason, detail: str | None) -> str:
    """Return what became of a single upload, and why."""
    text = _REASONS[reason]
    return f"{text}: {detail}" if detail else text


def reason_text(report: FileReport) -> str:
    """Return why a file is in its state."""
    text = _REASONS[report.reason]
    if report.reason is Reason.RULE and report.rule:
        text = f"Rule “{report.rule}” ({report.criterion})"
    elif report.reason is Reason.NOT_VERIFIED and report.state is FileState.PARKED:
        text = "The server stored other bytes, repeatedly; see the server's disk"
    if report.reason in (Reason.REFUSED, Reason.UNSUPPORTED) and report.detail:
        text = f"{text}: {report.detail}"
    elif report.state is FileState.UNWANTED and report.detail:
        text = f"{text}; not known of this file: {report.detail}"
    return text


def readable(path: str) -> str:
    """Return a path that can be shown and sent: what is not UTF-8 in it is replaced."""
    return os.fsencode(path).decode("utf-8", "replace")
