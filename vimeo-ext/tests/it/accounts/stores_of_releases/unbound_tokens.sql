-- A store as SQLite dumps it, from before tokens were bound to the API that they are for. Its key is 32 times the byte 7.
BEGIN TRANSACTION;
CREATE TABLE _sqlx_migrations (
    version BIGINT PRIMARY KEY,
    description TEXT NOT NULL,
    installed_on TIMESTAMP NOT NULL DEFAULT CURRENT_TIMESTAMP,
    success BOOLEAN NOT NULL,
    checksum BLOB NOT NULL,
    execution_time BIGINT NOT NULL
);
INSERT INTO "_sqlx_migrations" VALUES(1,'accounts','2026-11-30 07:22:39',1,X'A27C3E6119A329DEA6BEBD18052EA5C83B0CF0C79B94D9EF8D93D61F33C6EE2B9AA06A1BA5D2CF27F976067A72CA405F',1252182);
INSERT INTO "_sqlx_migrations" VALUES(2,'pages','2026-11-30 07:22:39',1,X'034B91C38A59611F9362CA574D16E0158265FD1BB0ED1EA9934F6DBEE23A8649D4848B26305750A25CD6867DA148A3F4',444742);
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
INSERT INTO "accounts" VALUES('connected','active','a token was given','/users/900000123','public private purchased create edit delete interact upload promo_codes stats video_files ai',NULL,2,1796023359319,1796023359330,'a97146c97901e53b',X'F944E4772EFBB813C1DB2C166422BD26441B833E4C75E38CF149BC9CF70E2BAFC1309EB84C4E679FCB8C48602D6189C1DA2EA50A463D072C0A75D446A888E870AFF551D1B972361869');
INSERT INTO "accounts" VALUES('disabled','disabled','too many requests','/users/900000123','public private purchased create edit delete interact upload promo_codes stats video_files ai',NULL,3,1796023359358,1796023359389,'a97146c97901e53b',X'CB37FD423B9DFEB2CB612CE41C07C41E8849450F37183C2544EF974DF8EBE2E804992C195F079F207201239A72DB27FB64979768D9FB16E01F19923311C30C5B6F8053D006EF139B5D');
INSERT INTO "accounts" VALUES('new','pending',NULL,NULL,NULL,NULL,1,1796023359338,1796023359338,NULL,NULL);
CREATE TABLE budgets (
    name TEXT PRIMARY KEY NOT NULL,
    pool TEXT NOT NULL,
    changed INTEGER NOT NULL
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
CREATE TABLE events (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    account TEXT NOT NULL,
    from_status TEXT,
    to_status TEXT,
    reason TEXT,
    happened INTEGER NOT NULL
);
INSERT INTO "events" VALUES(1,'connected',NULL,'pending',NULL,1796023359319);
INSERT INTO "events" VALUES(2,'connected','pending','active','a token was given',1796023359330);
INSERT INTO "events" VALUES(3,'new',NULL,'pending',NULL,1796023359338);
INSERT INTO "events" VALUES(4,'disabled',NULL,'pending',NULL,1796023359358);
INSERT INTO "events" VALUES(5,'disabled','pending','active','a token was given',1796023359382);
INSERT INTO "events" VALUES(6,'disabled','active','disabled','too many requests',1796023359389);
CREATE TABLE leases (
    name TEXT PRIMARY KEY NOT NULL,
    holder TEXT NOT NULL,
    expires INTEGER NOT NULL
) WITHOUT ROWID;
CREATE TABLE logins (
    name TEXT PRIMARY KEY NOT NULL,
    account TEXT NOT NULL,
    expires INTEGER NOT NULL,
    key_id TEXT NOT NULL,
    secrets BLOB NOT NULL
) WITHOUT ROWID;
CREATE INDEX accounts_by_status ON accounts (status, id);
CREATE INDEX accounts_by_user ON accounts (vimeo_user, id);
CREATE INDEX events_by_account ON events (account);
CREATE INDEX logins_by_account ON logins (account);
CREATE INDEX accounts_by_expiry ON accounts (expires, status, id) WHERE expires IS NOT NULL;
CREATE INDEX accounts_by_key ON accounts (key_id, id) WHERE key_id IS NOT NULL;
DELETE FROM "sqlite_sequence";
INSERT INTO "sqlite_sequence" VALUES('events',6);
COMMIT;
