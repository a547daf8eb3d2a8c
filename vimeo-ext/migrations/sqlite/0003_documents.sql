-- Small records of a service that is built on the accounts. Times are milliseconds since 1970.
CREATE TABLE documents (
    collection TEXT NOT NULL,
    id TEXT NOT NULL,
    version INTEGER NOT NULL,
    expires INTEGER,
    content BLOB NOT NULL,
    PRIMARY KEY (collection, id)
) WITHOUT ROWID;
CREATE INDEX documents_by_expiry ON documents (expires) WHERE expires IS NOT NULL;
