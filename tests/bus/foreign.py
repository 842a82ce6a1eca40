# SPDX-License-Identifier: LGPL-2.1-or-later
"""Databases shaped like those that other applications make: what they use of SQLite, and names that may collide."""

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
            for n in range(600)
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
