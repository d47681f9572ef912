"""What happened to the files, as a table for people and as an object for programmes."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
import json
from pathlib import Path
from typing import Any

from .server import Server

_ROWS = 50
_WANTED = frozenset(("waiting", "failed", "parked", "protected", "settling"))
_FAILED = frozenset(("failed", "parked"))


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
    """All that a demonstration has to tell."""

    home_assistant: str
    url: str
    server: Server
    folder: str
    files: Sequence[File]
    uploaded: int
    duplicates: int
    seconds: float
    entities: Mapping[str, str]
    log: Sequence[str]

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
                "files": [asdict(file) for file in self.files],
                "entities": dict(self.entities),
                "log": list(self.log),
                "error": None,
            },
            ensure_ascii=False,
        )

    def as_text(self) -> str:
        """Return a table of the files and what it adds up to."""
        # What is not proven comes first: it is what a person looks for.
        ordered = sorted(self.files, key=lambda file: file.state == "protected")
        rows = [("File", "State", "Why")]
        rows += [(file.path, file.state, file.reason_text) for file in ordered[:_ROWS]]
        width = max(len(row[0]) for row in rows)
        lines = [f"  {name:{width}}  {state:10}  {why}" for name, state, why in rows]
        if (more := len(ordered) - _ROWS) > 0:
            lines.append(f"  … and {more} more")
        return "\n".join([*lines, "", *self._summary()])

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
        if self.log:
            lines += ["", "Home Assistant's log complains:", *self.log]
        return lines


def ignored_names(folder: Path, files: Sequence[File]) -> list[str]:
    """Return the files in a folder that the integration does not look at; blocking."""
    seen = {file.path for file in files}
    found = (path for path in folder.rglob("*") if path.is_file())
    return sorted(
        name for path in found if (name := str(path.relative_to(folder))) not in seen
    )
