# SPDX-License-Identifier: LGPL-2.1-or-later
"""Accounts in the sandbox of the real unit: made by root, used by the application, and no password in the journal."""

from product import STATE, UNIT, journal, sql

SECRET = "Gr8-Geh3imnis-das-nirgends-steht"
# What werkzeug has made of it.
WERKZEUG = (
    "import hashlib; d = hashlib.scrypt(b'{0}', salt=b'salt', n=32768, r=8, p=1, maxmem=1 << 26); "
    "print('scrypt:32768:8:1$salt$' + d.hex())"
)


def account(machine, password, *words, user=None):
    """The exit status, with the password on standard input."""
    command = f"printf '%s\\n' '{password}' | oracxpredctl account {' '.join(words)}"
    return machine.run(["sh", "-c", command], user=user, check=False).returncode


def test_application_signs_people_in(service):
    assert account(service, SECRET, "create", "ann", "approved=yes") == 0
    assert account(service, SECRET, "verify", "ann", user="application") == 0
    assert account(service, SECRET + "x", "verify", "ann", user="application") == 12
    assert account(service, SECRET, "verify", "ann", user="visitor") == 12
    assert sql(service, "SELECT password LIKE '$2b$12$%' FROM users") == "1"
    service.run(["systemctl", "stop", UNIT])  # what is queued for the logs is written then
    assert sql(service, "SELECT group_concat(action_type) FROM access_logs") == "sign_in,sign_in_failed"


def test_old_hash_is_replaced_in_the_sandbox(service):
    """scrypt wants its 32 MiB, which the unit has to leave it."""
    stored = service.run(["python3", "-c", WERKZEUG.format(SECRET)]).stdout.strip()
    sql(service, f"INSERT INTO users (username, password, is_approved) VALUES ('ann', '{stored}', 1)")
    assert account(service, SECRET, "verify", "ann", user="application") == 0
    assert sql(service, "SELECT password LIKE '$2b$12$%' FROM users") == "1"


def test_limit_survives_a_restart(service):
    for _ in range(12):
        if account(service, "wrong", "verify", "nobody", user="application") == 13:
            break
    service.run(["systemctl", "restart", UNIT])
    shown = service.run(["stat", "--format=%a %U", f"{STATE}/sign-in-failures.db"]).stdout
    assert shown == "600 oracxpred\n"
    ends = [account(service, "wrong", "verify", "nobody", user="application") for _ in range(6)]
    assert 13 in ends


def test_journal_has_no_password(service):
    assert account(service, SECRET, "create", "ann") == 0
    assert account(service, SECRET, "create", "ann") == 30
    assert account(service, SECRET, "verify", "ann", user="visitor") == 12
    assert SECRET not in repr(journal(service))
