"""Pictures of layouts: every bit and byte is in them once, and names are never markup."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from hvrepl.catalog.catalog import Catalog
from hvrepl.catalog.opening import open_index
from hvrepl.render.definition import blocks_of
from hvrepl.render.describe import describe
from hvrepl.render.layout_svg import draw_layout, rows_of_bits, rows_of_bytes
from tests.each import each

CATALOG = Catalog(open_index())


def fields_of(name: str) -> tuple[list[Mapping[str, Any]], int]:
    """The unconditional fields, and the bits of the word (0: a struct)."""
    table = describe(CATALOG, CATALOG.find_name(name))
    return next(blocks_of(table["fields"]))[1], table.get("width", 0)


def no_link(_: Mapping[str, Any]) -> str:
    return ""


@each(name for kind in ("register", "word", "cpuid") for name in CATALOG.laid_out(kind) if CATALOG.has_name(name))
def test_the_rows_of_a_word_have_every_bit_once(name: str) -> None:
    fields, width = fields_of(name)
    rows = list(rows_of_bits(fields, width, no_link))
    for row in rows:
        ends = [cell.start + cell.length for cell in row.cells]
        assert [cell.start for cell in row.cells] == [0, *ends[:-1]]
    assert sum(cell.length for row in rows for cell in row.cells) == width


def test_high_bits_come_first() -> None:
    fields, width = fields_of("sint2")
    svg = draw_layout(fields, width, "SINT2", lambda field: f"#{field['name']}")
    assert re.findall('class="place">([^<]*)', svg) == ["63:32", "31:0"]
    assert re.findall('class="bit">([0-9]+)', svg) == ["63", "32", "31", "21", "20", "19", "18", "17", "16", "15", "8", "7", "0"]
    assert re.findall('href="#([^"]*)"', svg)[2:6] == ["proxy", "as_intercept", "polling", "auto_eoi"]


def test_a_leaf_has_a_row_for_each_register() -> None:
    fields, width = fields_of("HYPERV_CPUID_FEATURES")
    assert [row.place for row in rows_of_bits(fields, width, no_link)] == ["edx", "ecx", "ebx", "eax"]


def test_bytes_that_fill_many_rows_are_one() -> None:
    rows = list(rows_of_bytes(fields_of("HV_MESSAGE")[0], no_link))
    assert [(row.place, row.is_cut, [cell.name for cell in row.cells]) for row in rows] == [
        ("+0", False, ["header"]),
        ("+16", True, ["payload"]),
    ]


def test_what_depends_on_the_value_has_a_row_of_its_own() -> None:
    rows = list(rows_of_bytes(fields_of("HV_VP_SET")[0], no_link))
    assert [(row.place, [(cell.name, cell.role) for cell in row.cells]) for row in rows][-1] == ("+16", [("bank_contents", "varies")])


def test_there_is_no_picture_of_a_single_member() -> None:
    assert draw_layout(fields_of("HV_MESSAGE_PAGE")[0], 0, "page", no_link) == ""


def test_nothing_in_a_name_is_markup() -> None:
    fields = [{"name": "<script>", "bits": [7, 1]}, {"name": "b", "bits": [0, 0]}]
    svg = draw_layout(fields, 8, '"<b>"', lambda _: '"><script>')
    assert "<script>" not in svg
    assert "<b>" not in svg


def test_it_names_no_colour() -> None:
    fields, width = fields_of("HV_X64_MSR_GUEST_OS_ID")
    assert not re.search(r"style=|fill=|stroke=|#[0-9a-f]{3}", draw_layout(fields, width, "x", no_link))
