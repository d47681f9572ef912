"""Keeps an account's repair issues true: raised by what the engine tells, gone when cured."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING

from homeassistant.config_entries import ConfigSubentry
from homeassistant.const import CONF_PATH, CONF_URL
from homeassistant.core import HomeAssistant, callback

from .const import DOMAIN, LOGGER, NEEDED_PERMISSIONS, PERMISSIONS, SUBENTRY_FOLDER
from .engine import Detection, Engine, FileState, Overview, RuleError
from .engine.events import (
    Event,
    FileTooLarge,
    FolderChanged,
    Halted,
    PollingFallback,
    ProofsLost,
    RunFinished,
)
from .engine.ledger import LedgerError
from .engine.model import FolderTrouble, Halt, Reason, RunOutcome
from .engine.texts import halt_text, permission_of
from .folders import path_of
from .immich import User
from .issues import Issue, clear_all, clear_detected, clear_issue, raise_issue

if TYPE_CHECKING:
    from .manager import ImmichBackupConfigEntry

_FOLDER_ISSUES: Mapping[FolderTrouble, Issue] = MappingProxyType(
    {
        FolderTrouble.MISSING: Issue.FOLDER_MISSING,
        FolderTrouble.NOT_A_DIRECTORY: Issue.FOLDER_MISSING,
        FolderTrouble.NOT_ALLOWED: Issue.FOLDER_NOT_ALLOWED,
        FolderTrouble.UNREADABLE: Issue.FOLDER_UNREADABLE,
        FolderTrouble.SUDDENLY_EMPTY: Issue.FOLDER_EMPTY,
        FolderTrouble.OTHER_FILE_SYSTEM: Issue.FOLDER_ELSEWHERE,
    }
)
_HALT_ISSUES: Mapping[Halt, Issue] = MappingProxyType(
    {
        Halt.QUOTA: Issue.QUOTA,
        Halt.SERVER_TOO_OLD: Issue.SERVER_TOO_OLD,
        Halt.OTHER_USER: Issue.OTHER_USER,
    }
)
# So many deleted albums are named.
_NAMED_ALBUMS = 10


class IssueKeeper:
    """The issues of one account and its folders."""

    def __init__(
        self, hass: HomeAssistant, entry: ImmichBackupConfigEntry, engine: Engine
    ) -> None:
        """Begin without any issue."""
        self._hass = hass
        self._entry = entry
        self._engine = engine
        # What stopped uploads and is not known to be cured: the engine tries again now
        # and then, which does not mean that it works.
        self.halt: Halt | None = None
        # Permissions that the key lacks: what the server says of the key, and what it
        # refused, of which it is not known yet that it would be granted now.
        self._missing: frozenset[str] = frozenset()
        self._refused: frozenset[str] = frozenset()
        self._polling: set[str] = set()
        # What was told of folders and notifications that can't be used as configured.
        self._problems: dict[tuple[Issue, str], tuple[str, ...]] = {}
        self._overlaps: frozenset[str] = frozenset()
        self._deleted_albums: tuple[str, ...] = ()

    @callback
    def handle(self, event: Event) -> None:
        """Take what the engine tells."""
        match event:
            case FolderChanged(folder, trouble):
                self._folder_changed(folder, trouble)
            case PollingFallback(folder, _):
                self._polling.add(folder)
                self._raise_for_folder(Issue.POLLING, folder)
            case Halted(halt, detail) if halt is not None:
                self._halted(halt, detail or "")
            case RunFinished(run):
                if run.outcome in (RunOutcome.COMPLETED, RunOutcome.WITH_ERRORS):
                    self._cured()
                self._look_for_large_files_soon()
            case FileTooLarge():
                self._look_for_large_files_soon()
            case ProofsLost(count):
                self._raise(Issue.PROOFS_LOST, count=str(count))

    @callback
    def look(self, overview: Overview) -> None:
        """Take back what the numbers disprove."""
        waiting = overview.tally.count(FileState.WAITING, FileState.FAILED)
        if overview.halt is None and overview.run is None and not waiting:
            self._cured()
        for key in list(self._polling):
            folder, numbers = self._engine.folders.get(key), overview.folders.get(key)
            if folder is None or numbers is None:
                continue
            if not numbers.polling or folder.detection is Detection.POLLING:
                self._polling.discard(key)
                clear_issue(self._hass, Issue.POLLING, self._entry.entry_id, key)
        self._look_at_overlaps()
        self._look_at_albums(tuple(overview.deleted_albums))

    async def look_for_large_files(self) -> None:
        """Tell of files that a proxy refuses, for as long as there are any."""
        try:
            file = await self._engine.largest_parked(Reason.TOO_LARGE)
        except LedgerError as err:
            LOGGER.debug("The ledger can't be asked for large files: %s", err)
            return
        if file is None:
            clear_issue(self._hass, Issue.FILE_TOO_LARGE, self._entry.entry_id)
            return
        path = path_of(self._entry, file)
        self._raise(
            Issue.FILE_TOO_LARGE,
            file=Path(path).name,
            path=path,
            size=f"{file.size / 1e6:.0f}",
        )

    @callback
    def _look_at_albums(self, deleted: tuple[str, ...]) -> None:
        """Ask about albums that were deleted in Immich while files still go there."""
        if deleted == self._deleted_albums:
            return
        self._deleted_albums = deleted
        if not deleted:
            clear_issue(self._hass, Issue.ALBUMS_DELETED, self._entry.entry_id)
            return
        names = [f"“{name}”" for name in deleted[:_NAMED_ALBUMS]]
        if len(deleted) > len(names):
            names.append("…")
        self._raise(
            Issue.ALBUMS_DELETED, albums=", ".join(names), count=str(len(deleted))
        )

    @callback
    def permissions_told(self, missing: frozenset[str]) -> bool:
        """Take what the server says of the key: which permissions it lacks.

        Returns whether it lacked more before.
        """
        more = bool(self._missing - missing)
        self._missing = missing
        self._tell_permissions()
        return more

    @callback
    def rules_unreadable(self, subentry: ConfigSubentry, error: RuleError) -> None:
        """Tell that a folder is not tended because of a broken rule."""
        raise_issue(
            self._hass,
            Issue.FOLDER_RULES,
            self._entry.entry_id,
            subentry.subentry_id,
            folder=subentry.title,
            field=error.field,
        )

    @callback
    def rules_readable(self, subentry: ConfigSubentry) -> None:
        """Take that back."""
        clear_issue(
            self._hass, Issue.FOLDER_RULES, self._entry.entry_id, subentry.subentry_id
        )

    @callback
    def look_at_when(
        self, folder_id: str, folder: str, problems: Sequence[str]
    ) -> None:
        """Tell what can't be used of when a folder is backed up, or take that back."""
        self._look_at(Issue.FOLDER_WHEN, folder_id, problems, folder=folder)

    @callback
    def look_at_notification(
        self, notification_id: str, name: str, problems: Sequence[str]
    ) -> None:
        """Tell what keeps a notification from reaching people, or take that back."""
        self._look_at(Issue.NOTIFICATION, notification_id, problems, name=name)

    @callback
    def _look_at(
        self, issue: Issue, subentry_id: str, problems: Sequence[str], **names: str
    ) -> None:
        """Tell problems, or that there are none any more; each of them once."""
        if self._problems.get((issue, subentry_id), ()) == (told := tuple(problems)):
            return
        self._problems[issue, subentry_id] = told
        if told:
            raise_issue(
                self._hass,
                issue,
                self._entry.entry_id,
                subentry_id,
                problems="\n".join(f"- {problem}" for problem in told),
                **names,
            )
        else:
            clear_issue(self._hass, issue, self._entry.entry_id, subentry_id)

    @callback
    def forget_folder(self, folder_id: str) -> None:
        """Take back all that is about a folder."""
        self._polling.discard(folder_id)
        self._problems.pop((Issue.FOLDER_WHEN, folder_id), None)
        clear_all(self._hass, self._entry.entry_id, folder_id)

    @callback
    def forget(self) -> None:
        """Take back what is found out again when the account is loaded again."""
        clear_detected(self._hass, self._entry.entry_id)
        for folder_id in self._entry.subentries:
            clear_detected(self._hass, self._entry.entry_id, folder_id)
        for pair in self._overlaps:
            clear_issue(self._hass, Issue.FOLDERS_OVERLAP, self._entry.entry_id, pair)

    @callback
    def _look_at_overlaps(self) -> None:
        """Tell of folders that have files in common, while there are any."""
        told, self._overlaps = (
            self._overlaps,
            frozenset("_".join(pair) for pair in self._engine.overlaps),
        )
        for subject in told - self._overlaps:
            clear_issue(
                self._hass, Issue.FOLDERS_OVERLAP, self._entry.entry_id, subject
            )
        for pair in self._engine.overlaps:
            if (subject := "_".join(pair)) not in told:
                first, second = (self._engine.folders[key].name for key in pair)
                raise_issue(
                    self._hass,
                    Issue.FOLDERS_OVERLAP,
                    self._entry.entry_id,
                    subject,
                    first=first,
                    second=second,
                )

    @callback
    def _folder_changed(self, folder_id: str, trouble: FolderTrouble | None) -> None:
        """Raise or clear the issues about a folder's root."""
        current = None if trouble is None else _FOLDER_ISSUES[trouble]
        for issue in set(_FOLDER_ISSUES.values()) - {current}:
            clear_issue(self._hass, issue, self._entry.entry_id, folder_id)
        if current is not None:
            self._raise_for_folder(current, folder_id)

    @callback
    def _halted(self, halt: Halt, detail: str) -> None:
        """Tell what a person must do before uploads go on."""
        if halt is not self.halt:
            self._cured()
            LOGGER.warning(
                "%s: nothing can be backed up now: %s",
                self._entry.title,
                halt_text(halt, detail),
            )
        self.halt = halt
        match halt:
            case Halt.UNAUTHORISED:
                self._entry.async_start_reauth(self._hass)
            case Halt.PERMISSION:
                permission = permission_of(detail)
                self._refused = frozenset((permission,)) if permission else PERMISSIONS
                self._tell_permissions()
            case Halt.QUOTA:
                self._raise(Issue.QUOTA, url=self._url)
            case Halt.SERVER_TOO_OLD:
                self._raise(Issue.SERVER_TOO_OLD, url=self._url, version=detail)
            case Halt.OTHER_USER:
                self._other_user()

    @callback
    def _other_user(self) -> None:
        """Tell that files would go to another user from now on."""
        link = self._engine.link
        self._raise(
            Issue.OTHER_USER,
            url=self._url,
            before=link.expected_name or "another user",
            user=_name_of(link.user),
            folders=", ".join(
                subentry.title
                for subentry in self._entry.get_subentries_of_type(SUBENTRY_FOLDER)
            )
            or "–",
        )

    @callback
    def _tell_permissions(self) -> None:
        """Tell all permissions that the key lacks, in one issue, or take it back."""
        missing = self._missing | self._refused
        issue = (
            Issue.PERMISSIONS
            if self._refused or missing & NEEDED_PERMISSIONS
            else Issue.FEATURE_PERMISSIONS
        )
        for other in (Issue.PERMISSIONS, Issue.FEATURE_PERMISSIONS):
            if other is not issue or not missing:
                clear_issue(self._hass, other, self._entry.entry_id)
        if missing:
            self._raise(issue, url=self._url, permissions="\n".join(sorted(missing)))

    @callback
    def _cured(self) -> None:
        """Take back what stopped uploads: it does no longer."""
        if self.halt is not None and self.halt in _HALT_ISSUES:
            clear_issue(self._hass, _HALT_ISSUES[self.halt], self._entry.entry_id)
        self.halt = None
        if self._refused:
            self._refused = frozenset()
            self._tell_permissions()

    @callback
    def _look_for_large_files_soon(self) -> None:
        """Ask the ledger when there is time."""
        self._entry.async_create_background_task(
            self._hass, self.look_for_large_files(), f"{DOMAIN} look for large files"
        )

    @property
    def _url(self) -> str:
        """Return where the account's server is."""
        url: str = self._entry.data[CONF_URL]
        return url

    @callback
    def _raise_for_folder(self, issue: Issue, folder_id: str) -> None:
        """Raise an issue about a folder."""
        subentry = self._entry.subentries.get(folder_id)
        if subentry is not None:
            raise_issue(
                self._hass,
                issue,
                self._entry.entry_id,
                folder_id,
                folder=subentry.title,
                path=subentry.data[CONF_PATH],
            )

    @callback
    def _raise(self, issue: Issue, **placeholders: str) -> None:
        """Raise an issue about the account."""
        raise_issue(
            self._hass,
            issue,
            self._entry.entry_id,
            account=self._entry.title,
            **placeholders,
        )


def _name_of(user: User | None) -> str:
    """Return what a user of the server is called."""
    return "another user" if user is None else user.name or user.email
