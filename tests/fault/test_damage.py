# SPDX-License-Identifier: LGPL-2.1-or-later
"""The tools of the campaign, tried on SQLite alone: what is said to be damaged is, and the judge sees it."""

import os
import random
import shutil

import pytest

from application import read_all
from damage import FAMILIES, OF_THE_LOG, Layout, log_of
from verdict import DAMAGED, MISSING, SOUND, content, judge, quick_check_passes

SEEDS = range(14)


@pytest.fixture(scope="module")
def original(laid):
    """A database with a log."""
    return os.path.join(laid.with_log.copy, "data/oracxpred.db")


@pytest.fixture
def victim(original, tmp_path):
    path = str(tmp_path / "victim.db")

    def lay(with_log):
        for suffix in ("", "-wal") if with_log else ("",):
            shutil.copyfile(original + suffix, path + suffix)
        if not with_log and os.path.exists(path + "-wal"):
            os.unlink(path + "-wal")
        return path

    return lay


def test_layout_knows_every_kind_of_page(victim):
    layout = Layout(victim(False))
    assert len(layout.overflow()) > 20
    assert len(layout.trees()) > 50
    assert len(layout.index_leaves) > 10
    assert layout.trunks()
    assert log_of(victim(True))[3] > 50
    # What is in use and what is free is all there is.
    free = layout.integer(36, 4)
    assert len(layout.trees()) + len(layout.overflow()) + free == layout.n_pages


@pytest.mark.parametrize("family", FAMILIES)
def test_damage_changes_the_files_and_a_seed_repeats_it(victim, family):
    for seed in SEEDS:
        results = []
        for _ in range(2):
            path = victim(family in OF_THE_LOG)
            before = {name: read_all(name) for name in (path, path + "-wal") if os.path.exists(name)}
            said = FAMILIES[family](path, random.Random(f"{family}:{seed}"), seed)
            after = {name: read_all(name) for name in (path, path + "-wal") if os.path.exists(name)}
            assert before != after, f"{family}:{seed} {said}"
            results.append((said, after if family not in ("swapped-for-rubbish",) else None))
            for name in os.listdir(os.path.dirname(path)):
                os.unlink(os.path.join(os.path.dirname(path), name))
        assert results[0][0] == results[1][0]


def states(victim, family, with_log=False):
    found = []
    for seed in SEEDS:
        path = victim(with_log)
        FAMILIES[family](path, random.Random(f"{family}:{seed}"), seed)
        found.append(judge(path).state)
    return found


@pytest.mark.parametrize(
    "family", ["page-type", "overflow-chain", "index-content", "freelist", "swapped-for-rubbish", "cell-count"]
)
def test_judge_sees_damage_of_the_structure_every_time(victim, family):
    assert set(states(victim, family)) <= {DAMAGED, MISSING}


@pytest.mark.parametrize("family", ["header", "cell-pointer", "page-lost", "truncation", "zeroed-tail"])
def test_judge_sees_most_of_what_may_also_hit_nothing(victim, family):
    found = states(victim, family)
    assert len([state for state in found if state != SOUND]) > len(found) // 2


@pytest.mark.parametrize("family", ["wal-header", "wal-salt", "wal-frame", "wal-cut", "wal-deleted", "wal-frame-header"])
def test_log_that_is_cut_short_is_an_older_state_to_sqlite(victim, family):
    assert set(states(victim, family, with_log=True)) == {SOUND}


def test_log_with_a_right_checksum_over_a_wrong_page_is_seen(victim):
    assert set(states(victim, "wal-believed", with_log=True)) == {DAMAGED}


def test_rows_in_other_pages_are_nothing_lost(victim):
    path = victim(False)
    before = content(path)
    FAMILIES["page-size-rebuilt"](path, random.Random(0), 0)
    assert content(path) == before


def test_index_content_is_hidden_from_a_quick_look(victim):
    passed = []
    for seed in SEEDS:
        path = victim(False)
        FAMILIES["index-content"](path, random.Random(f"index-content:{seed}"), seed)
        passed.append(quick_check_passes(path))
    assert sum(passed) > len(passed) // 2


def test_judge_changes_nothing(victim):
    path = victim(True)
    before = read_all(path), read_all(path + "-wal")
    assert judge(path).state == SOUND
    assert (read_all(path), read_all(path + "-wal")) == before
    assert not os.path.exists(path + "-shm")
    assert judge(path + ".nothing").state == MISSING
