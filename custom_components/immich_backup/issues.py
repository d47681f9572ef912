"""Repair issues: raised when a person must act, gone when the cause is."""

from enum import StrEnum

from homeassistant.core import HomeAssistant, callback
from homeassistant.helpers import issue_registry as ir

from .const import DOMAIN, REPOSITORY_URL


class Issue(StrEnum):
    """What a person can do something about; also the translation key."""

    FOLDER_MISSING = "folder_missing"
    FOLDER_NOT_ALLOWED = "folder_not_allowed"
    FOLDER_UNREADABLE = "folder_unreadable"
    FOLDER_EMPTY = "folder_empty"
    FOLDER_ELSEWHERE = "folder_elsewhere"
    FOLDER_RULES = "folder_rules"
    FOLDER_WHEN = "folder_when"
    NOTIFICATION = "notification"
    FOLDERS_OVERLAP = "folders_overlap"
    POLLING = "polling"
    PERMISSIONS = "permissions"
    FEATURE_PERMISSIONS = "feature_permissions"
    QUOTA = "quota"
    SERVER_TOO_OLD = "server_too_old"
    OTHER_USER = "other_user"
    FILE_TOO_LARGE = "file_too_large"
    PROOFS_LOST = "proofs_lost"
    ALBUMS_DELETED = "albums_deleted"


# A person's word settles these; for the others the cause has to go.
_FIXABLE = frozenset(
    (
        Issue.FOLDER_EMPTY,
        Issue.FOLDER_ELSEWHERE,
        Issue.OTHER_USER,
        Issue.FILE_TOO_LARGE,
        Issue.PROOFS_LOST,
        Issue.POLLING,
        Issue.ALBUMS_DELETED,
    )
)
_ERRORS = frozenset(
    (Issue.OTHER_USER, Issue.PERMISSIONS, Issue.QUOTA, Issue.SERVER_TOO_OLD)
)
# Said once by the engine, so that it has to outlast a restart; a person's word ends it.
_LASTING = frozenset((Issue.PROOFS_LOST,))


def _issue_id(issue: Issue, entry_id: str, subject: str | None) -> str:
    """Return the id of an issue about an account, or about a folder of it."""
    return "_".join(filter(None, (issue.value, entry_id, subject)))


@callback
def raise_issue(
    hass: HomeAssistant,
    issue: Issue,
    entry_id: str,
    subentry_id: str | None = None,
    **placeholders: str,
) -> None:
    """Tell the person; telling again replaces what was told."""
    ir.async_create_issue(
        hass,
        DOMAIN,
        _issue_id(issue, entry_id, subentry_id),
        data={"issue": issue.value, "entry_id": entry_id, "subentry_id": subentry_id},
        is_fixable=issue in _FIXABLE,
        is_persistent=issue in _LASTING,
        learn_more_url=f"{REPOSITORY_URL}#troubleshooting",
        severity=ir.IssueSeverity.ERROR
        if issue in _ERRORS
        else ir.IssueSeverity.WARNING,
        translation_key=issue.value,
        translation_placeholders=placeholders,
    )


@callback
def clear_issue(
    hass: HomeAssistant, issue: Issue, entry_id: str, subentry_id: str | None = None
) -> None:
    """Take an issue back; nothing happens if there is none."""
    ir.async_delete_issue(hass, DOMAIN, _issue_id(issue, entry_id, subentry_id))


@callback
def clear_all(
    hass: HomeAssistant, entry_id: str, subentry_id: str | None = None
) -> None:
    """Take back every issue of an account, or of one folder of it."""
    for issue in Issue:
        clear_issue(hass, issue, entry_id, subentry_id)


@callback
def clear_detected(
    hass: HomeAssistant, entry_id: str, subentry_id: str | None = None
) -> None:
    """Take back the issues that are raised again by themselves if they still hold."""
    for issue in Issue:
        if issue not in _LASTING:
            clear_issue(hass, issue, entry_id, subentry_id)
