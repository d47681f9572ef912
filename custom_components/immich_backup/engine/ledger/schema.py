"""The ledger's tables; the only place that knows their shape and version."""

VERSION = 1

# Tally is kept by triggers, so that it is exact after every transaction and costs
# nothing to ask.
STATEMENTS = """
CREATE TABLE folder (
    id INTEGER PRIMARY KEY,
    key TEXT NOT NULL UNIQUE,
    root TEXT,
    identity TEXT,
    baseline INTEGER NOT NULL DEFAULT 0,
    accepted_empty INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE directory (
    id INTEGER PRIMARY KEY,
    folder INTEGER NOT NULL REFERENCES folder ON DELETE CASCADE,
    path BLOB NOT NULL,
    fingerprint BLOB,
    scan INTEGER NOT NULL DEFAULT 0,
    UNIQUE (folder, path)
);
CREATE TABLE file (
    id INTEGER PRIMARY KEY,
    folder INTEGER NOT NULL REFERENCES folder ON DELETE CASCADE,
    directory INTEGER NOT NULL REFERENCES directory ON DELETE CASCADE,
    name BLOB NOT NULL,
    size INTEGER NOT NULL,
    mtime_ns INTEGER NOT NULL,
    ctime_ns INTEGER NOT NULL,
    sha1 BLOB,
    state TEXT NOT NULL,
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
    UNIQUE (directory, name)
);
CREATE INDEX file_settling ON file (folder, settle_from) WHERE state = 'settling';
CREATE INDEX file_queue ON file (folder, id) WHERE state IN ('waiting', 'failed');
CREATE INDEX file_state ON file (folder, state);
CREATE INDEX file_sha1 ON file (sha1) WHERE sha1 IS NOT NULL;
CREATE INDEX file_reevaluate ON file (reevaluate_at) WHERE reevaluate_at IS NOT NULL;
CREATE INDEX file_missing ON file (folder) WHERE missing_scan IS NOT NULL;
CREATE TABLE content (
    sha1 BLOB PRIMARY KEY,
    size INTEGER NOT NULL,
    asset_id TEXT NOT NULL,
    fate TEXT NOT NULL,
    proof TEXT NOT NULL,
    proof_at REAL
) WITHOUT ROWID;
CREATE TABLE superseded (
    file INTEGER NOT NULL REFERENCES file ON DELETE CASCADE,
    sha1 BLOB NOT NULL,
    asset_id TEXT NOT NULL,
    at REAL NOT NULL,
    PRIMARY KEY (file, sha1)
) WITHOUT ROWID;
CREATE TABLE wish (
    file INTEGER PRIMARY KEY REFERENCES file ON DELETE CASCADE,
    album TEXT,
    tags TEXT NOT NULL,
    spooled INTEGER NOT NULL
);
CREATE TABLE run (
    id TEXT PRIMARY KEY,
    trigger TEXT NOT NULL,
    folders TEXT NOT NULL,
    started REAL NOT NULL,
    finished REAL,
    outcome TEXT,
    counts TEXT NOT NULL,
    error TEXT
);
CREATE INDEX run_started ON run (started);
CREATE TABLE scan (
    id INTEGER PRIMARY KEY,
    folder INTEGER NOT NULL REFERENCES folder ON DELETE CASCADE,
    started REAL NOT NULL,
    finished REAL,
    complete INTEGER NOT NULL DEFAULT 0,
    files INTEGER NOT NULL DEFAULT 0,
    errors INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX scan_folder ON scan (folder);
CREATE TABLE meta (key TEXT PRIMARY KEY, value) WITHOUT ROWID;
CREATE TABLE tally (
    folder INTEGER NOT NULL,
    state TEXT NOT NULL,
    files INTEGER NOT NULL,
    bytes INTEGER NOT NULL,
    PRIMARY KEY (folder, state)
) WITHOUT ROWID;
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
