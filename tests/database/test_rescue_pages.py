# SPDX-License-Identifier: LGPL-2.1-or-later
"""What is read of a page that says wrong things of itself, and of a chain of pages that leads astray."""

import pytest

from rescue_case import SHAPES, Case


@pytest.mark.parametrize("shape", SHAPES)
def test_header_of_a_leaf_costs_nothing(tmp_path, shape):
    """Its type, or how many cells it has: the cells tell."""
    for number, (offset, data) in enumerate(((0, b"\x4d"), (3, b"\0\1"), (3, b"\xff\xff"), (3, b"\0\0"))):
        (tmp_path / str(number)).mkdir()
        case = Case(tmp_path / str(number), shape)
        page = case.pages("t", "leaf")[1]
        case.write(page, data, offset)
        report, after = case.rescue()
        assert after == case.before, f"{offset} {data} {report}"


def pointers(case, page):
    """(offset in the page of the first cell pointer, the pointers)."""
    with open(case.damaged, "rb") as file:
        file.seek((page - 1) * case.page_size)
        image = file.read(case.page_size)
    count = int.from_bytes(image[3:5], "big")
    return 8, [int.from_bytes(image[8 + 2 * i : 10 + 2 * i], "big") for i in range(count)]


@pytest.mark.parametrize("shape", SHAPES)
def test_start_of_the_cells_costs_nothing(tmp_path, shape):
    """Also where it is such that exactly some of the cells fit behind it."""
    for number in range(3):
        (tmp_path / str(number)).mkdir()
        case = Case(tmp_path / str(number), shape)
        page = case.pages("t", "leaf")[1]
        starts = sorted(pointers(case, page)[1])
        case.write(page, (0, starts[len(starts) // 2], starts[-1])[number].to_bytes(2, "big"), 5)
        report, after = case.rescue()
        assert after == case.before, f"{number} {report}"


@pytest.mark.parametrize("shape", SHAPES)
def test_pointer_to_another_row_costs_one_row_at_most(tmp_path, shape):
    """Of the same size, so that the sum of all cells is as it was."""
    for distance in (1, -3):
        (tmp_path / str(distance)).mkdir()
        case = Case(tmp_path / str(distance), shape)
        page = case.pages("t", "leaf")[1]
        at, cells = pointers(case, page)
        index = len(cells) // 2
        case.write(page, cells[(index + distance) % len(cells)].to_bytes(2, "big"), at + 2 * index)
        report, after = case.rescue()
        assert len(case.before - after) <= 1, f"{distance} {report}"
        assert after - case.before <= case.old


def varint(value):
    """Of at most two bytes."""
    return bytes([0x80 | value >> 7, value & 0x7F]) if value > 127 else bytes([value])


def test_rowid_that_leaps_ahead_costs_its_own_row_alone(tmp_path):
    """Those between it and where it leaps to are in their places."""
    case = Case(tmp_path, "rowid")
    leaves = case.pages("t", "leaf")
    page = leaves[len(leaves) // 2]
    at, cells = pointers(case, page)
    with open(case.damaged, "rb") as file:
        file.seek((page - 1) * case.page_size)
        image = file.read(case.page_size)
    # Behind the size of the record, which has one byte.
    rowids = [(image[cell + 1] & 0x7F) << 7 | image[cell + 2] for cell in cells]
    assert all(128 <= rowid < 16384 and image[cell] < 128 for rowid, cell in zip(rowids, cells))
    index = len(cells) // 2
    case.write(page, varint(rowids[index + 10]), cells[index] + 1)
    report, after = case.rescue()
    assert len(case.before - after) <= 1, report


def overflow_ends(case):
    """The pages at which a chain ends, and those with another one behind."""
    with open(case.damaged, "rb") as file:
        image = file.read()
    following = {page: int.from_bytes(image[(page - 1) * case.page_size :][:4], "big") for page in case.pages("t", "overflow")}
    return [page for page in following if not following[page]], [page for page in following if following[page]]


def test_broken_overflow_costs_its_row(tmp_path):
    case = Case(tmp_path, "overflow")
    _, begins = overflow_ends(case)
    case.write(begins[len(begins) // 2], b"\xff\xff\xff\xff")
    report, after = case.rescue()
    assert len(case.before - after) + report["t"][3] == 1
    assert sum(report["t"][3:]) == 1


@pytest.mark.parametrize("where", ["leaf", "other chain", "beyond", "itself"])
def test_overflow_that_goes_on_too_far_costs_nothing(tmp_path, where):
    """All of the row is there, whatever follows; and what follows is not doubted for it."""
    case = Case(tmp_path, "overflow")
    ends, begins = overflow_ends(case)
    page = ends[-1]
    target = {"leaf": case.pages("t", "leaf")[3], "other chain": begins[0], "beyond": 0xFFFFFF, "itself": page}[where]
    case.write(page, target.to_bytes(4, "big"))
    report, after = case.rescue()
    assert after == case.before, report
    assert report["t"][3:] == (0, 0, 0)


def test_overflow_that_goes_on_in_another_one_costs_its_own_row_alone(tmp_path):
    case = Case(tmp_path, "overflow")
    _, begins = overflow_ends(case)
    case.write(begins[0], begins[-1].to_bytes(4, "big"))
    report, after = case.rescue()
    assert len(case.before - after) <= 1, report
