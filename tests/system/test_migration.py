# SPDX-License-Identifier: LGPL-2.1-or-later
"""A state directory that another user owns, as an earlier installation left it, is taken over as it stands."""

import pytest

from product import DATABASE, STATE, UNIT, backup_names, sql

OUTSIDE = "/srv/outside"


@pytest.fixture
def inherited(service):
    """A used database, stopped, that belongs to somebody else with all around it, and links in it that lead out."""
    sql(service, "INSERT INTO users (username, password) VALUES ('ann', '-')")
    service.run(["oracxpredctl", "backup"])
    service.run(["systemctl", "stop", UNIT])
    service.remove(OUTSIDE)
    service.write(f"{OUTSIDE}/directory/file", "not ours\n", mode=0o600)
    service.write(f"{OUTSIDE}/file", "not ours either\n", mode=0o640)
    service.run(["ln", "-s", f"{OUTSIDE}/file", f"{STATE}/data/link"])
    service.run(["ln", "-s", f"{OUTSIDE}/directory", f"{STATE}/backups/link"])
    service.run(["ln", "-s", f"{OUTSIDE}/directory", f"{STATE}/link"])
    service.run(["chown", "--recursive", "--no-dereference", "visitor:visitor", STATE])
    service.run(["find", STATE, "-type", "f", "-exec", "chmod", "600", "{}", "+"])
    service.run(["find", STATE, "-type", "d", "-exec", "chmod", "700", "{}", "+"])
    return service


def listing(machine, path):
    return machine.run(["find", path, "-printf", "%p %m %U %G %T@ %s\\n"]).stdout


@pytest.mark.parametrize("boots", [False, True], ids=["restart", "boot"])
def test_state_of_an_earlier_owner_is_taken_over(inherited, boots):
    outside, names = listing(inherited, OUTSIDE), inherited.run(["ls", f"{STATE}/backups"]).stdout
    if boots:
        # What the start of the machine does, before any service. It may find that it goes through folders of two
        # owners by now, and leave the rest to the service's own start.
        inherited.run(["systemd-tmpfiles", "--create", "oracxpred.conf"], check=False)
    inherited.run(["systemctl", "start", UNIT])

    foreign = inherited.run(["find", STATE, "!", "(", "-user", "oracxpred", "-group", "oracxpred", ")"]).stdout
    assert foreign == ""
    shown = inherited.run(["find", STATE, "-maxdepth", "1", "-type", "d", "-printf", "%P %m\\n"]).stdout
    assert sorted(shown.splitlines()) == [" 750", "backups 700", "data 2770", "quarantine 750"]
    assert sql(inherited, "SELECT username FROM users") == "ann"
    assert sql(inherited, "INSERT INTO users (username, password) VALUES ('bob', '-')", user="oracxpred") == ""
    assert len(backup_names(inherited)) == 2
    inherited.run(["oracxpredctl", "verify", "--all"])
    inherited.run(["oracxpredctl", "backup"])
    assert inherited.run(["stat", "--format=%a", DATABASE]).stdout == "660\n"
    assert sql(inherited, "SELECT count(*) FROM users", user="application") == "2"

    assert listing(inherited, OUTSIDE) == outside
    assert set(names.split()) <= set(inherited.run(["ls", f"{STATE}/backups"]).stdout.split())
