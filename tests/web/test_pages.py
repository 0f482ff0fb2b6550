"""The pages of the site: all of them, and those of definitions that mean harm."""

from __future__ import annotations

import json
import posixpath
import re
from functools import cache
from pathlib import Path
from urllib.parse import unquote, urldefrag

import pytest

from hvrepl.catalog.catalog import Found
from hvrepl.catalog.index import WAS
from hvrepl.catalog.model import ARCHES, Document
from hvrepl.catalog.opening import open_index
from hvrepl.render.definition import MANY_VALUES, RESERVED, names_of
from hvrepl.render.describe import describe
from hvrepl.web.links import address_of
from hvrepl.web.site import MISSING, MOST_BYTES, POLICY, STATIC_FILES, Site, write_site
from tests.catalog.own import write_own
from tests.web.reading import Read, read_page


@cache
def site() -> Site:
    return Site(open_index())


@cache
def texts() -> dict[str, str]:
    """All pages by path."""
    return {path: text for start in site().starts() for path, text in site().render(start).items()}


@cache
def pages() -> dict[str, Read]:
    return {path: read_page(text) for path, text in texts().items()}


@cache
def parts() -> dict[str, list[str]]:
    """The paths of each page that is not a part of another: its own, and those of its parts."""
    found: dict[str, list[str]] = {}
    for path in texts():
        found.setdefault(re.sub(r"(?<=/)[0-9]+/$", "", path), []).append(path)
    return found


@cache
def static_files() -> set[str]:
    return {f"static/{path.name}" for path in Path(STATIC_FILES).iterdir()} | {"static/search.json"}


def is_alias(path: str) -> bool:
    return path in site().links.aliases


def test_the_markup_of_every_page_is_well_formed_and_has_no_script_or_style_of_its_own() -> None:
    assert {path: page.faults for path, page in pages().items() if page.faults} == {}


def test_every_page_is_short() -> None:
    assert [(path, len(text.encode())) for path, text in texts().items() if len(text.encode()) >= MOST_BYTES] == []
    assert MOST_BYTES <= 50_000


def test_nothing_that_a_page_loads_is_from_elsewhere_and_all_of_it_is_there() -> None:
    faults = []
    for path, page in pages().items():
        whole = [posixpath.normpath(posixpath.join(path, one)) for one in page.loaded]
        faults += [
            (path, one) for one, at in zip(page.loaded, whole, strict=True) if ":" in one or one[:1] == "/" or at not in static_files()
        ]
    assert faults == []


def test_every_link_leads_somewhere() -> None:
    faults = []
    for path, page in pages().items():
        for link in page.links:
            if link.startswith("https://"):
                continue
            there, anchor = urldefrag(link)
            target = posixpath.normpath(posixpath.join(path, unquote(there))) if there else path.rstrip("/") or "."
            target = "" if target == "." else f"{target}/"
            if target.rstrip("/") in static_files():
                continue
            if target not in pages() or (anchor and "/" not in anchor and unquote(anchor) not in pages()[target].ids):
                faults.append((path, link))
    assert faults == []


def test_every_page_says_what_it_is() -> None:
    for path, page in pages().items():
        assert page.lang == "en", path
        assert page.title, path
        assert page.meta["description"], path
        assert page.meta["Content-Security-Policy"] == POLICY, path
        assert page.headings.count(1) == 1, path
        steps = zip(page.headings, page.headings[1:], strict=False)
        assert all(after <= before + 1 for before, after in steps), (path, page.headings)
        assert is_alias(path) or ("main" in page.ids and "#main" in page.links), path


def test_titles_of_pages_differ() -> None:
    titles = [page.title for page in pages().values()]
    assert len(titles) - len(set(titles)) < len(titles) // 100


def test_every_name_has_a_page() -> None:
    links = site().links
    known = {path.lower() for path in pages()}
    rows = [row for row in site().index.all_names() if row.how != WAS and "{" not in row.spelling]
    assert [row.spelling for row in rows if links.find(row.spelling) not in pages()] == []
    assert [row.spelling for row in rows if f"{row.spelling}/".lower() not in known] == []


def test_two_paths_are_never_the_same_where_case_does_not_matter() -> None:
    paths = [path.lower() for path in pages()]
    assert len(paths) == len(set(paths))


def test_every_spec_has_a_page_that_says_what_show_says() -> None:
    links = site().links
    whole = {start: " ".join(pages()[path].text for path in paths) for start, paths in parts().items()}
    missing = []
    for key, spec in links.specs.items():
        start = links.path_of[key, None]
        text = whole[start]
        arch = ARCHES[0] if spec.arch == "common" else spec.arch
        table = describe(links.catalogs[arch], Found(spec, arch, 0 if spec.count else None))
        said = [table.get("doc", ""), table.get("note", ""), table.get("qemu", ""), *table.get("see", ())]
        said += [one["number"] for one in table["addresses"] if not spec.count]
        said += [one for _, row in names_of(table) if not spec.count for one in row.split(", ")]
        for field in (*table["fields"], *table.get("output", ())):
            said += [field["name"] if "reserved" not in field else RESERVED[field["reserved"]], field.get("doc", ""), field.get("note", "")]
            said += [value["name"] for value in field.get("values", ())] if len(field.get("values", ())) <= MANY_VALUES else []
        said += [value["name"] for value in table.get("values", ())]
        missing += [(start, one) for one in said if one.replace("{n}", "0-") not in text and one not in text]
    assert missing == []


def test_every_field_has_a_link_to_its_source() -> None:
    assert {path: page.rows_without_source for path, page in pages().items() if page.rows_without_source} == {}


def test_every_source_of_the_specs_can_be_read() -> None:
    links = site().links
    sources = {source for spec in links.specs.values() for source in spec.source}
    assert [source for source in sources if not links.source(source).startswith("https://")] == []


ADDRESSES = {
    "hvdef:lib.rs#HvSynicSint": "/vm/hv1/hvdef/src/lib.rs#:~:text=HvSynicSint",
    "whp:headers/WinHvPlatformDefs.h#WHvRegisterSint0": "/virtualization/api/hypervisor-platform/headers/WinHvPlatformDefs.h"
    "#:~:text=WHvRegisterSint0",
    "tlfs:datatypes/hv_message.md#hv_message": "/virtualization/hyper-v-on-windows/tlfs/datatypes/hv_message.md#hv_message",
    "linux:hvgdk_mini.h#hv_synic_sint": "/include/hyperv/hvgdk_mini.h#:~:text=hv_synic_sint",
}


@pytest.mark.parametrize("source", ADDRESSES)
def test_a_source_is_read_at_the_commit_that_it_is_pinned_to(source: str) -> None:
    links = site().links
    document = links.documents[source.partition(":")[0]]
    assert links.source(source) == f"{document.repository}/blob/{document.commit}{ADDRESSES[source]}"


def test_a_document_that_is_no_web_page_has_no_link() -> None:
    assert address_of(Document("x", "x", url="javascript:alert(1)//"), "a", "b") == ""
    assert address_of(Document("x", "x", repository="javascript:alert(1)"), "a", "b") == ""


def test_an_element_of_an_array_has_a_page_with_its_own_number() -> None:
    page = pages()["HV_X64_MSR_SINT2/"]
    assert "0x40000092" in page.text
    assert "0x40000093" not in page.text
    assert "../HV_X64_MSR_SINTn/" in page.links
    assert pages()["sint2/"].meta["refresh"] == "0; url=../HV_X64_MSR_SINT2/"
    assert pages()["HvRegisterSint2/"].meta["refresh"] == "0; url=../HV_X64_MSR_SINT2/"


def test_a_name_that_is_another_thing_on_each_arch_has_both_on_its_page() -> None:
    page = pages()["HV_INTERRUPT_ENTRY/"]
    assert re.search(r"On x64.*On arm64", page.text, re.DOTALL)


def test_a_bit_leads_to_where_its_field_is_explained_also_in_another_part() -> None:
    for path in ("WINDOWS_CRASH/", "HYPERV_CPUID_FEATURES/"):
        assert any("#f-" in link for link in pages()[path].links)


def test_what_has_a_type_is_found_from_it() -> None:
    assert "../HVCALL_POST_MESSAGE/" in pages()["HV_CONNECTION_ID/"].links
    assert "../HV_TIMER_MESSAGE_PAYLOAD/" in pages()["HVMSG_TIMER_EXPIRED/"].links


def test_a_flag_says_what_others_call_it_and_leads_to_what_it_needs() -> None:
    page = pages()["hv-stimer/"]
    for text in ("CPUID 0x40000003 EAX bit 3", "QEMU 2.6", "features/hyperv/stimer", "features.hyperv.synictimer", "every Windows guest"):
        assert text in page.text
    assert {"../hv-synic/", "../hv-time/", "../HV_X64_MSR_STIMERn_CONFIG/"} <= set(page.links)
    assert "../hv-stimer/" in pages()["HV_X64_MSR_STIMERn_CONFIG/"].links
    assert "../hv-stimer-direct/" in page.links
    assert "../hv-stimer/" not in page.links
    assert any(row[0] == "hv-stimer/" and "features.hyperv.synictimer" in row[6] for row in json.loads(site().search_index))


def test_the_page_says_where_what_is_pasted_goes() -> None:
    assert "What you paste never leaves your browser." in texts()[""]
    assert "What you paste never leaves this machine." in Site(open_index(), "server").render("")[""]


def test_every_page_can_be_installed() -> None:
    assert "static/manifest.webmanifest" in pages()[""].loaded
    made = json.loads((Path(STATIC_FILES) / "manifest.webmanifest").read_text())
    assert posixpath.normpath(posixpath.join("static", made["start_url"])) == "."
    assert {f"static/{icon['src']}" for icon in made["icons"]} <= static_files()


def test_lists_have_every_name_in_order() -> None:
    links = site().links
    for start, (_, entries) in site().lists.items():
        names = [name for path in parts()[start] for name in re.findall(r'<tr><td>[^<]*</td><td><a href="[^"]*">([^<]*)', texts()[path])]
        assert names == [one.name.replace("&", "&amp;") for one in entries], start
    assert len(links.pages) > 2000


def test_the_index_of_the_search_has_every_name_number_and_field() -> None:
    rows = json.loads(site().search_index)
    names = {name.lower() for row in rows for name in (row[1], *row[4])}
    assert {row.spelling.lower() for row in site().index.all_names() if row.how != WAS and "{" not in row.spelling} - names == set()
    assert [row[2] for row in rows[:3]] == ["msr"] * 3
    by_path = {row[0]: row for row in rows}
    assert by_path["HV_X64_MSR_SINT2/"][5][0] == "0x40000092"
    assert "auto_eoi" in [detail[1] for detail in by_path["HV_X64_MSR_SINTn/"][7]]
    ids = {path: page.ids for path, page in pages().items()}
    wrong = []
    for path, *_, details in rows:
        for anchor, *_ in details:
            part, found, name = anchor.rpartition("#")
            if name not in ids[f"{path}{part if found else ''}"]:
                wrong.append((path, anchor))
    assert wrong == []


HOSTILE = """
kind   = "register"
name   = "HOSTILE"
title  = "<script>alert(1)</script> {{ 7 * 7 }} \\"'&"
doc    = "<img src=x onerror=alert(1)>"
note   = "</td></table><style>body{display:none}</style>"
also   = ["hostile-alias"]
width  = 64
see    = ["HV_X64_MSR_EOM"]
source = ["test:a.md#<script>alert(2)</script>"]

[[address]]
space  = "msr"
number = 0x40000FFF
name   = "HV_X64_MSR_HOSTILE"
note   = "<b onmouseover=alert(3)>"

[layout]
fields = [
  { bits = "0",    name = "on", doc = "<svg onload=alert(4)>", values = { 0 = "</code><script>alert(5)</script>" } },
  { bits = "63:1", reserved = "zero", note = "</title></svg><script>alert(7)</script>" },
]
"""


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Site:
    folder = write_own(tmp_path_factory.mktemp("own") / "specs", HOSTILE)
    (folder / "sources.toml").write_text('[test]\ntitle = "<script>alert(\'title\')</script>"\nurl = "javascript:alert(8)/"\n')
    return Site(open_index(folder))


def test_hostile_text_in_a_definition_is_text_on_its_page(hostile: Site) -> None:
    path = hostile.links.find("HOSTILE")
    text = hostile.render(path)[path]
    page = read_page(text)
    assert page.faults == []
    assert "<script>alert" not in text
    assert "<img" not in text
    assert "<svg onload" not in text
    assert not [link for link in page.links if link.startswith("javascript")]
    assert "<script>alert(1)</script> {{ 7 * 7 }} \"'&" in page.text
    assert "</code><script>alert(5)</script>" in page.text
    for other in ("list/msr/", hostile.links.find("HV_X64_MSR_EOM")):
        assert read_page(hostile.render(other)[other]).faults == []
    assert json.loads(hostile.search_index)


def test_the_site_is_written_as_files_under_any_path(tmp_path: Path) -> None:
    index = open_index(write_own(tmp_path / "specs", HOSTILE))
    sizes = write_site(str(tmp_path / "site"), index, base="/some/where/")
    assert len(sizes) > 5000
    found = {path.relative_to(tmp_path / "site").as_posix() for path in (tmp_path / "site").rglob("*") if path.is_file()}
    assert {"index.html", MISSING, "static/search.json", "static/site.css", "hostile-alias/index.html", "list/msr/index.html"} <= found
    missing = read_page((tmp_path / "site" / MISSING).read_text(encoding="utf-8"))
    assert "/some/where/static/site.css" in missing.loaded
    assert not [link for link in missing.links if not link.startswith(("/some/where/", "#"))]
