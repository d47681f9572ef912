"""The ledger's tables; the only place that knows their shape and version."""

from ..model import Fate, FileState, Proof

VERSION = 3


def _one_of(column: str, values: type[FileState | Fate | Proof]) -> str:
    """Return the condition that a column holds a value of an enumeration."""
    return f"CHECK ({column} IN ({', '.join(f"'{value}'" for value in values)}))"


# Conditions of partial indexes; a query uses one only if it repeats its very words.
DECIDED = "state IN ('unwanted', 'waiting', 'failed', 'parked')"
QUEUED = "state IN ('waiting', 'failed')"
UNPROTECTED = "state <> 'protected'"

# What is to be done for each folder, and when it was last done; epoch seconds.
_AGENDA = """
CREATE TABLE agenda (
    folder INTEGER PRIMARY KEY REFERENCES folder ON DELETE CASCADE,
    since REAL NOT NULL,
    succeeded_at REAL,
    well_at REAL,
    scheduled_until REAL,
    owed INTEGER NOT NULL DEFAULT 0,
    overdue INTEGER NOT NULL DEFAULT 0
) STRICT;
"""

# Which folders are organised, which of their files still are to be, what was done for
# assets, which album is meant by a key (a name, or a trip), what files say of themselves
# that may belong together, and which photos belong to a trip; times in epoch seconds,
# days as ISO dates.
_ARRANGING = """
CREATE TABLE arranged (
    folder INTEGER PRIMARY KEY REFERENCES folder ON DELETE CASCADE
) STRICT;
CREATE TABLE unarranged (
    file INTEGER PRIMARY KEY REFERENCES file ON DELETE CASCADE,
    problem TEXT,
    attempts INTEGER NOT NULL DEFAULT 0,
    next_try REAL
) STRICT;
CREATE INDEX unarranged_next_try ON unarranged (next_try) WHERE next_try IS NOT NULL;
CREATE TABLE applied (
    asset_id TEXT NOT NULL,
    what TEXT NOT NULL,
    PRIMARY KEY (asset_id, what)
) STRICT, WITHOUT ROWID;
CREATE TABLE album (
    key TEXT PRIMARY KEY,
    id TEXT NOT NULL,
    title TEXT NOT NULL,
    deleted REAL,
    unwanted INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE TRIGGER file_protected AFTER UPDATE OF state ON file
WHEN new.state = 'protected' AND old.state <> 'protected'
AND EXISTS (SELECT 1 FROM arranged WHERE folder = new.folder) BEGIN
    INSERT INTO unarranged (file) VALUES (new.id)
    ON CONFLICT DO UPDATE SET attempts = 0, next_try = NULL;
END;
CREATE TABLE fact (
    file INTEGER PRIMARY KEY REFERENCES file ON DELETE CASCADE,
    facts TEXT NOT NULL
) STRICT;
CREATE TABLE trip (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    folder INTEGER NOT NULL REFERENCES folder ON DELETE CASCADE,
    place TEXT,
    asked INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX trip_folder ON trip (folder);
CREATE INDEX content_asset ON content (asset_id);
CREATE TABLE moment (
    folder INTEGER NOT NULL REFERENCES folder ON DELETE CASCADE,
    asset_id TEXT NOT NULL,
    at REAL NOT NULL,
    day TEXT NOT NULL,
    latitude REAL,
    longitude REAL,
    trip INTEGER REFERENCES trip ON DELETE SET NULL,
    PRIMARY KEY (folder, asset_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX moment_at ON moment (folder, at);
CREATE INDEX moment_trip ON moment (trip) WHERE trip IS NOT NULL;
CREATE TRIGGER trip_deleted AFTER DELETE ON trip BEGIN
    DELETE FROM album WHERE key = char(31) || printf('trip:%012d', old.id);
END;
"""

# Tally is kept by triggers, so that it is exact after every transaction and costs
# nothing to ask. Types and conditions are strict: what a broken disk makes of them is
# found when the ledger is opened.
STATEMENTS = f"""
CREATE TABLE folder (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    key TEXT NOT NULL UNIQUE,
    root BLOB,
    identity BLOB,
    baseline INTEGER NOT NULL DEFAULT 0,
    accepted INTEGER NOT NULL DEFAULT 0
) STRICT;
{_AGENDA}
CREATE TABLE directory (
    id INTEGER PRIMARY KEY,
    folder INTEGER NOT NULL REFERENCES folder ON DELETE CASCADE,
    path BLOB NOT NULL,
    fingerprint BLOB,
    UNIQUE (folder, path)
) STRICT;
CREATE TABLE file (
    id INTEGER PRIMARY KEY,
    folder INTEGER NOT NULL REFERENCES folder ON DELETE CASCADE,
    directory INTEGER NOT NULL REFERENCES directory ON DELETE CASCADE,
    name BLOB NOT NULL,
    size INTEGER NOT NULL,
    mtime_ns INTEGER NOT NULL,
    ctime_ns INTEGER NOT NULL,
    sha1 BLOB CHECK (length(sha1) = 20),
    state TEXT NOT NULL {_one_of("state", FileState)},
    reason TEXT NOT NULL,
    detail TEXT,
    rule TEXT,
    criterion TEXT,
    rules_version TEXT,
    reevaluate_at REAL,
    existing INTEGER NOT NULL DEFAULT 0,
    session INTEGER,
    settle_from REAL,
    attempts INTEGER NOT NULL DEFAULT 0,
    next_try REAL,
    missing_scan INTEGER,
    gone_at REAL,
    UNIQUE (directory, name)
) STRICT;
CREATE INDEX file_settling ON file (folder, settle_from) WHERE state = 'settling';
CREATE INDEX file_queue ON file (folder, next_try, id) WHERE {QUEUED};
CREATE INDEX file_decided ON file (folder, rules_version) WHERE {DECIDED};
CREATE INDEX file_reevaluate ON file (folder, reevaluate_at)
    WHERE reevaluate_at IS NOT NULL AND {DECIDED};
CREATE INDEX file_state ON file (state, folder) WHERE {UNPROTECTED};
CREATE INDEX file_sha1 ON file (sha1) WHERE sha1 IS NOT NULL;
CREATE INDEX file_missing ON file (folder, missing_scan)
    WHERE missing_scan IS NOT NULL;
CREATE TABLE content (
    sha1 BLOB PRIMARY KEY CHECK (length(sha1) = 20),
    size INTEGER NOT NULL,
    asset_id TEXT NOT NULL,
    fate TEXT NOT NULL {_one_of("fate", Fate)},
    proof TEXT NOT NULL {_one_of("proof", Proof)},
    proof_at REAL,
    stored_at REAL,
    absent INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;
CREATE INDEX content_absent ON content (sha1) WHERE absent;
CREATE TABLE superseded (
    file INTEGER NOT NULL REFERENCES file ON DELETE CASCADE,
    sha1 BLOB NOT NULL,
    asset_id TEXT NOT NULL,
    at REAL NOT NULL,
    counted INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (file, sha1)
) STRICT, WITHOUT ROWID;
CREATE TABLE wish (
    file INTEGER PRIMARY KEY REFERENCES file ON DELETE CASCADE,
    album TEXT,
    tags TEXT NOT NULL CHECK (json_valid(tags)),
    spooled INTEGER NOT NULL
) STRICT;
CREATE TABLE run (
    id TEXT PRIMARY KEY,
    trigger TEXT NOT NULL,
    folders TEXT NOT NULL CHECK (json_valid(folders)),
    started REAL NOT NULL,
    finished REAL,
    outcome TEXT,
    counts TEXT NOT NULL CHECK (json_valid(counts)),
    error TEXT
) STRICT;
CREATE INDEX run_started ON run (started);
CREATE TABLE scan (
    id INTEGER PRIMARY KEY,
    folder INTEGER NOT NULL REFERENCES folder ON DELETE CASCADE,
    started REAL NOT NULL,
    finished REAL,
    complete INTEGER NOT NULL DEFAULT 0,
    files INTEGER NOT NULL DEFAULT 0,
    errors INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX scan_folder ON scan (folder);
{_ARRANGING}
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT) STRICT, WITHOUT ROWID;
CREATE TABLE tally (
    folder INTEGER NOT NULL,
    state TEXT NOT NULL,
    files INTEGER NOT NULL,
    bytes INTEGER NOT NULL,
    PRIMARY KEY (folder, state)
) STRICT, WITHOUT ROWID;
CREATE TRIGGER file_inserted AFTER INSERT ON file BEGIN
    INSERT INTO tally VALUES (new.folder, new.state, 1, new.size)
    ON CONFLICT DO UPDATE SET files = files + 1, bytes = bytes + new.size;
END;
CREATE TRIGGER file_updated AFTER UPDATE OF state, size ON file
WHEN old.state <> new.state OR old.size <> new.size BEGIN
    UPDATE tally SET files = files - 1, bytes = bytes - old.size
    WHERE folder = old.folder AND state = old.state;
    INSERT INTO tally VALUES (new.folder, new.state, 1, new.size)
    ON CONFLICT DO UPDATE SET files = files + 1, bytes = bytes + new.size;
END;
CREATE TRIGGER file_deleted AFTER DELETE ON file BEGIN
    UPDATE tally SET files = files - 1, bytes = bytes - old.size
    WHERE folder = old.folder AND state = old.state;
END;
CREATE TRIGGER folder_deleted AFTER DELETE ON folder BEGIN
    DELETE FROM tally WHERE folder = old.id;
END;
"""

# What the triggers keep, counted anew.
RECOUNT = """
DELETE FROM tally;
INSERT INTO tally SELECT folder, state, count(*), sum(size) FROM file GROUP BY 1, 2;
"""

# How a ledger of an earlier version becomes one of the next; the tables are then defined
# by the very words of STATEMENTS.
MIGRATIONS = {1: _AGENDA, 2: _ARRANGING}
