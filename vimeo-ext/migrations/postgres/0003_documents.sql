-- Small records of a service that is built on the accounts. Times are milliseconds since 1970.
CREATE TABLE documents (
    collection TEXT COLLATE "C" NOT NULL,
    id TEXT COLLATE "C" NOT NULL,
    version BIGINT NOT NULL,
    expires BIGINT,
    content BYTEA NOT NULL,
    PRIMARY KEY (collection, id)
);
CREATE INDEX documents_by_expiry ON documents (expires) WHERE expires IS NOT NULL;
