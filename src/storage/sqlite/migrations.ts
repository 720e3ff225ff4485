/** Each entry runs once, in order. Never change an entry: add a new one. */
export const migrations = [
  `CREATE TABLE connections (
     revision TEXT PRIMARY KEY,
     id TEXT NOT NULL,
     account_id TEXT NOT NULL,
     owner TEXT NOT NULL,
     access_token TEXT NOT NULL,
     metadata TEXT NOT NULL,
     connected_at_ms INTEGER NOT NULL,
     token_invalidated INTEGER NOT NULL,
     UNIQUE (account_id, owner)
   ) STRICT;
   CREATE TABLE used_states (
     id TEXT PRIMARY KEY,
     expires_at_ms INTEGER NOT NULL
   ) STRICT;
   CREATE INDEX used_states_by_expiry ON used_states (expires_at_ms);`,
  `ALTER TABLE connections ADD COLUMN disconnecting INTEGER NOT NULL DEFAULT 0;
   CREATE TABLE webhooks (
     secret_hash TEXT PRIMARY KEY,
     connection_id TEXT NOT NULL,
     account_id TEXT NOT NULL,
     owner TEXT NOT NULL,
     list_id TEXT NOT NULL,
     created_at_ms INTEGER NOT NULL,
     webhook_id TEXT,
     signing_secret TEXT
   ) STRICT;
   CREATE INDEX webhooks_by_connection ON webhooks (connection_id);
   CREATE TABLE deliveries (
     id INTEGER PRIMARY KEY AUTOINCREMENT,
     connection_id TEXT NOT NULL,
     list_id TEXT NOT NULL,
     kind TEXT NOT NULL,
     member_id TEXT,
     new_member_id TEXT,
     arrived_at INTEGER NOT NULL
   ) STRICT;
   CREATE INDEX deliveries_by_connection ON deliveries (connection_id, arrived_at, id);
   CREATE INDEX deliveries_by_arrival ON deliveries (arrived_at);`,
  `CREATE TABLE jobs (
     id TEXT PRIMARY KEY,
     account_id TEXT NOT NULL,
     owner TEXT NOT NULL,
     connection_id TEXT NOT NULL,
     request_key TEXT NOT NULL UNIQUE,
     request TEXT NOT NULL,
     state TEXT NOT NULL,
     attempt INTEGER NOT NULL,
     progress TEXT NOT NULL,
     error TEXT,
     created_at_ms INTEGER NOT NULL,
     started_at_ms INTEGER,
     ended_at_ms INTEGER,
     expires_at_ms INTEGER,
     open_before INTEGER NOT NULL,
     parts TEXT NOT NULL
   ) STRICT;
   CREATE INDEX jobs_by_owner ON jobs (account_id, owner, created_at_ms, id);
   CREATE INDEX jobs_by_connection ON jobs (connection_id);
   CREATE INDEX jobs_by_expiry ON jobs (expires_at_ms);
   CREATE INDEX open_jobs ON jobs (open_before, created_at_ms, id) WHERE state IN ('queued', 'running');
   CREATE INDEX open_jobs_by_account ON jobs (account_id) WHERE state IN ('queued', 'running');`,
  `ALTER TABLE jobs ADD COLUMN columns TEXT;`,
]
