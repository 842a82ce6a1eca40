# SPDX-License-Identifier: LGPL-2.1-or-later
"""Encrypted backups from end to end, with the `age` program as the other party: what the service writes it decrypts,
what it writes the service restores; and nothing is written in clear because a setting was wrong."""

import contextlib
import gzip
import os
import pty
import shutil
import sqlite3
import subprocess

import pytest

from broken_database import damage
from client import BusError
from command_line import ctl  # noqa: F401
from contract import ERROR
from application import Application, flip_byte, manifest
from memory import traces_in_memory


class Key:
    """An identity that age-keygen made."""

    def __init__(self, directory, name):
        self.path = os.path.join(directory, name)
        subprocess.run(["age-keygen", "-o", self.path], check=True, capture_output=True)
        shown = subprocess.run(["age-keygen", "-y", self.path], check=True, capture_output=True, encoding="ascii")
        self.recipient = shown.stdout.strip()


@pytest.fixture
def key(tmp_path):
    return Key(tmp_path, "key")


@pytest.fixture
def other_key(tmp_path):
    return Key(tmp_path, "other-key")


@pytest.fixture
def credentials(tmp_path):
    """Lays down credentials as systemd does, and returns the environment that names them."""

    def lay_down(**files):
        directory = tmp_path / "credentials"
        directory.mkdir(exist_ok=True)
        for name, content in files.items():
            (directory / f"oracxpred.{name}").write_text(content)
        return {"CREDENTIALS_DIRECTORY": str(directory)}

    return lay_down


def content(path):
    with open(path, encoding="ascii") as file:
        return file.read()


def on_terminal(*command, typed):
    """Runs a program that asks on the terminal, where the answers wait for it."""
    child, end = pty.fork()
    if child == 0:
        os.execvp(command[0], command)
    for line in typed:
        os.write(end, (line + "\n").encode())
    while True:
        try:
            if not os.read(end, 4096):
                break
        except OSError:  # EIO: it has ended
            break
    os.close(end)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def newest(service, client):
    backup = client.backups()[0]
    return backup["name"], os.path.join(service.backups, manifest_file(service, backup["name"]))


def manifest_file(service, name):
    return next(file for file in service.stored() if file.startswith(name + ".") and not file.endswith(".meta"))


def decrypt(key, path, target):
    subprocess.run(["age", "-d", "-i", key.path, "-o", target, path], check=True, capture_output=True)


def users(path):
    with contextlib.closing(sqlite3.connect(path)) as database:
        return database.execute("SELECT count(*) FROM users").fetchone()[0]


def in_clear(service):
    """Files of the service that hold the database, or can be unpacked to it, without a key."""
    found = []
    for name in service.stored():
        with open(os.path.join(service.backups, name), "rb") as file:
            start = file.read(16)
        if start.startswith((b"\x1f\x8b", b"SQLite format 3")):
            found.append(name)
    return found


def add_users(service, number):
    opened = Application(service.database)
    opened.add_users(number, prefix=f"batch{users(service.database)}-")
    opened.close()


@pytest.mark.parametrize("compression", ["gzip", "none"])
def test_age_decrypts_what_the_service_wrote(service, key, other_key, tmp_path, compression):
    service.configure(
        f"Compression={compression}\nEncryptionRecipients={key.recipient}\nEncryptionRecipients={other_key.recipient}\n"
    )
    client = service.start()
    add_users(service, 100)
    client.back_up()
    name, path = newest(service, client)
    suffix = ".db.gz.age" if compression == "gzip" else ".db.age"
    assert path.endswith(name + suffix)
    assert in_clear(service) == []
    assert manifest(path)["encryption_recipients"] == f"{key.recipient} {other_key.recipient}"
    # Proved when it was made, although no identity is here.
    assert client.get("VerifiedBackups") == 2
    for one in (key, other_key):
        stored, image = str(tmp_path / "stored"), str(tmp_path / "image")
        decrypt(one, path, stored)
        if compression == "gzip":
            with gzip.open(stored) as source, open(image, "wb") as target:
                shutil.copyfileobj(source, target)
        else:
            shutil.copy(stored, image)
        assert users(image) == 100


def test_recipients_alone(service, key, ctl):  # noqa: F811
    """Verification says what it could not prove, and a restore asks for an identity."""
    service.configure(f"EncryptionRecipients={key.recipient}\n")
    client = service.start()
    add_users(service, 10)
    client.back_up()
    name, path = newest(service, client)
    add_users(service, 5)

    _, result, error, message = client.run("Verify", name, {})
    assert (result, error) == ("failed", ERROR + "KeyUnavailable")
    assert "proved to be the one that was written" in message and "not that it can be decrypted" in message
    assert client.get("VerifiedBackups") == 2
    assert "degraded" != client.get("Health")
    ctl.run("restore", "--yes", name, status=23)
    assert users(service.database) == 15

    ctl.run("verify", name, "--identity=" + key.path)
    ctl.run("restore", "--yes", name, "--identity=" + key.path)
    assert users(service.database) == 10
    # What was replaced is a backup, and no less encrypted.
    assert in_clear(service) == []
    with open(key.path) as identity:
        ctl.run("undo", "--yes", "--identity=-", stdin=identity)
    assert users(service.database) == 15
    assert in_clear(service) == []

    # The digest is still good for telling damage.
    flip_byte(path, os.path.getsize(path) - 1)
    _, result, error, _ = client.run("Verify", name, {})
    assert (result, error) == ("failed", ERROR + "Corrupt")


def test_wrong_identity_restores_nothing(service, key, other_key, ctl):  # noqa: F811
    service.configure(f"EncryptionRecipients={key.recipient}\n")
    client = service.start()
    client.back_up()
    done = ctl.run("restore", "--yes", "--identity=" + other_key.path, status=23)
    assert "no identity here opens it" in done.stderr
    done = ctl.run("verify", newest(service, client)[0], "--identity=" + other_key.path, status=23)
    assert "no identity here opens it; give the one that belongs to it (--identity=FILE)" in done.stderr
    with open(other_key.path, "w", encoding="ascii") as file:
        file.write("AGE-SECRET-KEY-1NONSENSE\n")
    done = ctl.run("restore", "--yes", "--identity=" + other_key.path, status=2)
    assert "NONSENSE" not in done.stderr


def test_credential_opens_and_is_tested(service, key, credentials, ctl):  # noqa: F811
    service.configure(f"EncryptionRecipients={key.recipient}\n")
    client = service.start(**credentials(identity=content(key.path)))
    assert client.get("KeyAvailable")
    assert client.get("KeyFault") == ""
    add_users(service, 10)
    client.back_up()
    name, _ = newest(service, client)
    assert client.run("Verify", name, {})[1] == "done"
    add_users(service, 1)
    assert client.run("Restore", name, {})[1] == "done"
    assert users(service.database) == 10
    ctl.run("key", "test")
    assert key.recipient in ctl.run("key", "show").stdout
    assert client.get("Health") == "ok"


def test_database_that_is_gone_comes_back_from_an_encrypted_backup(service, key, credentials):
    service.configure(f"EncryptionRecipients={key.recipient}\n")
    environment = credentials(identity=content(key.path))
    client = service.start(**environment)
    add_users(service, 10)
    client.back_up()
    service.stop()
    for suffix in ("", "-wal", "-shm"):
        if os.path.exists(service.database + suffix):
            os.unlink(service.database + suffix)
    client = service.start(**environment)
    assert client.get("Integrity") == "ok"
    assert users(service.database) == 10
    assert in_clear(service) == []


def test_key_that_does_not_fit_is_told(service, key, other_key, credentials, ctl):  # noqa: F811
    service.configure(f"EncryptionRecipients={key.recipient}\n")
    client = service.start(**credentials(identity=content(other_key.path)))
    assert "key-unavailable" in client.reasons()
    assert client.get("KeyFault")
    ctl.run("key", "test", status=23)
    ctl.run("key", "test", "--identity=" + key.path)
    ctl.run("key", "test", "--identity=" + other_key.path, status=23)
    row = next(row for row in client.manager("Diagnose") if row[0] == "key")
    assert row[1] == "fault"
    # It can't be restored here; it is a good backup for whoever has the key.
    assert client.run("Backup", {})[1] == "done"
    assert "key-unavailable" in client.reasons()
    service.configure(f"EncryptionRecipients={other_key.recipient}\n")
    client.manager("Reload")
    assert client.get("KeyFault") == ""
    assert client.get("Health") == "ok"


WRONG_SETTINGS = [
    "EncryptionRecipients={bad}\n",
    "EncryptionRecipients={good} {bad}\n",
    "EncryptionRecipients={good}\nEncryptionRecipients={bad}\n",
    "EncryptionRecipients={upper}\n",
    "EncryptionRecipients={good} passphrase\n",
    "EncryptionRecipient={good}\n",
    "Encryption=yes\n",
    "Recipients={good}\n",
    "[Persistance]\nEncryptionRecipients={good}\n",
    "EncryptionRecipients {good}\n",
    "Recipents={good}\n",
]


@pytest.mark.parametrize("setting", WRONG_SETTINGS)
def test_nothing_is_written_because_a_setting_was_misspelt(service, key, setting):
    good = key.recipient
    bad = good[:-1] + ("q" if good[-1] != "q" else "p")
    service.configure(setting.format(good=good, bad=bad, upper=good.upper()))
    done = subprocess.run(service.command("--check-config"), capture_output=True, encoding="utf-8", check=False)
    assert done.returncode == 27
    assert "no backup is written until it is corrected" in done.stderr
    client = service.start()
    assert client.backups() == []
    _, result, error, message = client.run("Backup", {})
    assert (result, error) == ("failed", ERROR + "Configuration")
    assert service.configuration in message
    assert [name for name in service.stored() if not name.endswith(".meta")] == []
    assert "key-unavailable" in client.reasons()
    with pytest.raises(BusError) as caught:
        client.manager("TestKey")
    assert caught.value.name == ERROR + "Configuration"
    service.configure(f"EncryptionRecipients={good}\n")
    client.manager("Reload")
    assert client.run("Backup", {})[1] == "done"
    assert in_clear(service) == []


def test_restore_is_not_refused_for_a_wrong_setting(service, ctl):  # noqa: F811
    client = service.start()
    client.back_up()
    add_users(service, 3)
    service.configure("EncryptionRecipients=age1nonsense\n")
    with pytest.raises(BusError):
        client.manager("Reload")
    before = service.stored()
    ctl.run("restore", "--yes", "initial_backup")
    assert users(service.database) == 0
    assert service.stored() == before
    assert os.listdir(os.path.join(service.state, "quarantine"))


@pytest.mark.parametrize("compressed", [True, False])
def test_file_that_age_encrypted_is_restored(service, key, ctl, tmp_path, compressed):  # noqa: F811
    client = service.start()
    add_users(service, 30)
    image, stored = str(tmp_path / "image"), str(tmp_path / "elsewhere.age")
    source = sqlite3.connect(service.database)
    target = sqlite3.connect(image)
    source.backup(target)
    target.execute("PRAGMA journal_mode=delete")
    source.close()
    target.close()
    if compressed:
        subprocess.run(["gzip", image], check=True)
        image += ".gz"
    subprocess.run(["age", "-r", key.recipient, "-o", stored, image], check=True)
    add_users(service, 4)
    done = ctl.run("restore", "--yes", "--from=" + stored, status=23)
    assert "no identity here opens it" in done.stderr
    ctl.run("restore", "--yes", "--from=" + stored, "--identity=" + key.path)
    assert users(service.database) == 30
    assert client.get("Integrity") == "ok"
    with open(stored, "ab") as file:
        file.write(b"x")
    ctl.run("restore", "--yes", "--from=" + stored, "--identity=" + key.path, status=20)


def test_file_is_restored_where_no_identity_is(service, key, ctl, tmp_path):  # noqa: F811
    """What is brought in becomes an encrypted backup that nobody here can open; its restore must not depend on that."""
    service.configure(f"EncryptionRecipients={key.recipient}\n")
    client = service.start()
    add_users(service, 3)
    image = str(tmp_path / "image")
    with contextlib.closing(sqlite3.connect(service.database)) as source:
        source.execute("VACUUM INTO ?", [image])
    add_users(service, 2)
    ctl.run("restore", "--yes", "--from=" + image)
    assert users(service.database) == 3
    assert in_clear(service) == []
    assert {backup["kind"] for backup in client.backups()} == {"initial", "imported", "pre-restore"}


def test_armored_file_is_restored(service, key, ctl, tmp_path):  # noqa: F811
    """`age --armor` writes text; what is damaged in it is named, and nothing is left of the attempt."""
    client = service.start()
    add_users(service, 3)
    image, armored = str(tmp_path / "image"), str(tmp_path / "armored.age")
    with contextlib.closing(sqlite3.connect(service.database)) as source:
        source.execute("VACUUM INTO ?", [image])
    add_users(service, 2)
    subprocess.run(["age", "--armor", "-r", key.recipient, "-o", armored, image], check=True)
    with open(armored, encoding="ascii") as file:
        text = file.read()
    with open(tmp_path / "cut", "w", encoding="ascii") as file:
        file.write(text[:len(text) // 2])
    done = ctl.run("restore", "--yes", f"--from={tmp_path}/cut", "--identity=" + key.path, status=20)
    assert "armor" in done.stderr
    assert users(service.database) == 5
    ctl.run("restore", "--yes", "--from=" + armored, "--identity=" + key.path)
    assert users(service.database) == 3
    assert {backup["kind"] for backup in client.backups()} == {"initial", "imported", "pre-restore"}
    assert not [name for name in os.listdir(service.backups) if name.startswith(".")]


def test_passphrase(service, credentials, ctl, tmp_path):  # noqa: F811
    passphrase = "correct horse battery"
    service.configure("EncryptionRecipients=passphrase\n")
    client = service.start(**credentials(passphrase=passphrase + "\n"))
    add_users(service, 7)
    client.back_up()
    name, path = newest(service, client)
    assert in_clear(service) == []
    assert client.run("Verify", name, {})[1] == "done"
    on_terminal("age", "-d", "-o", str(tmp_path / "stored"), path, typed=[passphrase])
    with gzip.open(tmp_path / "stored") as source, open(tmp_path / "image", "wb") as target:
        shutil.copyfileobj(source, target)
    assert users(tmp_path / "image") == 7

    # And one that age made, in a service that doesn't know its passphrase.
    foreign, secret = str(tmp_path / "foreign.age"), str(tmp_path / "secret")
    on_terminal("age", "-p", "-o", foreign, str(tmp_path / "image"), typed=["another one", "another one"])
    with open(secret, "w", encoding="ascii") as file:
        file.write("another one\n")
    add_users(service, 1)
    done = ctl.run("restore", "--yes", "--from=" + foreign, status=23)
    assert "passphrase" in done.stderr
    done = ctl.run("verify", name, "--passphrase-file=" + secret, status=23)
    assert "none here opens it; give the right one (--passphrase-file=FILE)" in done.stderr
    ctl.run("restore", "--yes", "--from=" + foreign, "--passphrase-file=" + secret)
    assert users(service.database) == 7


BECH32 = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"


def scalar(identity):
    """The 32 bytes that an AGE-SECRET-KEY-1… stands for, whose checksum has six characters."""
    number = 0
    for character in identity.rpartition("1")[2][:-6].lower():
        number = number << 5 | BECH32.index(character)
    return (number >> 4).to_bytes(32, "big")


def test_passed_keys_stay_neither_in_memory_nor_in_the_log(service, key, other_key, ctl, tmp_path):  # noqa: F811
    """Where no credential is, nothing is left of a key once the job that it was for has ended. Of those in the file it is
    the last, since the allocator itself soon writes over the first."""
    with open(key.path, "a", encoding="ascii") as file:
        file.write(8 * content(other_key.path) + content(key.path))
    service.configure(f"EncryptionRecipients={key.recipient}\n")
    client = service.start()
    client.back_up()
    name, _ = newest(service, client)
    secret = tmp_path / "secret"
    secret.write_text("the passphrase that nobody else has")
    ctl.run("verify", name, "--identity=" + key.path)
    ctl.run("restore", "--yes", name, "--identity=" + key.path)
    ctl.run("verify", name, "--passphrase-file=" + str(secret), status=23)
    # Read, and let go of before anything else takes its place in memory.
    keys = ["--identity=" + key.path, "--passphrase-file=" + str(secret)]
    ctl.run("verify", "backup_20200101_000000", *keys, status=10)

    identity = content(key.path).splitlines()[-1]
    for trace in (identity.encode(), scalar(identity), secret.read_bytes()):
        assert not traces_in_memory(service.process.pid, trace)
    assert identity not in service.log() and secret.read_text() not in service.log()


def open_as_no_key(kind, key, tmp_path):
    """A descriptor that a key can't be read from as a whole."""
    if kind == "too large":
        large = tmp_path / "large"
        large.write_text(content(key.path) + 2000 * ("#" * 40 + "\n"))
        return os.open(large, os.O_RDONLY)
    if kind == "pipe":
        ends = os.pipe()
        os.close(ends[1])
        return ends[0]
    if kind == "device":
        return os.open("/dev/zero", os.O_RDONLY)
    if kind == "directory":
        return os.open(tmp_path, os.O_RDONLY | os.O_DIRECTORY)
    return os.open(key.path, os.O_PATH if kind == "path" else os.O_WRONLY)


@pytest.mark.parametrize(
    "kind, words",
    [
        ("too large", "The key file is too large"),
        ("pipe", "A key file has to be a regular file"),
        ("device", "A key file has to be a regular file"),
        ("directory", "A key file has to be a regular file"),
        ("path", "Reading the key file"),
        ("write-only", "Reading the key file"),
    ],
)
def test_what_is_no_key_file_is_refused(service, key, tmp_path, kind, words):
    client = service.start()
    fd = open_as_no_key(kind, key, tmp_path)
    try:
        with pytest.raises(BusError) as caught:
            client.manager("Verify", "initial_backup", {"identity": ("h", fd)})
    finally:
        os.close(fd)
    assert words in str(caught.value)


def test_passphrase_that_is_missing_stops_backups(service):
    service.configure("EncryptionRecipients=passphrase\n")
    client = service.start()
    _, result, error, message = client.run("Backup", {})
    assert (result, error) == ("failed", ERROR + "KeyUnavailable")
    assert "oracxpred.passphrase" in message
    assert service.stored() == []


def test_unusable_credential_is_told_without_its_content(service, key, credentials):
    service.configure(f"EncryptionRecipients={key.recipient}\n")
    client = service.start(**credentials(identity="AGE-SECRET-KEY-1WRONG\n"))
    assert "line 1" in client.get("KeyFault").lower()
    assert "WRONG" not in service.log()
    assert client.run("Backup", {})[1] == "done"


def test_generated_key_is_one_that_age_reads(ctl, tmp_path):  # noqa: F811
    path = str(tmp_path / "made")
    recipient = ctl.run("key", "generate", path, DBUS_SYSTEM_BUS_ADDRESS="unix:path=/nowhere").stdout.strip()
    assert os.stat(path).st_mode & 0o7777 == 0o600
    shown = subprocess.run(["age-keygen", "-y", path], check=True, capture_output=True, encoding="ascii")
    assert shown.stdout.strip() == recipient
    assert ctl.run("key", "show", "--identity=" + path).stdout.strip() == recipient
    before = content(path)
    assert "left as it is" in ctl.run("key", "generate", path, status=2).stderr
    assert content(path) == before
    assert "AGE-SECRET-KEY-1" in ctl.run("key", "generate").stdout


def test_automatic_restore_is_held_while_a_newer_backup_is_locked(service, key):
    client = service.start()
    service.stop()
    service.configure(f"EncryptionRecipients={key.recipient}\n")
    client = service.start()
    newer = client.back_up()
    service.stop()
    damage(service.database)
    client = service.start()
    assert client.get("LastRestore") == ""
    assert "`oracxpredctl restore --identity=FILE`" in dict(client.get("HealthReasons"))["needs-decision"]
    assert newer in client.names()
