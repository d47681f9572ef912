-- What the simulated server remembers. Instants are microseconds since 1970.
CREATE TABLE IF NOT EXISTS settings (
  key TEXT PRIMARY KEY,
  value TEXT NOT NULL
) WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS users (
  id TEXT PRIMARY KEY,
  email TEXT NOT NULL UNIQUE,
  name TEXT NOT NULL,
  password TEXT NOT NULL,
  is_admin INTEGER NOT NULL,
  avatar_color TEXT NOT NULL,
  storage_label TEXT,
  quota_size INTEGER,
  quota_usage INTEGER NOT NULL DEFAULT 0,
  should_change_password INTEGER NOT NULL DEFAULT 1,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  deleted_at INTEGER
);

CREATE TABLE IF NOT EXISTS api_keys (
  id TEXT PRIMARY KEY,
  user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
  name TEXT NOT NULL,
  secret BLOB NOT NULL UNIQUE,
  permissions TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL
);

CREATE TABLE IF NOT EXISTS sessions (
  id TEXT PRIMARY KEY,
  user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
  token BLOB NOT NULL UNIQUE,
  created_at INTEGER NOT NULL
);

CREATE TABLE IF NOT EXISTS stacks (
  id TEXT PRIMARY KEY,
  owner_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
  primary_asset_id TEXT NOT NULL,
  created_at INTEGER NOT NULL
);

CREATE TABLE IF NOT EXISTS libraries (
  id TEXT PRIMARY KEY,
  owner_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
  name TEXT NOT NULL,
  created_at INTEGER NOT NULL
);

-- path is where the bytes lie on this machine, original_path what the API tells.
-- needs_metadata and needs_thumbnail say what the jobs still have to do. dying is an
-- asset that was deleted for good and waits for the job that removes it.
CREATE TABLE IF NOT EXISTS assets (
  id TEXT PRIMARY KEY,
  owner_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
  library_id TEXT REFERENCES libraries (id) ON DELETE CASCADE,
  type TEXT NOT NULL,
  path TEXT NOT NULL,
  sidecar_path TEXT,
  original_path TEXT NOT NULL,
  original_file_name TEXT NOT NULL,
  checksum BLOB NOT NULL,
  size INTEGER NOT NULL,
  file_created_at INTEGER NOT NULL,
  file_modified_at INTEGER NOT NULL,
  local_date_time INTEGER NOT NULL,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  deleted_at INTEGER,
  dying INTEGER NOT NULL DEFAULT 0,
  is_favorite INTEGER NOT NULL DEFAULT 0,
  is_offline INTEGER NOT NULL DEFAULT 0,
  visibility TEXT NOT NULL DEFAULT 'timeline',
  duration INTEGER,
  live_photo_video_id TEXT,
  stack_id TEXT REFERENCES stacks (id) ON DELETE SET NULL,
  width INTEGER,
  height INTEGER,
  thumbhash TEXT,
  exif TEXT NOT NULL,
  edits TEXT NOT NULL DEFAULT '{}',
  needs_metadata INTEGER NOT NULL DEFAULT 1,
  needs_thumbnail INTEGER NOT NULL DEFAULT 1
);
-- One asset per owner and content, uploads and each library counted apart.
CREATE UNIQUE INDEX IF NOT EXISTS assets_content
  ON assets (owner_id, checksum, coalesce(library_id, ''));
CREATE INDEX IF NOT EXISTS assets_time ON assets (owner_id, file_created_at);
CREATE INDEX IF NOT EXISTS assets_jobs ON assets (created_at)
  WHERE needs_metadata OR needs_thumbnail;
CREATE INDEX IF NOT EXISTS assets_dying ON assets (deleted_at) WHERE dying;
CREATE INDEX IF NOT EXISTS assets_stack ON assets (stack_id)
  WHERE stack_id IS NOT NULL;

CREATE TABLE IF NOT EXISTS asset_metadata (
  asset_id TEXT NOT NULL REFERENCES assets (id) ON DELETE CASCADE,
  key TEXT NOT NULL,
  value TEXT NOT NULL,
  updated_at INTEGER NOT NULL,
  PRIMARY KEY (asset_id, key)
) WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS albums (
  id TEXT PRIMARY KEY,
  owner_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
  name TEXT NOT NULL,
  description TEXT NOT NULL,
  thumbnail_asset_id TEXT,
  is_activity_enabled INTEGER NOT NULL DEFAULT 1,
  asset_order TEXT NOT NULL DEFAULT 'desc',
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL
);

CREATE TABLE IF NOT EXISTS album_users (
  album_id TEXT NOT NULL REFERENCES albums (id) ON DELETE CASCADE,
  user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
  role TEXT NOT NULL,
  PRIMARY KEY (album_id, user_id)
);

CREATE TABLE IF NOT EXISTS album_assets (
  album_id TEXT NOT NULL REFERENCES albums (id) ON DELETE CASCADE,
  asset_id TEXT NOT NULL REFERENCES assets (id) ON DELETE CASCADE,
  PRIMARY KEY (album_id, asset_id)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS album_assets_asset ON album_assets (asset_id);

CREATE TABLE IF NOT EXISTS tags (
  id TEXT PRIMARY KEY,
  user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
  parent_id TEXT REFERENCES tags (id) ON DELETE CASCADE,
  value TEXT NOT NULL,
  color TEXT,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL,
  UNIQUE (user_id, value)
);

CREATE TABLE IF NOT EXISTS tag_assets (
  tag_id TEXT NOT NULL REFERENCES tags (id) ON DELETE CASCADE,
  asset_id TEXT NOT NULL REFERENCES assets (id) ON DELETE CASCADE,
  PRIMARY KEY (tag_id, asset_id)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS tag_assets_asset ON tag_assets (asset_id);
