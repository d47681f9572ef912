"""Derives the table of the contract from recordings of a real server.

    python -m tests.contract.derive RECORDINGS [TABLE]

RECORDINGS is a directory of JSON files, each a list of exchanges in order. What the
recordings do not show (keys, steps in between, bodies told in words) is in gaps.py.
"""

from argparse import ArgumentParser
from base64 import b64encode
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
import json
from pathlib import Path
import re
from typing import Any

from .compare import UUID_TEXT
from .gaps import GAPS, Gaps, Told
from .notation import UNKNOWN_UUID, VARYING, Writer, beginning, is_processed, walk
from .samples import Kind, Sample
from .table import Case, Expectation, Request, Table

TABLE = Path(__file__).with_name("table.json")

BY_HAND = "is arranged by hand, outside of the server"
LEFT_OUT = {
    "00-setup/disable-ml": "arranges the recorded server; two optional steps do it",
    "01-server-auth-errors/server-apk-links-admin": (
        "where the Android app is downloaded is of no use to a backup"
    ),
    "05-cut/files-on-disk-before-after": "nobody but the server sees its disk",
    "05-cut/orphan-files-after-400": "nobody but the server sees its disk",
    "07-bulk-upload-check/bulk-20000": "bulk-5000 and bulk-50000 enclose it",
    "07b-bulk-limits/bulk-65535": "bulk-65534 is beyond the limit already",
    "07b-bulk-limits/bulk-66000": "bulk-65534 is beyond the limit already",
    "13-search-media-misc/search-city-Paris": (
        "which city a coordinate belongs to depends on the place database"
    ),
    "13-search-media-misc/original-roundtrip-sha1-identical": (
        "a note, not an exchange; the case original compares the bytes"
    ),
    "15-websocket/*": "Socket.IO is not part of the REST contract",
    "15-websocket-broken/*": "Socket.IO is not part of the REST contract",
    "15-websocket-nokey/*": "Socket.IO is not part of the REST contract",
    "17-concurrency/same-file-6-threads-at-once": (
        "17b-race repeats it with every answer next to its status"
    ),
    "17-concurrency/throughput-100x21kB-4-threads": "a measurement",
    "18-restart/upload-in-flight-while-server-stops": "stopping a server " + BY_HAND,
    "18-restart/ping-poll-during-restart": "how long a start takes is the machine's",
    "23-outages/disk-full-3MB-into-1MB": "a full disk " + BY_HAND,
    "23-outages/disk-full-small-file-after": "a full disk " + BY_HAND,
    "23-outages/disk-full-bulk-check": "a full disk " + BY_HAND,
    "23-outages/redis-frozen-upload": "a hanging Redis " + BY_HAND,
    "23-outages/redis-frozen-ping": "a hanging Redis " + BY_HAND,
    "23-outages/redis-frozen-bulk-check-of-that-file": "a hanging Redis " + BY_HAND,
    "23-outages/redis-thawed-bulk-check-of-that-file": "a hanging Redis " + BY_HAND,
    "23-outages/redis-thawed-reupload": "a hanging Redis " + BY_HAND,
    "23-outages/pg-down-ping": "a stopped PostgreSQL " + BY_HAND,
    "23-outages/pg-down-users-me": "a stopped PostgreSQL " + BY_HAND,
    "23-outages/pg-down-upload": "a stopped PostgreSQL " + BY_HAND,
    "23-outages/pg-down-bulk-check": "a stopped PostgreSQL " + BY_HAND,
    "23-outages/pg-up-again": "a stopped PostgreSQL " + BY_HAND,
    "23-outages/pg-up-upload": "a stopped PostgreSQL " + BY_HAND,
}
"""Recorded exchanges that are not contract, by group/name, each with the reason."""

WAIT = 40.0
"""How long the server may take to process an upload, in seconds."""

PARTS = "multipart parts in order"
PART_TYPES = {
    "jpg": "image/jpeg",
    "xmp": "application/xml",
    "json": "application/json",
}
"""The types of parts in recordings that only kept name and size of a file."""

NOT_SENT = {"x-api-key", "authorization", "accept"}
COMPARED_HEADERS = (
    "Content-Type",
    "Content-Disposition",
    "Content-Encoding",
    "Content-Range",
    "Accept-Ranges",
    "Location",
)
ROW_KEYS = {"results", "id", "action", "success", "error"}
"""Keys of answers whose length depends on the request alone."""


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """A file part as it was recorded."""

    filename: str
    size: int
    sha1: str | None
    type: str

    @property
    def key(self) -> str:
        """Return what tells contents apart."""
        return self.sha1 or f"{self.filename} {self.size}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """One recorded exchange, with a name of its own."""

    name: str
    path: str
    """Group and recorded name, by which gaps and exclusions find it."""
    entry: Mapping[str, Any]

    @property
    def group(self) -> str:
        """Return the recording that it belongs to."""
        return self.path.partition("/")[0]

    @property
    def request(self) -> Mapping[str, Any]:
        """Return the recorded request, empty if there is none."""
        return self.entry.get("request") or {}

    @property
    def answer(self) -> Any:
        """Return the recorded body of the answer, None if there is none."""
        return (self.entry.get("response") or {}).get("body")

    def parts(self) -> list[tuple[str, str | File]]:
        """Return the multipart parts, in order."""
        body = self.request.get("body")
        if isinstance(body, dict):
            body = body.get(PARTS)
        if not isinstance(body, list):
            return []
        return [
            (name, value if isinstance(value, str) else _file(value))
            for name, value in body
        ]


@dataclass(slots=True)
class Derivation:
    """Turns the exchanges of one directory into cases, in order."""

    gaps: Gaps
    recorded: list[Recorded]
    samples: dict[str, Sample] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)
    """The sample that stands for a recorded file, by its key."""
    stored: dict[str, str] = field(default_factory=dict)
    """The sample that an asset holds, by recorded asset id."""
    spelled: dict[str, str] = field(default_factory=dict)
    """What to write instead of a recorded string."""
    references: dict[str, str] = field(default_factory=dict)
    """Where a recorded id appeared first."""
    granted: dict[str, set[str]] = field(default_factory=dict)
    """What the recorded keys may do."""

    def table(self) -> Table:
        """Return the table; raises ValueError where the recordings are not understood."""
        self.samples |= self.gaps.samples
        self.stored |= self.gaps.stored
        self.spelled |= self.gaps.spelled
        for recorded in self.recorded:
            self._learn_files(recorded)
        for recorded in self.recorded:
            self._learn_checksums(recorded)
        cases = [case for recorded in self.recorded for case in self._cases(recorded)]
        cases += [
            replace(step.case, group="epilogue", step=True)
            for step in self.gaps.epilogue
        ]
        return Table(
            samples=self.samples,
            keys=self.gaps.keys,
            bearer=self.gaps.bearer,
            cases=tuple(cases),
        )

    def _learn_files(self, recorded: Recorded) -> None:
        """Name every recorded content after its first file name."""
        for part, file in recorded.parts():
            if isinstance(file, str):
                continue
            if file.key not in self.names:
                self.names[file.key] = self._new_sample(file)
            sample = self.names[file.key]
            if file.sha1 is not None:
                self._spell(sample, bytes.fromhex(file.sha1))
            match recorded.answer:
                case {"status": "created", "id": id_} if part == "assetData":
                    self.stored[id_] = sample

    def _new_sample(self, file: File) -> str:
        stem = re.sub(r"[^A-Za-z0-9._-]", "", file.filename)[:24].rpartition(".")[0]
        stem = stem.strip("._-") or "file"
        name, number = stem, 1
        while name in self.samples:
            number += 1
            name = f"{stem}-{number}"
        details = {"kind": _kind(file), **self.gaps.files.get(name, {})}
        self.samples[name] = Sample.from_json({**details, "size": file.size})
        return name

    def _learn_checksums(self, recorded: Recorded) -> None:
        """Learn the checksums of files that were recorded without theirs."""
        for value in walk([recorded.entry.get("asset"), recorded.answer]):
            match value:
                case {"id": str(id_), "checksum": str(checksum)} if id_ in self.stored:
                    reference = f"{{{{sha1b64:{self.stored[id_]}}}}}"
                    self.spelled.setdefault(checksum, reference)

    def _spell(self, sample: str, digest: bytes) -> None:
        base64 = b64encode(digest).decode()
        self.spelled |= {
            digest.hex(): f"{{{{sha1hex:{sample}}}}}",
            digest.hex().upper(): f"{{{{sha1HEX:{sample}}}}}",
            base64: f"{{{{sha1b64:{sample}}}}}",
            base64.rstrip("="): f"{{{{sha1b64nopad:{sample}}}}}",
        }

    def _cases(self, recorded: Recorded) -> Iterator[Case]:
        for step in self.gaps.steps.get(recorded.path, ()):
            for pointer, id_ in step.stands_for.items():
                self.references[id_] = f"{{{{{step.case.name}#{pointer}}}}}"
            yield replace(step.case, group=recorded.group, step=True)
        if (told := self.gaps.told.get(recorded.path)) is not None:
            for index, case in enumerate(told):
                yield self._told(recorded, case, is_recorded=index == 0)
        elif recorded.request:
            yield self._exchange(recorded)
            if "asset" in recorded.entry:
                yield self._stored_asset(recorded)
        elif "asset" in recorded.entry:
            yield self._processed_asset(recorded)
        else:
            raise ValueError(f"{recorded.path}: neither contract nor left out")

    def _exchange(self, recorded: Recorded) -> Case:
        request = self._request(recorded)
        response = recorded.entry["response"]
        self._learn_key(recorded)
        reads = request.method in {"GET", "HEAD"} or "/search/" in request.path
        waits = reads and (
            "/thumbnail" in request.path
            or any(
                isinstance(value, dict) and is_processed(value)
                for value in walk(_whole(response["body"]))
            )
        )
        return Case(
            name=recorded.name,
            group=recorded.group,
            request=request,
            expect=self._expectation(
                recorded, response["status"], response["headers"], response["body"]
            ),
            wait=WAIT if waits or recorded.path in self.gaps.waits else 0.0,
        )

    def _request(self, recorded: Recorded) -> Request:
        body = recorded.request["body"]
        sent: dict[str, Any] | None = None
        if parts := recorded.parts():
            sent = {"parts": [self._part(name, value) for name, value in parts]}
        elif isinstance(body, dict):
            sent = {"json": self._symbolic(body)}
        headers = {
            name: self._symbolic(value)
            for name, value in recorded.request["headers"].items()
            if name.lower() not in NOT_SENT
            and not (name == "Content-Type" and sent is not None)
        }
        changes = self.gaps.requests.get(recorded.path, {})
        if "body" not in changes and sent is None and recorded.request["bodyBytes"]:
            raise ValueError(f"{recorded.path}: its body is only told in words")
        request = Request(
            method=recorded.request["method"],
            path=self._symbolic(recorded.request["path"]),
            key=self._key(recorded),
            headers=headers,
            body=sent,
            send={"chunked": True} if recorded.request["chunked"] else {},
        )
        return replace(request, **changes)

    def _part(self, name: str, value: str | File) -> list[Any]:
        if isinstance(value, str):
            return [name, self._symbolic(value)]
        part = {"filename": value.filename, "content": self.names[value.key]}
        if latin := re.fullmatch(r"b'(.*)'", value.filename):
            part["filename"] = latin[1].encode().decode("unicode_escape")
            part["encoding"] = "latin-1"
        if value.type != "application/octet-stream":
            part["type"] = value.type
        return [name, part]

    def _stored_asset(self, recorded: Recorded) -> Case:
        """Return the case that looks at what an upload has stored."""
        name = f"{recorded.name} stored"
        id_ = self._symbolic(recorded.answer["id"])
        asset = self._notation(recorded, recorded.entry["asset"], name)
        return Case(
            name=name,
            group=recorded.group,
            request=Request(
                method="GET", path=f"/api/assets/{id_}", key=self.gaps.default_key
            ),
            expect=Expectation(status=200, body={"json": asset}, partial=True),
        )

    def _processed_asset(self, recorded: Recorded) -> Case:
        """Return the case that waits for an upload to be processed."""
        asset = recorded.entry["asset"]
        search = {"checksum": self._symbolic(asset["checksum"]), "withExif": True}
        found = {"total": 1, "count": 1, "items": [asset], "nextPage": None}
        expected = self._notation(recorded, {"assets": found}, recorded.name)
        return Case(
            name=recorded.name,
            group=recorded.group,
            request=Request(
                method="POST",
                path="/api/search/metadata",
                key=self.gaps.default_key,
                body={"json": search},
            ),
            expect=Expectation(status=200, body={"json": expected}, partial=True),
            wait=WAIT,
        )

    def _told(self, recorded: Recorded, told: Told, *, is_recorded: bool) -> Case:
        """Return a case of which the recording tells in words of its own."""
        expect = Expectation(status=None)
        text = recorded.entry.get("answer", "")
        if is_recorded and text.startswith("HTTP/1.1 "):
            head, _, body = text.partition("\r\n\r\n")
            first, *lines = head.split("\r\n")
            headers = dict(line.split(": ", 1) for line in lines)
            status = int(first.split(" ")[1])
            answer = json.loads(body) if body else ""
            expect = self._expectation(recorded, status, headers, answer)
        return Case(
            name=told.name or recorded.name,
            group=recorded.group,
            request=told.request,
            expect=replace(expect, **told.expect),
        )

    def _key(self, recorded: Recorded) -> str | None:
        """Return which key was used; the recordings keep the keys to themselves."""
        if recorded.path in self.gaps.used_keys:
            return self.gaps.used_keys[recorded.path]
        headers = {name.lower() for name in recorded.request["headers"]}
        if "authorization" in headers:
            return self.gaps.session
        if "x-api-key" not in headers:
            return None
        for key in self.gaps.keys:
            if re.search(rf"-{key}(-key)?$", recorded.name):
                return key
        match recorded.answer:
            case {"message": str(message)} if message.startswith("Missing required"):
                missing = message.rpartition(" ")[2]
                return next(
                    key
                    for key, granted in self.granted.items()
                    if not granted & {"all", missing}
                )
        return self.gaps.default_key

    def _learn_key(self, recorded: Recorded) -> None:
        for key, secret in self.gaps.keys.items():
            match recorded.request["body"]:
                case {"permissions": permissions}:
                    if secret.startswith(f"{{{{{recorded.name}#"):
                        self.granted[key] = set(permissions)

    def _expectation(
        self, recorded: Recorded, status: int, headers: Mapping[str, str], body: Any
    ) -> Expectation:
        compared = {name: headers[name] for name in COMPARED_HEADERS if name in headers}
        if "Content-Type" in compared:
            compared["Content-Type"] = compared["Content-Type"].partition(";")[0]
        if recorded.request.get("method") == "HEAD" and "Content-Length" in headers:
            compared["Content-Length"] = headers["Content-Length"]
        size = None
        partial = False
        match body:
            case {"<truncated>": True, "bytes": length}:
                body = _whole(body)
                partial = True
                keys = {
                    key
                    for value in walk(body)
                    if isinstance(value, dict)
                    for key in value
                }
                size = length if keys <= ROW_KEYS else None
        expected = self._expected_body(recorded, compared, body)
        if expected is not None and "json" in expected:
            # Goes without saying unless it is something else.
            if compared.get("Content-Type") == "application/json":
                del compared["Content-Type"]
        expect = Expectation(
            status=status,
            headers=compared,
            body=expected,
            size=size,
            partial=partial,
        )
        return replace(expect, **self.gaps.expectations.get(recorded.path, {}))

    def _expected_body(
        self, recorded: Recorded, headers: Mapping[str, str], body: Any
    ) -> dict[str, Any] | None:
        if not isinstance(body, str):
            return {"json": self._notation(recorded, body, recorded.name)}
        if not body.endswith("bytes binary>"):
            return (
                {"empty": True} if not body and "Content-Type" not in headers else None
            )
        if headers["Content-Type"] == "application/json":
            return {"json": "~list"}
        path = recorded.request["path"]
        if path == "/api/download/archive":
            ids = recorded.request["body"]["assetIds"]
            return {"zip": [self.stored[id_] for id_ in ids]}
        if not path.endswith(("/original", "/playback")):
            return {"bytes": True}
        expected: dict[str, Any] = {"content": self.stored[path.split("/")[3]]}
        if "Content-Range" in headers:
            first, last = re.findall(r"\d+", headers["Content-Range"])[:2]
            expected["range"] = [int(first), int(last)]
        return expected

    def _notation(self, recorded: Recorded, body: Any, case: str) -> Any:
        writer = Writer(
            case=case,
            references=self.references,
            spelled=self.spelled,
            varying=VARYING | self.gaps.varying.get(recorded.path, set()),
            unordered=recorded.path in self.gaps.unordered,
            types_only=recorded.path in self.gaps.types_only,
        )
        notation = writer.value(body)
        self.references |= {
            id_: reference
            for id_, reference in writer.found.items()
            if id_ not in self.references
        }
        return notation

    def _symbolic(self, value: Any) -> Any:
        """Return a value of a request with references instead of ids and checksums."""
        match value:
            case dict():
                return {key: self._symbolic(item) for key, item in value.items()}
            case list():
                return [self._symbolic(item) for item in value]
            case str() if value in self.spelled:
                return self.spelled[value]
            case str():
                return UUID_TEXT.sub(lambda found: self._reference(found[0]), value)
            case _:
                return value

    def _reference(self, id_: str) -> str:
        if UNKNOWN_UUID.fullmatch(id_):
            return id_
        if id_ not in self.references:
            raise ValueError(f"{id_} appears in a request before any answer")
        return self.references[id_]


def _file(value: Any) -> File:
    if isinstance(value, list):
        filename, size = value
        suffix = filename.rpartition(".")[2]
        return File(filename=filename, size=size, sha1=None, type=PART_TYPES[suffix])
    return File(
        filename=value["filename"],
        size=value["bytes"],
        sha1=value["sha1"],
        type=value["type"],
    )


def _whole(body: Any) -> Any:
    """Return a recorded body; of a long one only the beginning was kept."""
    match body:
        case {"<truncated>": True, "head": head}:
            return beginning(head)
        case _:
            return body


def _kind(file: File) -> Kind:
    if file.size <= 1:
        return Kind.ONE_BYTE if file.size else Kind.ZERO
    match file.filename.rpartition(".")[2].lower():
        case "png":
            return Kind.PNG
        case "webp":
            return Kind.WEBP
        case "mp4" | "mov":
            return Kind.MP4
        case "xmp":
            return Kind.XMP
        case _:
            return Kind.JPEG


def derive(directory: Path, gaps: Gaps = GAPS) -> Table:
    """Return the table of a directory of recordings.

    Raises ValueError if an exchange is neither understood nor left out, or if what is
    left out or filled in was not recorded.
    """
    recorded = [*_read(directory, gaps)]
    left_out = LEFT_OUT if gaps is GAPS else {}
    mentioned = left_out.keys() | gaps.mentioned()
    if unknown := sorted(mentioned - {item.path for item in recorded}):
        raise ValueError(f"not recorded: {unknown}")
    kept = [item for item in recorded if item.path not in left_out]
    return Derivation(gaps, kept).table()


def _read(directory: Path, gaps: Gaps) -> Iterator[Recorded]:
    files = sorted(directory.glob("*.json"), key=lambda file: file.stem)
    files.sort(key=lambda file: file.stem in gaps.last)
    seen: dict[str, int] = {}
    for file in files:
        entries = json.loads(file.read_text(encoding="utf-8"))
        # A recording of another kind is one object.
        if isinstance(entries, dict):
            entries = [{"name": "*"}]
        for entry in entries:
            name = entry["name"]
            seen[name] = seen.get(name, 0) + 1
            unique = name if seen[name] == 1 else f"{name} ({seen[name]})"
            yield Recorded(name=unique, path=f"{file.stem}/{name}", entry=entry)


def main() -> None:
    """Write the table."""
    parser = ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("recordings", type=Path)
    parser.add_argument("table", type=Path, nargs="?", default=TABLE)
    arguments = parser.parse_args()
    arguments.table.write_text(derive(arguments.recordings).dump(), encoding="utf-8")


if __name__ == "__main__":
    main()
