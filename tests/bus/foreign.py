# SPDX-License-Identifier: LGPL-2.1-or-later
"""Databases shaped like those that other applications make: what they use of SQLite, and names that may collide.

test_foreign_databases.py tries on each: adoption, a day of backups, statistics, advice and clean-up that leave schema,
rows and journal mode as they were; verify; a restore over later rows; export, import elsewhere and restore, compared row
for row; `doctor`, which exits 0.

kind            journal  what it is about
vaultwarden     wal      blobs, text keys, foreign keys on
home-assistant  wal      a table that refers to itself, reals as times
gitea           wal      AUTOINCREMENT, quoted names that are keywords
grafana         delete   names that other interfaces might take for theirs
nextcloud       delete   2,500 tables and as many indexes
pihole          wal      a view, WITHOUT ROWID, a trigger that counts
jellyfin        wal      FTS5 with and without content, a trigger that fills it
django          delete   CHECK with JSON, deferred foreign keys
photos          wal      STRICT, generated columns, partial and expression indexes, FTS5 over a table, R-Tree, rows that
                         NOT NULL and UNIQUE would refuse today
nine-tables     delete   this project's tables as an older application has them
"""

import os
import sqlite3

# Name: (journal mode, statements before the rows, (table, SQL of its rows), an ordinary write of the application).
KINDS = {
    "vaultwarden": (
        "wal",
        """PRAGMA foreign_keys=ON;
        CREATE TABLE __diesel_schema_migrations(version VARCHAR(50) PRIMARY KEY NOT NULL, run_on TIMESTAMP NOT NULL
          DEFAULT CURRENT_TIMESTAMP);
        CREATE TABLE users(uuid CHAR(36) NOT NULL PRIMARY KEY, created_at DATETIME NOT NULL, updated_at DATETIME NOT NULL,
          email TEXT NOT NULL UNIQUE, name TEXT NOT NULL, password_hash BLOB NOT NULL, salt BLOB NOT NULL,
          enabled BOOLEAN NOT NULL DEFAULT 1);
        CREATE TABLE ciphers(uuid CHAR(36) NOT NULL PRIMARY KEY, user_uuid CHAR(36) REFERENCES users(uuid), data TEXT);
        INSERT INTO users VALUES('u', '2026-01-01', '2026-01-01', 'a@x', 'A', x'00ff', x'0102', 1);
        WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n WHERE i<2000)
          INSERT INTO ciphers SELECT 'c'||i, 'u', hex(i) FROM n;""",
        "INSERT INTO ciphers SELECT 'd'||count(*), 'u', 'x' FROM ciphers",
    ),
    "home-assistant": (
        "wal",
        """CREATE TABLE states_meta(metadata_id INTEGER PRIMARY KEY, entity_id VARCHAR(255) UNIQUE);
        CREATE TABLE states(state_id INTEGER PRIMARY KEY, entity_id CHAR(0), state VARCHAR(255), last_updated_ts FLOAT,
          old_state_id INTEGER REFERENCES states(state_id), metadata_id INTEGER REFERENCES states_meta(metadata_id));
        CREATE INDEX ix_states_metadata_id_last_updated_ts ON states(metadata_id, last_updated_ts);
        CREATE TABLE events(event_id INTEGER PRIMARY KEY, data_id INTEGER, context_id_bin BLOB(16));
        INSERT INTO states_meta VALUES(1, 'sensor.x');
        WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n WHERE i<5000)
          INSERT INTO states(state, last_updated_ts, metadata_id) SELECT i, i * 0.5, 1 FROM n;""",
        "INSERT INTO states(state, last_updated_ts, metadata_id) VALUES('on', 1.5, 1)",
    ),
    "gitea": (
        "wal",
        """CREATE TABLE "user"(id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL, lower_name TEXT NOT NULL, passwd TEXT);
        CREATE UNIQUE INDEX UQE_user_lower_name ON "user"(lower_name);
        CREATE TABLE repository(id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL, owner_id INTEGER, "lower_name" TEXT);
        CREATE TABLE "notification"(id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL, user_id INTEGER NOT NULL);
        INSERT INTO "user"(lower_name) VALUES('a'); INSERT INTO repository(owner_id, lower_name) VALUES(1, 'r');""",
        "INSERT INTO repository(owner_id, lower_name) VALUES(1, 'later')",
    ),
    "grafana": (
        "delete",
        """CREATE TABLE migration_log(id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL, migration_id TEXT NOT NULL);
        CREATE TABLE dashboard(id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL, version INTEGER NOT NULL, data TEXT NOT NULL);
        CREATE TABLE alert(id INTEGER PRIMARY KEY AUTOINCREMENT NOT NULL, message TEXT NOT NULL, severity TEXT NOT NULL);
        WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n WHERE i<700)
          INSERT INTO dashboard(version, data) SELECT i, '{}' FROM n;""",
        "INSERT INTO dashboard(version, data) VALUES(9, '{}')",
    ),
    "nextcloud": (
        "delete",
        "".join(
            f"CREATE TABLE oc_{n}(id INTEGER PRIMARY KEY, k VARCHAR(64) COLLATE BINARY, v CLOB);"
            f"CREATE INDEX oc_{n}_k ON oc_{n}(k); INSERT INTO oc_{n}(k, v) VALUES('a', '{n}');"
            for n in range(2500)
        ),
        "INSERT INTO oc_17(k, v) VALUES('b', 'later')",
    ),
    "pihole": (
        "wal",
        """CREATE TABLE domain_by_id(id INTEGER PRIMARY KEY, domain TEXT NOT NULL UNIQUE);
        CREATE TABLE query_storage(id INTEGER PRIMARY KEY AUTOINCREMENT, timestamp INTEGER NOT NULL, domain INTEGER);
        CREATE INDEX idx_queries_timestamp ON query_storage(timestamp);
        CREATE VIEW queries AS SELECT q.id, q.timestamp, d.domain FROM query_storage q JOIN domain_by_id d ON d.id = q.domain;
        CREATE TABLE counters(id INTEGER PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
        INSERT INTO counters VALUES(0, 0); INSERT INTO domain_by_id VALUES(1, 'x.test');
        CREATE TRIGGER count_queries AFTER INSERT ON query_storage BEGIN UPDATE counters SET value = value + 1; END;
        WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n WHERE i<3000)
          INSERT INTO query_storage(timestamp, domain) SELECT i, 1 FROM n;""",
        "INSERT INTO query_storage(timestamp, domain) VALUES(5, 1)",
    ),
    "jellyfin": (
        "wal",
        """CREATE TABLE TypedBaseItems(guid GUID PRIMARY KEY NOT NULL, type TEXT NOT NULL, data BLOB, Name TEXT);
        CREATE VIRTUAL TABLE search USING fts5(name, content='');
        CREATE VIRTUAL TABLE texts USING fts5(body);
        CREATE TRIGGER fill AFTER INSERT ON TypedBaseItems BEGIN INSERT INTO texts(body) VALUES(new.Name); END;
        WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n WHERE i<500)
          INSERT INTO TypedBaseItems SELECT 'g'||i, 'Movie', x'00', 'Title '||i FROM n;""",
        "INSERT INTO TypedBaseItems SELECT 'h'||count(*), 'Movie', NULL, 'Later' FROM TypedBaseItems",
    ),
    "django": (
        "delete",
        """PRAGMA foreign_keys=ON;
        CREATE TABLE django_migrations(id integer NOT NULL PRIMARY KEY AUTOINCREMENT, app varchar(255) NOT NULL);
        CREATE TABLE auth_user(id integer NOT NULL PRIMARY KEY AUTOINCREMENT, password varchar(128) NOT NULL,
          username varchar(150) NOT NULL UNIQUE, is_active bool NOT NULL);
        CREATE TABLE shop_order(id integer NOT NULL PRIMARY KEY AUTOINCREMENT, details text NOT NULL CHECK
          ((JSON_VALID("details") OR "details" IS NULL)), user_id integer NOT NULL REFERENCES auth_user(id)
          DEFERRABLE INITIALLY DEFERRED, total decimal NOT NULL);
        CREATE INDEX shop_order_user_id ON shop_order(user_id);
        INSERT INTO auth_user(password, username, is_active) VALUES('pbkdf2_sha256$1$a$b', 'a', 1);
        WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n WHERE i<1500)
          INSERT INTO shop_order(details, user_id, total) SELECT json_object('n', i), 1, i / 4.0 FROM n;""",
        "INSERT INTO shop_order(details, user_id, total) VALUES('{}', 1, 1)",
    ),
    # Strict and generated columns, indexes on a part and on an expression, an index of text over another table's rows,
    # an R-Tree, dates as reals, a column that became NOT NULL when rows had none, and one that became UNIQUE.
    "photos": (
        "wal",
        """CREATE TABLE asset(id INTEGER PRIMARY KEY, path TEXT NOT NULL, taken REAL, size INT, stars INT,
          megabytes REAL AS (size / 1e6) VIRTUAL, folder TEXT AS (rtrim(path, replace(path, '/', ''))) STORED) STRICT;
        CREATE INDEX asset_starred ON asset(stars) WHERE stars > 3;
        CREATE UNIQUE INDEX asset_path ON asset(lower(path));
        CREATE VIRTUAL TABLE asset_text USING fts5(path, content='asset', content_rowid='id');
        CREATE TRIGGER asset_ai AFTER INSERT ON asset BEGIN
          INSERT INTO asset_text(rowid, path) VALUES(new.id, new.path); END;
        CREATE TRIGGER asset_ad AFTER DELETE ON asset BEGIN
          INSERT INTO asset_text(asset_text, rowid, path) VALUES('delete', old.id, old.path); END;
        CREATE VIRTUAL TABLE place USING rtree(id, west, east, south, north);
        CREATE TABLE tag(asset INTEGER, name TEXT, PRIMARY KEY(name COLLATE NOCASE, asset)) WITHOUT ROWID;
        WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n WHERE i<800)
          INSERT INTO asset(path, taken, size, stars) SELECT '/photos/'||(i%7)||'/'||i||'.jpg', 2461000.5+i, i*1000, i%6
          FROM n;
        INSERT INTO place SELECT id, id, id+1, id, id+1 FROM asset WHERE stars = 5;
        INSERT INTO tag SELECT id, 'Tag'||stars FROM asset;
        CREATE TABLE owner(id INTEGER PRIMARY KEY, name TEXT); INSERT INTO owner VALUES(1, NULL), (2, NULL), (3, 'c');
        PRAGMA writable_schema=ON; UPDATE sqlite_schema SET sql='CREATE TABLE owner(id INTEGER PRIMARY KEY, name TEXT NOT
          NULL)' WHERE name='owner'; PRAGMA writable_schema=RESET;
        CREATE UNIQUE INDEX owner_name ON owner(name);""",
        "INSERT INTO asset(path, taken, size, stars) SELECT '/later/'||count(*), 1.5, 1, 1 FROM asset",
    ),
    # Tables of the names that this project knows, as the application's models make them: no default, no column of later
    # versions, and dates with microseconds.
    "nine-tables": (
        "delete",
        """CREATE TABLE users(id INTEGER NOT NULL PRIMARY KEY, username VARCHAR(80) NOT NULL UNIQUE, email VARCHAR(120),
          password VARCHAR(200) NOT NULL, is_admin BOOLEAN, created_at DATETIME);
        CREATE TABLE predictions(id INTEGER NOT NULL PRIMARY KEY, match_id INTEGER NOT NULL, confidence FLOAT,
          created_at DATETIME);
        CREATE TABLE system_logs(id INTEGER NOT NULL PRIMARY KEY, type VARCHAR(50), message TEXT, timestamp DATETIME);
        CREATE TABLE access_logs(id INTEGER NOT NULL PRIMARY KEY, user_id INTEGER REFERENCES users(id), page VARCHAR(100),
          timestamp DATETIME);
        CREATE TABLE notifications(id INTEGER NOT NULL PRIMARY KEY, title TEXT, is_active BOOLEAN);
        CREATE TABLE teams(id INTEGER NOT NULL PRIMARY KEY, name TEXT UNIQUE);
        CREATE TABLE matches(id INTEGER NOT NULL PRIMARY KEY, home INTEGER REFERENCES teams(id), kickoff DATETIME);
        CREATE TABLE odds(match_id INTEGER NOT NULL, market TEXT NOT NULL, value FLOAT, PRIMARY KEY(match_id, market));
        CREATE TABLE settings("key" VARCHAR(50) NOT NULL PRIMARY KEY, value TEXT);
        INSERT INTO users VALUES(1, 'ann', NULL, 'scrypt:32768:8:1$a$b', 1, '2026-01-01 10:00:00.123456');
        WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i+1 FROM n WHERE i<900)
          INSERT INTO access_logs SELECT i, 1, '/p'||i, '2026-01-02 10:00:00.000'||i FROM n;
        INSERT INTO predictions VALUES(1, 7, 0.25, '2026-01-02 10:00:00.5');""",
        "INSERT INTO access_logs(user_id, page, timestamp) VALUES(1, '/later', '2026-01-03 00:00:00.000001')",
    ),
}


def make(kind, path):
    mode, statements, _ = KINDS[kind]
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with sqlite3.connect(path, isolation_level=None) as connection:
        connection.execute(f"PRAGMA journal_mode={mode}")
        connection.executescript(f"BEGIN; {statements} COMMIT; PRAGMA user_version=7; PRAGMA application_id=99;")
    connection.close()


def write(kind, path):
    connection = sqlite3.connect(path, isolation_level=None, timeout=5)
    connection.execute("PRAGMA foreign_keys=ON")
    connection.execute(KINDS[kind][2])
    connection.close()


def content(path):
    """All that is in it, and how it is kept."""
    connection = sqlite3.connect(path, timeout=5)
    marks = [
        connection.execute(f"PRAGMA {name}").fetchone()[0] for name in ("journal_mode", "user_version", "application_id")
    ]
    schema = connection.execute("SELECT type, name, tbl_name, sql FROM sqlite_schema ORDER BY 1, 2").fetchall()
    tables = [name for kind, name, _, _ in schema if kind == "table"]
    rows = {name: connection.execute(f'SELECT * FROM "{name}" ORDER BY 1').fetchall() for name in tables}
    connection.close()
    return marks, schema, rows
