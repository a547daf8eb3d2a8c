-- Times are milliseconds since 1970. Secrets are encrypted; key_id says with which key.
CREATE TABLE accounts (
    id TEXT PRIMARY KEY NOT NULL,
    status TEXT NOT NULL,
    reason TEXT,
    vimeo_user TEXT,
    scopes TEXT,
    expires INTEGER,
    version INTEGER NOT NULL,
    created INTEGER NOT NULL,
    changed INTEGER NOT NULL,
    key_id TEXT,
    secrets BLOB
) WITHOUT ROWID;
CREATE INDEX accounts_by_status ON accounts (status, id);
CREATE INDEX accounts_by_user ON accounts (vimeo_user, id);
CREATE INDEX accounts_by_expiry ON accounts (expires) WHERE expires IS NOT NULL;

-- AUTOINCREMENT: a number is never used again, not even when the latest events were dropped.
CREATE TABLE events (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    account TEXT NOT NULL,
    from_status TEXT,
    to_status TEXT,
    reason TEXT,
    happened INTEGER NOT NULL
);
CREATE INDEX events_by_account ON events (account);

CREATE TABLE logins (
    name TEXT PRIMARY KEY NOT NULL,
    account TEXT NOT NULL,
    expires INTEGER NOT NULL,
    key_id TEXT NOT NULL,
    secrets BLOB NOT NULL
) WITHOUT ROWID;
CREATE INDEX logins_by_account ON logins (account);

CREATE TABLE leases (
    name TEXT PRIMARY KEY NOT NULL,
    holder TEXT NOT NULL,
    expires INTEGER NOT NULL
) WITHOUT ROWID;

CREATE TABLE connections (
    id TEXT PRIMARY KEY NOT NULL,
    name TEXT NOT NULL UNIQUE,
    description TEXT,
    enabled INTEGER NOT NULL,
    client_identifier TEXT NOT NULL,
    version INTEGER NOT NULL,
    created INTEGER NOT NULL,
    changed INTEGER NOT NULL,
    key_id TEXT NOT NULL,
    secrets BLOB NOT NULL
) WITHOUT ROWID;

CREATE TABLE budgets (
    name TEXT PRIMARY KEY NOT NULL,
    pool TEXT NOT NULL,
    changed INTEGER NOT NULL
) WITHOUT ROWID;
