-- With all that a page is commonly filtered by, so that the few that it is about are found in the index alone.
DROP INDEX accounts_by_expiry;
CREATE INDEX accounts_by_expiry ON accounts (expires, status, id) WHERE expires IS NOT NULL;
-- For the rotation of keys: what is left to do, and that nothing is.
CREATE INDEX accounts_by_key ON accounts (key_id, id) WHERE key_id IS NOT NULL;
