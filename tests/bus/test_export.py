# SPDX-License-Identifier: LGPL-2.1-or-later
"""Export and Import over the bus: which descriptors are taken, and what their jobs do. What is in a document is proved in
tests/database, and the way through the command line in test_ctl_recovery.py."""

import contextlib
import json
import os
import sqlite3

import pytest
from jeepney import DBusAddress, HeaderFields, MessageType, new_method_call
from jeepney.io.blocking import open_dbus_connection

from application import unpack
from contract import BUS_NAME, BUS_PATH, ERROR, MANAGER


def rows(path, query):
    with contextlib.closing(sqlite3.connect(path)) as connection:
        return connection.execute(query).fetchall()


@pytest.fixture
def call(bus, client):
    """Calls a method whose first argument is a descriptor: the job's id, or the name of the error."""
    connection = open_dbus_connection(bus.address, enable_fds=True)

    def calling(member, descriptor, **options):
        address = DBusAddress(BUS_PATH, bus_name=BUS_NAME, interface=MANAGER)
        reply = connection.send_and_get_reply(new_method_call(address, member, "ha{sv}", (descriptor, options)))
        if reply.header.message_type == MessageType.error:
            return reply.header.fields[HeaderFields.error_name]
        return reply.body[0]

    yield calling
    connection.close()


def export(client, call, path, **options):
    with open(path, "wb") as file:
        job = call("Export", file, **options)
    return client.ended(job)


def test_export_goes_into_the_descriptor_and_import_brings_it_back(client, call, application, tmp_path):
    application.add_users(2)
    document = tmp_path / "export.json"
    assert export(client, call, document) == ("done", "", "")
    tables = json.loads(document.read_text(encoding="utf-8"))["tables"]
    assert tables
    before = client.names()
    with open(document, "rb") as file:
        job = call("Import", file, label=("s", "from elsewhere"), **{"source-name": ("s", str(document))})
    assert client.ended(job) == ("done", "", "")
    [name] = set(client.names()) - set(before)
    backup = next(backup for backup in client.backups() if backup["name"] == name)
    assert (backup["kind"], backup["label"]) == ("imported", "from elsewhere")
    application.add_users(1, "later")
    assert client.run("Restore", name, {})[1] == "done"
    assert application.query("SELECT username FROM users ORDER BY id") == [("user0",), ("user1",)]


def break_constraints(path):
    """Rows that their tables would not take any more, as a declaration that came later leaves them."""
    connection = sqlite3.connect(path, isolation_level=None)
    connection.executescript(
        "CREATE TABLE notes (id INTEGER PRIMARY KEY, text TEXT);"
        "INSERT INTO notes (text) VALUES (NULL), ('b'), (NULL);"
        "CREATE TABLE prices (price INTEGER CHECK (price > 0));"
        "PRAGMA ignore_check_constraints=ON; INSERT INTO prices VALUES (5), (-1);"
        "CREATE TABLE typed (n INTEGER, t TEXT); INSERT INTO typed VALUES ('word', 5), (x'00', NULL);"
    )
    version = connection.execute("PRAGMA schema_version").fetchone()[0]
    connection.execute("PRAGMA writable_schema=ON")
    connection.execute("UPDATE sqlite_schema SET sql = replace(sql, 'text TEXT', 'text TEXT NOT NULL') WHERE name = 'notes'")
    connection.execute("UPDATE sqlite_schema SET sql = sql || ' STRICT' WHERE name = 'typed'")
    connection.execute(f"PRAGMA schema_version={version + 1}")
    connection.close()


def test_rows_that_their_table_would_not_take_come_back(client, call, service, tmp_path):
    break_constraints(service.database)
    document = tmp_path / "export.json"
    assert export(client, call, document) == ("done", "", "")
    before = client.names()
    with open(document, "rb") as file:
        job = call("Import", file)
    assert client.ended(job) == ("done", "", "")
    [name] = set(client.names()) - set(before)
    (stored,) = [file for file in service.stored() if file.startswith(name) and file.endswith(".gz")]
    unpack(os.path.join(service.backups, stored), tmp_path / "imported.db")
    queries = (
        "SELECT * FROM notes ORDER BY id",
        "SELECT * FROM prices",
        "SELECT n, typeof(n), t, typeof(t) FROM typed",
        "SELECT sql FROM sqlite_schema WHERE name IN ('notes', 'prices', 'typed') ORDER BY name",
    )
    for query in queries:
        assert rows(tmp_path / "imported.db", query) == rows(service.database, query)


def test_pipe_gets_the_document_and_its_end(client, call):
    reader, writer = os.pipe()
    job = call("Export", writer, style=("s", "lines"), tables=("as", ["users"]))
    os.close(writer)
    with open(reader, "rb") as file:
        lines = [json.loads(line) for line in file]
    assert lines
    assert client.ended(job) == ("done", "", "")


def test_null_device_may_be_written_to(client, call):
    with open("/dev/null", "wb") as file:
        assert client.ended(call("Export", file)) == ("done", "", "")


@pytest.mark.parametrize(
    "member, path, flags",
    [
        ("Export", "/", os.O_RDONLY | os.O_DIRECTORY),
        ("Export", "/dev/zero", os.O_WRONLY),
        ("Export", "/etc/passwd", os.O_RDONLY),
        ("Export", "/etc/passwd", os.O_PATH),
        ("Import", "/", os.O_RDONLY | os.O_DIRECTORY),
        ("Import", "/dev/zero", os.O_RDONLY),
        ("Import", "/dev/null", os.O_WRONLY),
    ],
)
def test_other_descriptors_are_refused(client, call, member, path, flags):
    descriptor = os.open(path, flags)
    assert call(member, descriptor) == ERROR + "InvalidArgument"
    os.close(descriptor)
    assert client.get("NJobs") == 0


@pytest.mark.parametrize(
    "options",
    [
        {"style": ("s", "fancy")},
        {"tables": ("s", "users")},
        {"redact": ("s", "yes")},
        {"colour": ("s", "blue")},
    ],
)
def test_bad_options_of_export(call, options):
    with open("/dev/null", "wb") as file:
        assert call("Export", file, **options) == ERROR + "InvalidArgument"


def test_unknown_table_fails_the_job(client, call):
    with open("/dev/null", "wb") as file:
        job = call("Export", file, tables=("as", ["no_such_table"]))
    assert client.ended(job)[:2] == ("failed", ERROR + "NotFound")


def test_document_that_is_none_leaves_nothing(service, client, call, tmp_path):
    before = service.stored()
    path = tmp_path / "rubbish.json"
    path.write_text("{]", encoding="ascii")
    with open(path, "rb") as file:
        job = call("Import", file, **{"source-name": ("s", "rubbish.json")})
    result, error, message = client.ended(job)
    assert (result, error) == ("failed", ERROR + "InvalidArgument")
    assert "rubbish.json" in message
    assert service.stored() == before


def test_from_takes_a_database_and_only_that(service, client, call, application, bus, tmp_path):
    connection = open_dbus_connection(bus.address, enable_fds=True)
    address = DBusAddress(BUS_PATH, bus_name=BUS_NAME, interface=MANAGER)
    path = tmp_path / "text"
    path.write_text("no database\n" * 100, encoding="ascii")
    with open(path, "rb") as file:
        options = {"from": ("h", file), "source-name": ("s", "/somewhere/text")}
        reply = connection.send_and_get_reply(new_method_call(address, "Restore", "sa{sv}", ("", options)))
    result, error, message = client.ended(reply.body[0])
    assert (result, error) == ("failed", ERROR + "NotADatabase")
    assert "/somewhere/text" in message
    with open(path, "rb") as file:
        reply = connection.send_and_get_reply(
            new_method_call(address, "Restore", "sa{sv}", ("initial_backup", {"from": ("h", file)}))
        )
    assert reply.header.fields[HeaderFields.error_name] == ERROR + "InvalidArgument"
    connection.close()
