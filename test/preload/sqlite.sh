#!/bin/bash
# SPDX-License-Identifier: MIT
# Protects users of sqlite: a database in one process behaves on pinned memory as without the shim.
# shellcheck source=test/preload/common
. "$(dirname "$0")/common"
need sqlite3

cat >scenario.sql <<'SCENARIO'
PRAGMA cache_size = -20000;
CREATE TABLE item (id INTEGER PRIMARY KEY, grp INT, name TEXT, body BLOB);
BEGIN;
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 60000)
INSERT INTO item SELECT i, i % 97, 'name' || (i * 7919 % 60013), zeroblob(i % 300) FROM n;
COMMIT;
CREATE INDEX item_name ON item (name);
SELECT grp, count(*), sum(length(body)), max(name) FROM item GROUP BY grp ORDER BY 2, 1;
SELECT a.id, b.id FROM item a JOIN item b ON a.name = 'name' || b.id WHERE b.id < 200 ORDER BY 1;
SELECT id, row_number() OVER (PARTITION BY grp ORDER BY name DESC) AS r FROM item ORDER BY r, id LIMIT 99;
UPDATE item SET body = zeroblob(5000) WHERE id % 50 = 0;
DELETE FROM item WHERE grp IN (3, 5, 7);
SELECT group_concat(name, ',') FROM (SELECT name FROM item ORDER BY name LIMIT 5000);
VACUUM;
PRAGMA integrity_check;
SELECT count(*), sum(length(body)) FROM item;
SCENARIO
same sqlite3 bash -c 'sqlite3 :memory: <scenario.sql'
same sqlite3 bash -c 'sqlite3 on.disk <scenario.sql && cksum on.disk && rm on.disk'
