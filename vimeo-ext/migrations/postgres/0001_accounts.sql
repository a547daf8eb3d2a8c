-- Times are milliseconds since 1970. Secrets are encrypted; key_id says with which key. Names are compared by bytes, so
-- that pages have one order in every database.
CREATE TABLE accounts (
    id TEXT COLLATE "C" PRIMARY KEY,
    status TEXT NOT NULL,
    reason TEXT,
    vimeo_user TEXT,
    scopes TEXT,
    expires BIGINT,
    version BIGINT NOT NULL,
    created BIGINT NOT NULL,
    changed BIGINT NOT NULL,
    key_id TEXT,
    secrets BYTEA
);
CREATE INDEX accounts_by_status ON accounts (status, id);
CREATE INDEX accounts_by_user ON accounts (vimeo_user, id);
CREATE INDEX accounts_by_expiry ON accounts (expires) WHERE expires IS NOT NULL;

CREATE TABLE events (
    number BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    account TEXT NOT NULL,
    from_status TEXT,
    to_status TEXT,
    reason TEXT,
    happened BIGINT NOT NULL
);
CREATE INDEX events_by_account ON events (account);

CREATE TABLE logins (
    name TEXT PRIMARY KEY,
    account TEXT NOT NULL,
    expires BIGINT NOT NULL,
    key_id TEXT NOT NULL,
    secrets BYTEA NOT NULL
);
CREATE INDEX logins_by_account ON logins (account);

CREATE TABLE leases (
    name TEXT PRIMARY KEY,
    holder TEXT NOT NULL,
    expires BIGINT NOT NULL
);

CREATE TABLE connections (
    id TEXT PRIMARY KEY,
    name TEXT COLLATE "C" NOT NULL UNIQUE,
    description TEXT,
    enabled BIGINT NOT NULL,
    client_identifier TEXT NOT NULL,
    version BIGINT NOT NULL,
    created BIGINT NOT NULL,
    changed BIGINT NOT NULL,
    key_id TEXT NOT NULL,
    secrets BYTEA NOT NULL
);

CREATE TABLE budgets (
    name TEXT PRIMARY KEY,
    pool TEXT NOT NULL,
    changed BIGINT NOT NULL
);
