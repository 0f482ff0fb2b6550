"""`show`, `list` and `find` for every spec, as text that fits and as objects for programs."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Mapping
from typing import Any

import pytest

from hvrepl.catalog.catalog import Catalog, Found
from hvrepl.catalog.constants import constants_of, find_constants
from hvrepl.catalog.index import is_seen
from hvrepl.catalog.model import ARCHES
from hvrepl.catalog.opening import open_index
from hvrepl.catalog.search import find_text
from hvrepl.codec.decode import Decoder
from hvrepl.codec.decoded import dump
from hvrepl.render.constant import list_constants
from hvrepl.render.definition import describe_lines, place_of
from hvrepl.render.describe import describe
from hvrepl.render.formats import RENDERERS
from hvrepl.render.listing import Listing, render_listing
from hvrepl.render.names import list_entries, list_hits
from hvrepl.render.style import Style
from tests.each import each
from tests.program import without_colour

INDEX = open_index()
CATALOGS = {arch: Catalog(INDEX, arch) for arch in ARCHES}


def all_found() -> list[Found]:
    """Every spec on every arch that has it; of arrays the first element."""
    found = []
    for arch, catalog in CATALOGS.items():
        for key, _, _, spec_arch, _ in INDEX.specs():
            if is_seen(spec_arch, arch):
                spec = catalog.load(key)
                found.append(Found(spec, arch, 0 if spec.count else None, catalog.heading(spec)))
    return found


FOUND = all_found()


def name_of(found: Found) -> str:
    return f"{found.arch}-{found.name}"


KEYS = """name kind title arch also doc note width size reset addresses fields output values privilege granted_by qemu flag see
source""".split()  # noqa: SIM905


@each(FOUND, name_of, parts=8)
def test_every_spec_is_described_in_words_that_its_object_has_too_with_sources_and_fits_the_terminal(found: Found) -> None:
    table = describe(CATALOGS[found.arch], found)
    whole = list(describe_lines(table, Style(width=0)))
    check_description(found, table, "\n".join(whole))
    check_sources(table)
    for width in (40, 80):
        check_width(table, whole, width)


def check_description(found: Found, table: Mapping[str, Any], text: str) -> None:
    assert json.loads(dump(table))["name"] == found.name
    assert [key for key in KEYS if key in table] == list(table)
    assert text.startswith(found.name)
    for address in table["addresses"]:
        assert address["number"] in text
        assert address["name"] in text
    for part in (*table["fields"], *table.get("output", ())):
        assert place_of(part) in text
        assert part["name"] in text
    assert not re.search(r"[ \t]$", text, re.MULTILINE)


def check_sources(table: Mapping[str, Any]) -> None:
    assert table["source"]
    assert all(part["source"] for part in table["fields"])


def check_width(table: Mapping[str, Any], whole: list[str], width: int) -> None:
    """No line is wider than the terminal, no word is lost, and colour does not change anything else."""
    wrapped = list(describe_lines(table, Style(width=width)))
    assert " ".join(wrapped).split() == " ".join(whole).split()
    assert all(len(line) <= width or "  " in line.strip() or len(max(line.split(), key=len)) > width // 2 for line in wrapped)
    colored = describe_lines(table, Style(color=True, width=width))
    assert [without_colour(line) for line in colored] == wrapped


LISTING = Listing(
    ("space", "number", "name", "arch", "title"),
    [("msr", "0x10", "HV_A", "x64", "first, of two"), ("", "", "=HV_B", "common", "")],
    [{"name": "HV_A", "number": "0x10"}, {"name": "=HV_B"}],
)
LISTED = {
    "fields": "  msr  0x10  HV_A   x64     first, of two\n             =HV_B  common\n",
    "bits": "  msr  0x10  HV_A   x64     first, of two\n             =HV_B  common\n",
    "line": "msr  0x10  HV_A  x64  first, of two\n=HV_B  common\n",
    "csv": 'space,number,name,arch,title\nmsr,0x10,HV_A,x64,"first, of two"\n,,\'=HV_B,common,\n',
    "json": '[{"name":"HV_A","number":"0x10"},{"name":"=HV_B"}]\n',
    "ndjson": '{"name":"HV_A","number":"0x10"}\n{"name":"=HV_B"}\n',
    "table": (
        "space    number    name    arch    title\n"
        "-------  --------  ------  ------  -------------\n"
        "msr      0x10      HV_A    x64     first, of two\n"
        "                   =HV_B   common\n"
    ),
}


@pytest.mark.parametrize("form", RENDERERS)
def test_a_listing_has_every_format(form: str) -> None:
    listing = Listing(LISTING.headers, LISTING.rows, LISTING.tables, roles=("dim", "number", "name", "dim", "meaning"))
    assert "".join(render_listing(listing, form, Style(width=0))) == LISTED[form]


@pytest.mark.parametrize("form", RENDERERS)
def test_an_empty_listing_is_nothing_or_an_empty_one(form: str) -> None:
    text = "".join(render_listing(Listing(("name",), [], []), form, Style(width=0)))
    assert text == {"json": "[]\n", "csv": "name\n", "table": "name\n------\n"}.get(form, "")


def test_the_list_of_everything_has_one_row_and_object_each() -> None:
    listing = list_entries(CATALOGS["x64"].entries())
    objects = [json.loads(line) for line in "".join(render_listing(listing, "ndjson", Style())).splitlines()]
    rows = list(csv.DictReader(io.StringIO("".join(render_listing(listing, "csv", Style())))))
    assert [row["name"] for row in rows] == [one["name"] for one in objects]
    assert [row["number"] for row in rows] == [one.get("number", "") for one in objects]
    assert json.loads("".join(render_listing(listing, "json", Style()))) == objects
    assert all(
        list(one) == [key for key in ("name", "kind", "space", "number", "arch", "also", "was", "title") if key in one] for one in objects
    )


@each((one for one in FOUND if one.spec.layout and not one.spec.width), name_of)
def test_members_stand_where_decoding_finds_them(found: Found) -> None:
    catalog = CATALOGS[found.arch]
    decoder = Decoder(catalog)
    assert found.spec.layout
    members = found.spec.layout.fields
    size = decoder.schemas.size(found.spec)
    offsets = {one["name"]: one["offset"] for one in describe(catalog, found)["fields"] if "offset" in one and "when" not in one}
    decoded = {part.name: part.offset for part in decoder.decode(found, bytes(size or 4096)).fields if part.name in offsets}
    assert {name: offsets[name] for name in decoded} == decoded
    assert len(offsets) == len(members) or None in map(decoder.schemas.member_size, members)


@pytest.mark.parametrize(("arch", "at", "size"), [("x64", 32, 16), ("arm64", 40, 24)])
def test_a_member_after_a_type_that_differs_by_arch_has_the_offset_of_that_arch(arch: str, at: int, size: int) -> None:
    catalog = CATALOGS[arch]
    *_, entry, flags = describe(catalog, catalog.find_name("HVCALL_UNMAP_DEVICE_INTERRUPT"))["fields"]
    assert (flags["offset"], flags["size"]) == (at, 4)
    assert (entry["offset"], entry["size"]) == (16, size)


def test_a_constant_says_of_what_it_is_a_value_or_the_bits() -> None:
    value, bits = (
        list_constants(CATALOGS["x64"], find_constants(INDEX, name, "x64"))
        for name in ("HV_SCHEDULER_TYPE_ROOT", "HV_STIMER_DIRECT_MODE_AVAILABLE")
    )
    [table] = value.tables
    assert (table["kind"], table["of"], table["value"], table["meaning"]) == ("value", "HV_SCHEDULER_TYPE", 4, "root")
    assert list(render_listing(value, "fields", Style(width=0)))[:2] == [
        "HV_SCHEDULER_TYPE_ROOT  value 0x4 of HV_SCHEDULER_TYPE, scheduler of the hypervisor\n",
        "  or integrated: the root partition schedules\n",
    ]
    assert "  other names  root\n" in list(render_listing(value, "fields", Style(width=0)))
    assert [(one["of"], one["field"], one.get("reg"), one["bits"]) for one in bits.tables] == [
        ("HYPERV_CPUID_FEATURES", "direct_synthetic_timers", "edx", [19, 19]),
        ("HV_REGISTER_PRIVILEGES_AND_FEATURES_INFO", "direct_synthetic_timers", None, [77, 77]),
    ]
    assert "EDX bit 19 of HYPERV_CPUID_FEATURES (x64), " in "".join(render_listing(bits, "fields", Style(width=0)))


@pytest.mark.parametrize("width", [40, 80])
def test_every_constant_fits_the_terminal_and_has_a_source(width: int) -> None:
    for number, *_ in INDEX.specs():
        for one in constants_of(INDEX.spec(number)):
            listing = list_constants(CATALOGS["x64"], [one])
            assert listing.tables[0]["source"]
            lines = "".join(render_listing(listing, "fields", Style(width=width))).splitlines()
            assert [line for line in lines if len(line) > width and len(line.split()) > 2] == []


@pytest.mark.parametrize(
    ("text", "name", "where"),
    [
        ("hv-stimer", "HV_X64_MSR_STIMER{n}_CONFIG", "QEMU flag hv-stimer"),
        ("HV_STIMER", "HV_X64_MSR_STIMER{n}_COUNT", "QEMU flag hv-stimer"),
        ("hv-stimer", "HYPERV_CPUID_FEATURES", "field direct_synthetic_timers, also HV_STIMER_DIRECT_MODE_AVAILABLE"),
        ("auto-eoi", "HV_X64_MSR_SINT{n}", "field auto_eoi"),
        ("local-apic", "HV_X64_MSR_TPR", "title"),
        ("re-enlightenment", "HYPERV_CPUID_FEATURES", "field access_reenlightenment_controls"),
        ("MapGpaFlags", "HV_MAP_GPA_FLAGS", "name"),
        ("HV_STATS_AREA_SELF", "HV_STATS_AREA_TYPE", "value 0x0 own, also HV_STATS_AREA_SELF"),
        ("hypervisor-error", "BUG_CHECK", "value 0x20001 HYPERVISOR_ERROR"),
        ("PVALIDATE", "HV_SNP_INTERRUPT_INJECTION", None),
    ],
)
def test_a_text_is_found_with_its_place(text: str, name: str, where: str | None) -> None:
    hits = {table["name"]: table["where"] for table in list_hits(find_text(INDEX, text), CATALOGS["x64"]).tables}
    assert hits.get(name) == where
