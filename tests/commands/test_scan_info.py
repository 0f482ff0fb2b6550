"""scan --info describes an image and its memory, in every format and in little memory; --base gives the first address of a raw one."""

from __future__ import annotations

import csv
import io
import json
import tracemalloc
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from hvrepl.commands.scan import Seen, say_nothing
from hvrepl.commands.session import Session, Streams
from hvrepl.errors import FileError
from hvrepl.readers.images.memory import Facts, Mapped
from hvrepl.readers.images.ranges import Range
from hvrepl.readers.images.source import open_source
from hvrepl.render.image import Image, render_images
from hvrepl.render.style import Style
from hvrepl.script.lines import quote
from tests.at_hand import need
from tests.images.core import PAGE, TIMER, elf, page, write
from tests.images.kdump import kdump
from tests.program import Ended, call
from tests.terminal import Terminal

TIMERS = page({0: TIMER})
KEYS = ["format", "arch", "size", "ranges", "missing", "kernel", "findings", "file"]
CUT = "ends in the middle of a page; its last 100 bytes are not searched"


@pytest.fixture
def raw(tmp_path: Path) -> str:
    return write(tmp_path / "raw", bytes(PAGE) + TIMERS)


@pytest.fixture
def cut(tmp_path: Path) -> str:
    return write(tmp_path / "cut", bytes(PAGE) + bytes(100))


@pytest.fixture
def core(tmp_path: Path) -> str:
    """A core of twelve ranges with a gap after each."""
    return write(tmp_path / "core", elf([(0, 2 * at * PAGE, TIMERS) for at in range(12)]))


def info(*words: str) -> list[dict[str, object]]:
    found = json.loads(call("scan", "--info", *words, "-f", "json").out)
    return found if isinstance(found, list) else [found]


def test_json_has_the_keys_in_their_order_and_every_range(raw: str, cut: str, core: str) -> None:
    one, two, three = info(raw, cut, core)
    assert [list(table) for table in (one, two, three)] == [KEYS] * 3
    assert one == dict(zip(KEYS, ("raw", "", 2 * PAGE, [{"address": "0x0", "size": 2 * PAGE}], "", "", [], raw), strict=True))
    assert two["findings"] == [{"code": "damaged", "text": CUT}]
    assert (three["format"], three["size"]) == ("ELF core", 12 * PAGE)
    assert three["ranges"] == [{"address": hex(2 * at * PAGE), "size": PAGE} for at in range(12)]


def test_one_image_is_an_object_and_several_are_an_array_and_ndjson_has_a_line_each(raw: str, core: str) -> None:
    assert call("scan", "--info", raw, "-f", "json").out.startswith('{"format":"raw"')
    assert call("scan", "--info", raw, core, "-f", "json").out.startswith('[{"format":"raw"')
    lines = call("scan", "--info", raw, core, "-f", "ndjson").out.splitlines()
    assert [json.loads(line) for line in lines] == info(raw, core)


def test_a_person_is_shown_the_first_ranges_and_how_many_more(core: str) -> None:
    ended = call("scan", "--info", core, columns=0)
    assert (ended.status, ended.err) == (0, "")
    first, arch, memory, *ranges, more = ended.out.splitlines()
    assert (first, arch) == (f"{core}  ELF core", "  arch    x64")
    assert memory == "  memory  49,152 bytes (48 KiB) in 12 ranges"
    assert [line.split() for line in ranges] == [[f"{2 * at * PAGE:#x}-{(2 * at + 1) * PAGE - 1:#x}", "4", "KiB"] for at in range(8)]
    assert more == "    and 4 more, the last up to 0x16fff"


def test_csv_is_a_row_for_each_image_and_line_a_line(raw: str, cut: str) -> None:
    rows = list(csv.DictReader(io.StringIO(call("scan", "--info", raw, cut, "-f", "csv").out)))
    assert [(row["file"], row["format"], row["size"], row["ranges"], row["findings"]) for row in rows] == [
        (raw, "raw", "8192", "1", ""),
        (cut, "raw", "4196", "1", CUT),
    ]
    assert call("scan", "--info", raw, cut, "-f", "line").out.splitlines() == [
        f"{raw}  raw, 8,192 bytes (8 KiB) in 1 range",
        f"{cut}  raw, 4,196 bytes (4.1 KiB) in 1 range  ! {CUT}",
    ]


def test_a_table_names_what_is_said(core: str) -> None:
    out = call("scan", "--info", core, "-f", "table").out
    assert "memory  49,152 bytes (48 KiB) in 12 ranges" in out
    assert "range   4 more, the last up to 0x16fff" in out


def test_damage_is_a_finding_with_status_1_only_where_that_is_asked_for(cut: str) -> None:
    ended = call("scan", "--info", cut)
    assert (ended.status, ended.err) == (0, "")
    assert f"\n! {CUT}\n" in ended.out
    for form in ("fields", "line", "json", "csv"):
        assert call("scan", "--info", cut, "--strict", "-f", form).status == 1


@pytest.mark.parametrize("form", ["fields", "table", "line", "json", "ndjson", "csv"])
def test_an_error_comes_after_what_was_shown_before_it(raw: str, tmp_path: Path, form: str) -> None:
    missing = str(tmp_path / "missing")
    error = f"{missing}: No such file or directory\n"
    ended = call("scan", "--info", raw, missing, raw, "-f", form)
    assert (ended.status, ended.err) == (4, error)
    alone = call("scan", "--info", raw, "-f", form).out
    assert ended.out == (f"[{alone[:-1]}]\n" if form == "json" else alone)
    going = call("scan", "--info", raw, missing, raw, "-f", form, "-k")
    assert going.status == 4
    assert going.out.count(raw) >= 2
    assert (error in going.err) != (form == "ndjson")


def test_an_object_that_replaces_an_error_has_its_line(raw: str) -> None:
    ended = call("-k", "-f", "ndjson", stdin=f"\nscan --info {quote(raw)} missing\n".encode())
    first, second = map(json.loads, ended.out.splitlines())
    assert (first["line"], first["format"]) == (2, "raw")
    assert second == {"line": 2, "input": "missing", "error": "missing: No such file or directory", "status": 4}


def test_vmcores_have_a_range_for_each_run_of_pages(tmp_path: Path) -> None:
    need("module:drgn")
    path = write(tmp_path / "vmcore", kdump(dict.fromkeys((1, 2, 8, 32767, 32768), TIMERS)))
    assert info(path)[0]["ranges"] == [
        {"address": "0x1000", "size": 2 * PAGE},
        {"address": "0x8000", "size": PAGE},
        {"address": "0x7fff000", "size": 2 * PAGE},
    ]


def image(path: str, facts: Facts, ranges: Iterator[Range] | list[Range], size: int | None = 0) -> Image:
    return Image(path, Mapped(open_source(path), facts, lambda: ranges, size=size))


def render(one: Image, form: str, width: int = 0, *, is_terminal: bool = False) -> str:
    with closing(one.memory):
        return "".join(render_images([one], form, Style(width=width, is_terminal=is_terminal), several=False))


FACTS = Facts(format="kdump", arch="arm64", kernel="6.6.87", missing="user pages, free pages (dump level 24)")


def test_what_an_image_says_of_its_guest_is_shown(raw: str) -> None:
    shown = render(image(raw, FACTS, [Range(0x1000, 3 << 30)], 3 << 30), "fields").splitlines()[1:]
    assert shown == [
        "  arch    arm64",
        "  kernel  6.6.87",
        "  lacks   user pages, free pages (dump level 24)",
        "  memory  3,221,225,472 bytes (3 GiB) in 1 range",
        "    0x1000-0xc0000fff  3 GiB",
    ]
    table = json.loads(render(image(raw, FACTS, []), "json"))
    assert (table["arch"], table["kernel"], table["missing"], table["ranges"]) == ("arm64", "6.6.87", FACTS.missing, [])


def test_a_size_that_only_unpacking_tells_is_null(raw: str) -> None:
    ranges = [Range(0x1000, (1 << 64) - 0x1000)]
    assert "  memory  unknown until unpacked in 1 range\n    0x1000-  to its end\n" in render(image(raw, FACTS, ranges, None), "fields")
    table = json.loads(render(image(raw, FACTS, ranges, None), "json"))
    assert (table["size"], table["ranges"]) == (None, [{"address": "0x1000", "size": None}])


def test_a_terminal_has_json_on_lines_of_their_own(raw: str) -> None:
    text = render(image(raw, FACTS, [Range(0, PAGE), Range(3 * PAGE, PAGE)]), "json", 80, is_terminal=True)
    assert '\n  "ranges": [\n    {"address":"0x0","size":4096},\n    {"address":"0x3000","size":4096}\n  ],\n' in text
    assert list(json.loads(text)) == KEYS


def test_a_fault_among_the_ranges_is_a_finding_after_those_before_it(raw: str) -> None:
    def ranges() -> Iterator[Range]:
        yield Range(0, PAGE)
        raise FileError(f"{raw}: ends within its bitmap")

    table = json.loads(render(image(raw, FACTS, ranges()), "json"))
    assert table["ranges"] == [{"address": "0x0", "size": PAGE}]
    assert table["findings"] == [{"code": "damaged", "text": "ends within its bitmap"}]


MANY = 20_000  # ranges: a list of them takes several times the allowed memory


@pytest.mark.parametrize("form", ["fields", "json", "ndjson", "csv"])
def test_many_ranges_take_a_little_memory(raw: str, form: str) -> None:
    one = image(raw, FACTS, (Range(2 * at * PAGE, PAGE) for at in range(MANY)))
    tracemalloc.start()
    try:
        with closing(one.memory):
            size = sum(map(len, render_images([one], form, Style(width=0), several=False)))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 1 << 20
    assert (size > MANY * 30) == (form in ("json", "ndjson"))


def say(missing: dict[str, str], *words: str, is_terminal: bool) -> str:
    out, err = io.StringIO(), io.StringIO()
    session = Session.start(Streams(io.BytesIO(), out, err, {}, stdout_is_terminal=is_terminal))
    assert list(say_nothing(session, words, iter(()), Seen(missing=missing))) == []
    return err.getvalue()


def test_what_lacks_a_part_is_named_where_nothing_was_found_in_it_also_in_a_pipe() -> None:
    lacking = "no message page found in b, which lacks user pages\n"
    assert say({"b": "user pages"}, "a", "b", is_terminal=False) == lacking
    assert say({"b": "user pages"}, "a", "b", is_terminal=True) == f"{lacking}no message page found in a\n"
    assert say({}, "a", is_terminal=False) == ""


@pytest.mark.parametrize("base", ["0x100000000", "4294967296", "(4 << 30)", "1_0000_0000h"])
def test_a_raw_image_begins_where_it_is_said(raw: str, base: str) -> None:
    assert call("scan", raw, "--base", base, "-f", "line").out.startswith(f"{raw}:0x100001000  ")
    assert info(raw, "--base", base)[0]["ranges"] == [{"address": "0x100000000", "size": 2 * PAGE}]


def test_digits_of_a_base_are_hex_where_that_is_asked_for(raw: str) -> None:
    assert call("scan", raw, "--hex", "--base", "10000", "-f", "line").out.startswith(f"{raw}:0x11000  ")


@pytest.mark.parametrize(
    ("base", "text"),
    [
        ("1000", "--base 1000 is not the address of a page, a multiple of 0x1000; did you mean 0x1000?"),
        ("0x800", "--base 0x800 is not the address of a page, a multiple of 0x1000"),
        ("-4096", "--base -4096: an address is not negative"),
        ("(1 << 64)", "--base (1 << 64): an address has at most 64 bits"),
        ("0xfffffffffffff000", "raw: would end beyond 64 bits if it began at 0xfffffffffffff000"),
        ("12345678", "'12345678' can be hex or decimal; write 0x12345678 or 0n12345678, or use --hex"),
        ("high", "'high' is not a number"),
    ],
)
def test_a_base_that_cannot_be_one_is_wrong_usage(raw: str, monkeypatch: pytest.MonkeyPatch, base: str, text: str) -> None:
    monkeypatch.chdir(Path(raw).parent)
    for words in (("scan",), ("scan", "--info")):
        ended = call(*words, "raw", "--base", base)
        assert (ended.status, ended.out) == (2, "")
        assert ended.err.startswith(text)
        assert ended.err.count("\n") == 1


def test_an_image_with_addresses_takes_no_base(core: str) -> None:
    ended = call("scan", core, "--base", "0x1000")
    assert ended == Ended(2, "", f"{core}: has addresses of its own; --base is only for raw images\n")


@pytest.mark.parametrize("columns", [110, 40])
def test_it_fits_on_a_terminal(core: str, tmp_path: Path, columns: int) -> None:
    with Terminal(tmp_path, "scan", "--info", core, columns=columns, rows=40) as terminal:
        assert terminal.end() == 0
        assert "\n    0x0-0xfff      4 KiB\n" in terminal.text
        assert "49,152 bytes (48 KiB)" in terminal.text
        assert b"\x1b[1m" in terminal.written
