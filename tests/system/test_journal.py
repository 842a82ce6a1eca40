# SPDX-License-Identifier: LGPL-2.1-or-later
"""What operators and monitoring read in the journal."""

import json
import re

import pytest

from product import BACKUPS, UNIT, backup_names, configure, explained_journal, forget_journal, journal

CALL_ENDED = "4ebbf928c9a3410e9bd560e7e1fe3502"
CALL_REFUSED = "25551eab096a441db6470c782bd9e148"
BACKUP_CREATED = "a49ed3bf4690487da8a7973f0ccd22f6"
NOTICE = 5
VERIFICATION_FAILED = "337a61a227ab479bacbfc22b20785fdc"


def test_a_backup_is_one_structured_entry(service):
    service.run(["oracxpredctl", "backup"])
    newest = backup_names(service)[0]
    found = journal(service, _SYSTEMD_UNIT=UNIT, MESSAGE_ID=BACKUP_CREATED)
    entry = found[-1]
    assert [made["ORACXPRED_BACKUP"] for made in found] == ["initial_backup", newest]
    assert entry["ORACXPRED_OPERATION"] == "backup"
    assert entry["ORACXPRED_KIND"] == "manual"
    assert entry["ORACXPRED_FILE"] == f"{newest}.db.gz"
    assert int(entry["ORACXPRED_BYTES"]) > 0
    assert int(entry["ORACXPRED_STORED_BYTES"]) > 0
    assert int(entry["ORACXPRED_DURATION_USEC"]) > 0
    assert entry["ORACXPRED_CALLER_UID"] == "0"
    assert entry["PRIORITY"] in ("5", "6")


def test_catalogue_explains_a_backup(service):
    service.run(["oracxpredctl", "backup"])
    assert f"Subject: Backup {backup_names(service)[0]} was made" in explained_journal(service)


def test_catalogue_leaves_no_field_open(service):
    with open(service.path(f"{BACKUPS}/initial_backup.db.gz"), "r+b") as stored:
        stored.truncate(100)
    assert service.run(["oracxpredctl", "verify", "initial_backup"], check=False).returncode != 0
    assert journal(service, MESSAGE_ID=VERIFICATION_FAILED)
    shown = explained_journal(service)
    assert "Subject: Backup initial_backup is not what was stored" in shown
    assert not re.search(r"@ORACXPRED_\w+@", shown)


def test_nothing_worse_than_information_on_a_good_day(service):
    # The service was started while its timer was stopped, and has said so.
    service.run(["systemctl", "start", "oracxpred-backup.timer"])
    forget_journal(service)
    service.run(["systemctl", "restart", UNIT])
    service.run(["oracxpredctl", "backup"])
    service.run(["oracxpredctl", "verify", "--all"])
    said = journal(service, _SYSTEMD_UNIT=UNIT)
    assert said and all(int(entry["PRIORITY"]) >= NOTICE for entry in said)


def test_a_wrong_line_of_the_configuration_is_explained(service):
    with pytest.raises(AssertionError, match="reload"):
        configure(service, "Retention=7d\nRetension=8d\n")
    shown = explained_journal(service)
    assert "/etc/oracxpred/oracxpred.conf:3" in shown
    assert "Subject: A line of the configuration is wrong and was ignored" in shown
    checked = service.run(["/usr/libexec/oracxpredd", "--check-config"], check=False)
    assert checked.returncode != 0 and "oracxpred.conf:3" in checked.stdout + checked.stderr
    assert service.unit(UNIT, "ActiveState") == {"ActiveState": "active"}


def test_who_asked_is_recorded_and_can_forge_nothing(service):
    forged = "rebuilt\nMESSAGE=forged\nPRIORITY=0"
    call = ["busctl", "call", "org.oracxpred.Persistence1", "/org/oracxpred/Persistence1"]
    audit = "org.oracxpred.Persistence1.Audit"
    append = [*call, audit, "AppendSystem", "ssa{sv}"]
    service.run([*append, "deployed", forged, "0"])
    service.run([*call, "org.oracxpred.Persistence1.Manager", "Reload"])
    refused = service.run(["runuser", "-u", "visitor", "--", *call, audit, "ListSystem", "a{sv}", "0"], check=False)
    assert refused.returncode != 0
    (done,) = [entry for entry in journal(service, MESSAGE_ID=CALL_ENDED) if entry["ORACXPRED_OPERATION"] == "reload"]
    assert done["ORACXPRED_CALLER_UID"] == "0" and done["ORACXPRED_OUTCOME"] == "done"
    assert int(done["ORACXPRED_CALLER_PID"]) > 1
    (entry,) = journal(service, MESSAGE_ID=CALL_REFUSED)
    assert entry["ORACXPRED_OPERATION"] == "ListSystem" and entry["ORACXPRED_OUTCOME"] == "refused"
    assert not [entry for entry in journal(service, _SYSTEMD_UNIT=UNIT) if "forged" in entry["MESSAGE"]]
    # The service's own rows gather for a while. All are written in their order, and this one before it is answered.
    service.run([*append, "looked", "at the log", "0"])
    rows = json.loads(service.run(["oracxpredctl", "log", "--json=short"]).stdout)["rows"]
    assert [row["message"] for row in rows if row["type"] == "deployed"] == [forged]
    assert {"persistence.reload", "persistence.refused"} <= {row["type"] for row in rows}
    shown = service.run(["oracxpredctl", "log", "--type=deployed"]).stdout
    assert "rebuilt\\x0aMESSAGE=forged" in shown
