# SPDX-License-Identifier: LGPL-2.1-or-later
"""What operators and monitoring read in the journal."""

import json
import re

from product import backup_names

BACKUP_CREATED = "a49ed3bf4690487da8a7973f0ccd22f6"
VERIFICATION_FAILED = "337a61a227ab479bacbfc22b20785fdc"


def entries(service, *arguments):
    service.run(["journalctl", "--sync"])
    shown = service.run(["journalctl", f"--after-cursor={service.cursor}", "--output=json", *arguments]).stdout
    return [json.loads(line) for line in shown.splitlines()]


def test_a_backup_is_one_structured_entry(service):
    service.run(["oracxpredctl", "backup"])
    newest = backup_names(service)[0]
    found = entries(service, "--unit=oracxpredd", f"MESSAGE_ID={BACKUP_CREATED}")
    entry = found[-1]
    assert [made["ORACXPRED_BACKUP"] for made in found] == ["initial_backup.db.gz", newest]
    assert entry["ORACXPRED_OPERATION"] == "backup"
    assert entry["ORACXPRED_KIND"] == "manual"
    assert int(entry["ORACXPRED_BYTES"]) > 0
    assert int(entry["ORACXPRED_STORED_BYTES"]) > 0
    assert int(entry["ORACXPRED_DURATION_USEC"]) > 0
    assert entry["ORACXPRED_CALLER_UID"] == "0"
    assert entry["PRIORITY"] in ("5", "6")


def test_catalogue_explains_a_backup(service):
    service.run(["oracxpredctl", "backup"])
    service.run(["journalctl", "--sync"])
    shown = service.run(["journalctl", f"--after-cursor={service.cursor}", "--catalog", "--unit=oracxpredd"]).stdout
    assert f"Subject: Backup {backup_names(service)[0]} was made" in shown


def test_catalogue_leaves_no_field_open(service):
    with open(service.path("/var/lib/oracxpred/backups/initial_backup.db.gz"), "r+b") as stored:
        stored.truncate(100)
    assert service.run(["oracxpredctl", "verify", "initial_backup.db.gz"], check=False).returncode != 0
    assert entries(service, f"MESSAGE_ID={VERIFICATION_FAILED}")
    shown = service.run(["journalctl", f"--after-cursor={service.cursor}", "--catalog", "--unit=oracxpredd"]).stdout
    assert "is not what was stored" in shown
    assert not re.search(r"@\w+@", shown)


def test_nothing_worse_than_information_on_a_good_day(service):
    service.run(["oracxpredctl", "backup"])
    service.run(["oracxpredctl", "verify", "--all"])
    assert entries(service, "--unit=oracxpredd", "--priority=warning") == []
