# SPDX-License-Identifier: LGPL-2.1-or-later
"""Encryption as the manual shows it: the identity is made by the command line, sealed by systemd-creds, and reaches
the service as a credential, through the real sandbox."""

import os
import subprocess

import pytest

from product import BACKUPS, BUS_NAME, BUS_PATH, MANAGER, UNIT, configure, fill, sql

SEALED = "/etc/oracxpred/identity.cred"


@pytest.fixture
def identity(service):
    """The identity file's text, and the service holding it sealed."""
    text = service.run(["oracxpredctl", "key", "generate"]).stdout
    service.write("/root/identity.txt", text, mode=0o600)
    os.makedirs(service.path(os.path.dirname(SEALED)), exist_ok=True)
    service.run(["systemd-creds", "encrypt", "--name=oracxpred.identity", "/root/identity.txt", SEALED])
    service.remove("/root/identity.txt")
    with service.drop_in(UNIT, f"[Service]\nLoadCredentialEncrypted=oracxpred.identity:{SEALED}\n"):
        configure(service, f"EncryptionRecipients={recipient(text)}\n")
        service.run(["systemctl", "restart", UNIT])
        yield text


def recipient(text):
    return next(word for word in text.split() if word.startswith("age1"))


def newest(service):
    return service.run_json(["oracxpredctl", "--json=short", "list"])[0]["Name"]


def test_sealed_identity_opens_what_was_encrypted(service, identity, tmp_path):
    assert service.property(BUS_NAME, BUS_PATH, MANAGER, "KeyAvailable") is True
    assert service.property(BUS_NAME, BUS_PATH, MANAGER, "KeyFault") == ""
    service.run(["oracxpredctl", "key", "test"])
    fill(service, rows=300)
    service.run(["oracxpredctl", "backup"])
    name = newest(service)
    service.run(["oracxpredctl", "verify", name])
    sql(service, "DELETE FROM predictions")
    service.run(["oracxpredctl", "restore", "--yes", name])
    assert sql(service, "SELECT count(*) FROM predictions") == "300"

    # Whoever has the identity needs nothing of this project.
    (tmp_path / "identity").write_text(identity)
    stored = service.path(f"{BACKUPS}/{name}.db.gz.age")
    image = subprocess.run(
        f"age -d -i {tmp_path}/identity {stored} | gunzip > {tmp_path}/image.db && "
        f"sqlite3 {tmp_path}/image.db 'SELECT count(*) FROM predictions'",
        shell=True, check=True, capture_output=True, encoding="ascii")
    assert image.stdout == "300\n"


def test_identity_is_where_nobody_else_looks(service, identity):
    secret = next(line for line in identity.splitlines() if line.startswith("AGE-SECRET-KEY-"))
    journal = service.run(["journalctl", "--no-pager", "--output=export"]).stdout
    assert secret not in journal
    with open(service.path(SEALED), "rb") as file:
        assert secret.encode() not in file.read()
    pid = int(service.unit(UNIT, "MainPID")["MainPID"])
    credentials = f"/run/credentials/{UNIT}"
    assert service.run(["cat", f"{credentials}/oracxpred.identity"], user="visitor", check=False).returncode != 0
    environment = service.run(["cat", f"/proc/{pid}/environ"]).stdout
    assert secret not in environment


def test_identity_that_does_not_fit_is_told(service, identity):
    other = service.run(["oracxpredctl", "key", "generate"]).stdout
    configure(service, f"EncryptionRecipients={recipient(other)}\n")
    assert service.run(["oracxpredctl", "key", "test"], check=False).returncode != 0
    assert service.property(BUS_NAME, BUS_PATH, MANAGER, "KeyFault") != ""
    assert service.property(BUS_NAME, BUS_PATH, MANAGER, "Health") == "degraded"
