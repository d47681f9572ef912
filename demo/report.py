"""What happened to the files, as a table for people and as an object for programmes."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
import json
from pathlib import Path
from typing import Any

from .delivery import Delivery
from .gallery import Gallery
from .runs import Run
from .server import Server

_ROWS = 50
# Characters of a path; of a longer one both ends are shown.
_WIDEST = 72
_WANTED = frozenset(("waiting", "failed", "parked", "protected", "settling"))
_FAILED = frozenset(("failed", "parked"))
# What the kinds of receivers are called.
_PLACES = {"notify": "Phone", "speaker": "Speaker", "tv": "TV"}


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """One file as the integration sees it; its path begins at the folder."""

    path: str
    state: str
    reason: str
    reason_text: str
    rule: str | None
    asset_id: str | None
    sha1: str | None

    @classmethod
    def from_response(cls, data: Mapping[str, Any], folder: Path) -> File:
        """Take a file of a folder from the response of the action that lists files."""
        values = {name: data[name] for name in cls.__slots__}
        return cls(**values | {"path": data["path"].removeprefix(f"{folder}/")})


@dataclass(frozen=True, slots=True, kw_only=True)
class Sums:
    """Files, counted: ``skipped`` are unwanted, ``verified`` are proven on the server.

    A wanted file is not yet, or not ever, refused by a rule and not declined on the
    server; ``failed`` are those that need another try, or a person.
    """

    found: int
    wanted: int
    skipped: int
    failed: int
    verified: int

    @classmethod
    def of(cls, files: Sequence[File]) -> Sums:
        """Count files by their states."""

        def count(*states: str) -> int:
            return sum(file.state in states for file in files)

        return cls(
            found=len(files),
            wanted=count(*_WANTED),
            skipped=count("unwanted"),
            failed=count(*_FAILED),
            verified=count("protected"),
        )

    @property
    def proven(self) -> bool:
        """Return whether every wanted file is on the server."""
        return self.verified == self.wanted


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """All that a demonstration has to tell.

    ``causes`` says for each run what started it, ``arrival`` is the one that somebody's
    coming home started, None if that started none. ``ignored`` are files whose names say
    that nobody looks at them. ``gallery`` is what the server tells of what was stored,
    None if it does not.
    """

    home_assistant: str
    url: str
    server: Server
    folder: str
    files: Sequence[File]
    ignored: Sequence[str]
    runs: Sequence[Run]
    causes: Mapping[str, str]
    arrival: str | None
    deliveries: Sequence[Delivery]
    seconds: float
    entities: Mapping[str, str]
    log: Sequence[str]
    gallery: Gallery | None = None

    @property
    def uploaded(self) -> int:
        """Return how many files were uploaded."""
        return sum(run.uploaded for run in self.runs)

    @property
    def duplicates(self) -> int:
        """Return how many files the server had already."""
        return sum(run.duplicates for run in self.runs)

    @property
    def proven(self) -> bool:
        """Return whether all went as it should.

        Every wanted file is on the server, coming home started a run, and everyone got
        what was to be told.
        """
        return (
            self.sums.proven
            and self.arrival is not None
            and all(delivery.ok for delivery in self.deliveries)
        )

    @property
    def sums(self) -> Sums:
        """Return the files, counted."""
        return Sums.of(self.files)

    def as_json(self) -> str:
        """Return everything as one line of JSON."""
        return json.dumps(
            {
                "home_assistant": self.home_assistant,
                "url": self.url,
                "server": {
                    "url": self.server.url,
                    "version": self.server.version,
                    "simulated": self.server.simulated,
                },
                "folder": self.folder,
                **asdict(self.sums),
                "uploaded": self.uploaded,
                "duplicates": self.duplicates,
                "seconds": round(self.seconds, 1),
                **self._organised(),
                "files": [asdict(file) for file in self.files],
                "runs": [
                    {**asdict(run), "started_by": self.causes[run.id]}
                    for run in self.runs
                ],
                "deliveries": [asdict(delivery) for delivery in self.deliveries],
                "entities": dict(self.entities),
                "log": list(self.log),
                "error": None,
            },
            ensure_ascii=False,
        )

    def as_text(self) -> str:
        """Return a table of the files, what it adds up to, and who was told of it."""
        # What is not proven comes first: it is what a person looks for.
        ordered = sorted(self.files, key=lambda file: file.state == "protected")
        rows = [("File", "State", "Why")]
        rows += [
            (_short(file.path), file.state, file.reason_text)
            for file in ordered[:_ROWS]
        ]
        width = max(len(row[0]) for row in rows)
        lines = [f"  {name:{width}}  {state:10}  {why}" for name, state, why in rows]
        if (more := len(ordered) - _ROWS) > 0:
            lines.append(f"  … and {more} more")
        parts = [lines, self._runs(), self._summary()]
        if self.gallery is not None:
            told = ["In Immich, as the server itself tells:", *self.gallery.as_lines()]
            parts.append(told)
        parts.append(self._deliveries())
        if self.log:
            parts.append(["Home Assistant's log complains:", *self.log])
        return "\n\n".join("\n".join(part) for part in parts)

    def _organised(self) -> dict[str, Any]:
        """Return what the server tells; nothing but None if it does not."""
        if self.gallery is None:
            return dict.fromkeys(Gallery.__slots__)
        return asdict(self.gallery)

    def _runs(self) -> list[str]:
        """Return a table of the runs: what started them, and what they did."""
        rows = [
            ("Backup started because", "Ended", "Uploaded", "Already there", "Failed")
        ]
        rows += [
            (
                self.causes[run.id],
                (run.outcome or "goes on").replace("_", " "),
                str(run.uploaded),
                str(run.duplicates),
                str(run.failed),
            )
            for run in self.runs
        ]
        return _table(rows)

    def _deliveries(self) -> list[str]:
        """Return who was told what."""
        if not self.deliveries:
            return ["Nobody was told: that is for completed backups with new files"]
        lines = [
            "Who was told, as the receivers recorded it themselves:",
            deliveries_text(self.deliveries),
        ]
        if any(one.kind == "speaker" for one in self.deliveries):
            lines.append(
                "The voice of the demonstration only hums, a tone for each word"
            )
        return lines

    def _summary(self) -> list[str]:
        """Return what the files add up to, in sentences."""
        sums = self.sums
        before = max(0, sums.verified - self.uploaded - self.duplicates)
        now = (
            f"{self.uploaded} uploaded now, {self.duplicates} found on the server by"
            f" checksum, {before} proven before"
        )
        lines = [
            f"{sums.found} files found: {sums.wanted} to back up, {sums.skipped} skipped",
            now,
            f"{sums.failed} failed",
            f"{sums.verified} of {sums.wanted} proven on the server",
        ]
        if self.ignored:
            lines.append(
                f"Not looked at, as their names say: {', '.join(self.ignored)}"
            )
        if self.arrival is None:
            lines.append("Coming home started no backup, although it should")
        return lines


def deliveries_text(deliveries: Sequence[Delivery]) -> str:
    """Return who was told what, and where, in the order of the list."""
    lines = []
    for one in deliveries:
        said = f"“{one.message}”" if one.message else "NOT REACHED"
        lines.append(f"  {_PLACES[one.kind]:9}{said}")
        mark = "" if one.ok or not one.message else "NOT AS IT SHOULD BE: "
        lines.append(f"  {'':9}{mark}{one.detail} ({one.target})")
    return "\n".join(lines)


def _short(path: str) -> str:
    """Return a path as it fits into a table, without what a terminal would obey."""
    shown = "".join(sign if sign.isprintable() else "�" for sign in path)
    if len(shown) <= _WIDEST:
        return shown
    end = _WIDEST * 2 // 3
    return f"{shown[: _WIDEST - end - 1]}…{shown[-end:]}"


def _table(rows: Sequence[Sequence[str]]) -> list[str]:
    """Return lines with cells below each other."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  "
        + "  ".join(
            cell.ljust(width) for cell, width in zip(row, widths, strict=True)
        ).rstrip()
        for row in rows
    ]


def ignored_names(folder: Path, files: Sequence[File]) -> list[str]:
    """Return the files in a folder that the integration does not look at; blocking."""
    seen = {file.path for file in files}
    found = (path for path in folder.rglob("*") if path.is_file())
    return sorted(
        name for path in found if (name := str(path.relative_to(folder))) not in seen
    )
