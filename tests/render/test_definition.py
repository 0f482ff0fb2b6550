"""`show`, `list` and `find`: what they say of every spec, as text that fits and as objects that programs read."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Mapping
from typing import Any

import pytest

from hvrepl.catalog.catalog import Catalog, Found
from hvrepl.catalog.index import is_seen
from hvrepl.catalog.model import ARCHES
from hvrepl.catalog.opening import open_index
from hvrepl.codec.decoded import dump
from hvrepl.render.definition import describe, describe_lines, place_of
from hvrepl.render.formats import RENDERERS
from hvrepl.render.listing import Listing, list_entries, render_listing
from hvrepl.render.style import Style

INDEX = open_index()
CATALOGS = {arch: Catalog(INDEX, arch) for arch in ARCHES}
SGR = re.compile(r"\x1b\[[0-9;]*m")


def all_found() -> list[Found]:
    """Every spec on every arch that has it, of arrays the first element."""
    found = []
    for arch, catalog in CATALOGS.items():
        for key, _, _, spec_arch, _ in INDEX.specs():
            if is_seen(spec_arch, arch):
                spec = catalog.load(key)
                found.append(Found(spec, arch, 0 if spec.count else None, catalog.heading(spec)))
    return found


def grouped(found: list[Found]) -> dict[str, list[Found]]:
    """What has a layout by itself; plain names, of which there are many, by their kind."""
    groups: dict[str, list[Found]] = {}
    for one in found:
        groups.setdefault(f"{one.arch}-{one.name if one.spec.layout else one.spec.kind}", []).append(one)
    return groups


GROUPS = grouped(all_found())
KEYS = """name kind title arch also doc note width size reset addresses fields output values privilege granted_by qemu see source""".split()  # noqa: SIM905


@pytest.mark.parametrize("group", GROUPS.values(), ids=GROUPS)
def test_every_spec_is_described_in_words_that_its_object_has_too_with_sources_and_fits_the_terminal(group: list[Found]) -> None:
    for found in group:
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
    """No line is wider than the terminal, no word is lost, and colour changes nothing else."""
    wrapped = list(describe_lines(table, Style(width=width)))
    assert " ".join(wrapped).split() == " ".join(whole).split()
    assert all(len(line) <= width or "  " in line.strip() or len(max(line.split(), key=len)) > width // 2 for line in wrapped)
    colored = describe_lines(table, Style(color=True, width=width))
    assert [SGR.sub("", line) for line in colored] == wrapped


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
