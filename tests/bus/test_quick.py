# SPDX-License-Identifier: LGPL-2.1-or-later
"""IntegrityCheck=quick: what was not checked is not said to have been, and a verification makes up for it."""

import json
import os
import sqlite3

from contract import BACKUP, ERROR


def newest(service, client):
    path = client.backups()[0]["path"]
    with open(os.path.join(service.backups, client.get("File", path, BACKUP) + ".meta"), encoding="utf-8") as file:
        return path, json.load(file)["checks"]


def test_quick_backup_says_so_until_it_is_verified(service):
    service.configure("IntegrityCheck=quick\n")
    client = service.start()
    name = client.back_up()
    path, checks = newest(service, client)
    assert client.get("IntegrityCheck", path, BACKUP) == "quick"
    assert checks == ["read-back", "quick_check"]
    assert client.run("Verify", name, {})[1] == "done"
    path, checks = newest(service, client)
    assert client.get("IntegrityCheck", path, BACKUP) == "full"
    assert checks == ["read-back", "integrity_check", "foreign_key_check"]


def test_default_is_the_full_check(service, client):
    client.back_up()
    path, checks = newest(service, client)
    assert client.get("IntegrityCheck", path, BACKUP) == "full"
    assert checks == ["read-back", "integrity_check", "foreign_key_check"]


def break_index(path):
    """Takes an entry out of an index: only a full check sees that."""
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA writable_schema=ON")
    connection.execute("UPDATE sqlite_schema SET sql='CREATE INDEX broken ON users (email)' WHERE name='broken'")
    connection.commit()
    connection.close()


def test_quick_backup_of_a_broken_index_fails_its_verification(service, application, client):
    application.add_users(50)
    application.connection.execute("CREATE INDEX broken ON users (username)")
    break_index(service.database)
    service.configure("IntegrityCheck=quick\n")
    client.manager("Reload")
    name = client.back_up()
    assert client.run("Verify", name, {})[1:3] == ("failed", ERROR + "Corrupt")
