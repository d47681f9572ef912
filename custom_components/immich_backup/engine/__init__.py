"""The backup engine: files, rules, a ledger and an Immich server; no Home Assistant."""

from .context import Context, OpenContext
from .engine import Engine
from .model import Detection, FileState, Folder, RunTrigger, Wish
from .outbox import UploadItem, UploadOutcome, UploadState
from .overview import FolderOverview, Overview
from .rules import MediaKind, Rule, RuleAction, RuleError, RuleSet, parse_rule

__all__ = [
    "Context",
    "Detection",
    "Engine",
    "FileState",
    "Folder",
    "FolderOverview",
    "MediaKind",
    "OpenContext",
    "Overview",
    "Rule",
    "RuleAction",
    "RuleError",
    "RuleSet",
    "RunTrigger",
    "UploadItem",
    "UploadOutcome",
    "UploadState",
    "Wish",
    "parse_rule",
]
