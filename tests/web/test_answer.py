"""answer: the same as the command line, nothing of the machine, and nothing that stops it."""

from __future__ import annotations

import html
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hvrepl.catalog.catalog import Catalog
from hvrepl.catalog.index import WAS, is_seen
from hvrepl.catalog.model import ARCHES
from hvrepl.catalog.opening import open_index
from hvrepl.commands.table import COMMANDS, Command
from hvrepl.web import answer as module
from hvrepl.web.answer import MOST_TEXT, answer, answer_file
from hvrepl.web.links import Links
from hvrepl.web.run import page_of
from hvrepl.web.shown import MOST_HTML, MOST_OUT
from tests.paths import DATA
from tests.program import call
from tests.web.inputs import INPUTS, NAMES, Input

TAG = re.compile(r"<[^>]*>")
KEYS = ["kind", "text", "html", "errors", "status", "link", "command"]


def said(made: str) -> str:
    """The text of HTML."""
    return html.unescape(TAG.sub(" ", made))


@pytest.mark.parametrize("given", INPUTS, ids=NAMES)
def test_the_box_prints_what_the_command_line_prints(given: Input) -> None:
    made, printed = answer(given.text, given.arch), call(*given.words, stdin=given.stdin.encode(), environ=dict(given.environ), columns=0)
    assert list(made) == KEYS
    assert made["text"] == printed.out
    assert made["errors"] == printed.err.strip()
    assert made["status"] == printed.status


@pytest.mark.parametrize("given", INPUTS, ids=NAMES)
def test_html_says_what_the_text_says(given: Input) -> None:
    made = answer(given.text, given.arch, columns=80)
    words = set(re.findall(r"[A-Z]{2,}\w+|0x[0-9a-f]{3,}", made["text"]))
    if "-f " not in given.text:
        assert [word for word in words if word not in said(made["html"])] == []


def test_a_paste_of_several_lines_shows_each_error_and_goes_on() -> None:
    made = answer("sint2 0x1\nnosuch 0x2\nsint3 0x3\nsint4 nope")
    assert made["text"].count("HV_X64_MSR_SINT") == 2
    assert made["errors"] == "no such command or name: nosuch (and 1 more)"
    assert made["html"].count('class="hv-error"') == 2


@pytest.mark.parametrize(
    ("text", "link"),
    [
        ("sint2 0x200f3", "sint2=0x200f3"),
        ("  sint2 = 0x200f3 ", "sint2=0x200f3"),
        ("show sint2", "show sint2"),
        ("list 5", "list 5"),
        ("0x8100000606570000", "0x8100000606570000"),
        ("sint2 vector=0xf3", "sint2 vector=0xf3"),
        ("sint2 0x1 0x2", "sint2 0x1 0x2"),
    ],
)
def test_a_link_asks_the_same(text: str, link: str) -> None:
    made = answer(text)
    assert made["link"] == link
    assert answer(link)["text"] == made["text"]


@pytest.mark.parametrize(
    ("text", "command"),
    [
        ("sint2 0x200f3", "hvrepl sint2 0x200f3"),
        ("(1 << 30)", "hvrepl -c '(1 << 30)'"),
        ("sint2 $(rm x)", "hvrepl -c 'sint2 $(rm x)'"),
        ("--arch arm64 sint2", "hvrepl -c '--arch arm64 sint2'"),
    ],
)
def test_a_command_line_is_quoted_for_the_shell(text: str, command: str) -> None:
    assert answer(text)["command"] == command


def test_a_command_line_names_the_other_arch() -> None:
    assert answer("sint2 0x1", "arm64")["command"] == "hvrepl --arch arm64 sint2 0x1"


# Lines that would run a program, or read or write a file, on the machine that serves the page.
MACHINE = (
    "!id",
    "list status | head",
    "list status > out.txt",
    "sint2 0x1 >> out.txt",
    "source lines.hv",
    "save lines.hv",
    "history",
    "live",
    "live sint2",
    "cpuid",
    "cpuid page.txt",
    "cpuid @page.txt",
    "scan page.txt",
    "annotate page.txt",
    "annotate --only page.txt",
    "columns page.txt a=sint2",
    "decode page @page.txt",
    "page @page.txt",
    "page page.txt",
    "page.2 page.txt",
    "page.txt",
    "diff page @page.txt @page.txt",
    "eom @page.txt 2",
    "eom page.txt 2",
    "crash @page.txt",
    "crash page.txt",
    "let x = page @page.txt",
    "let x = page page.txt",
    "encode page @page.txt slots[0].type=1",
    "encode sint2 vector=1 -o out.txt",
    "encode sint2 vector=1 --output=out.txt",
    "--specs . sint2",
    "sint2 --specs=.",
    "hvrepl scan page.txt",
    "--allow-shell !id",
    "-c !id",
    "--install-completion",
    "page /etc/passwd",
    "page ~/x",
    "page ../page.txt",
    "help @page.txt",
)


@pytest.mark.parametrize("text", MACHINE)
def test_nothing_of_the_machine_is_read_or_written(text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    page = (DATA / "dumps/page.gdb.txt").read_text()
    for name in ("page.txt", "lines.hv"):
        (tmp_path / name).write_text(page)
    made = answer(text)
    assert made["status"] in (2, 3)
    assert made["text"] == ""
    assert made["errors"]
    assert "HVMSG" not in made["html"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["lines.hv", "page.txt"]
    assert answer(f"{text}\nsint2 0x1")["text"].startswith("HV_X64_MSR_SINT2")


HOSTILE = (
    "",
    " \n ",
    "<script>alert(1)</script>",
    "sint2 <img src=x onerror=alert(1)>",
    '"><svg onload=alert(1)>',
    "find <b>",
    "\0\0\0",
    "sint2 \x1b[31m0x1\x1b[0m",
    "\x9b31m",
    "\u202esint2",
    "\ud800",
    "(" * 5000,
    "(1 << 99999999999)",
    "9" * 5000,
    "sint2 " + "0x1 " * 5000,
    "a" * 100_000,
    "[" * 3000 + "]" * 3000,
    "\n".join(["sint2 0x1"] * 5000),
    "\n" * 100_000,
    "help help help",
    "let let = let",
    "_",
    "_99999999999999999999",
    "arch vax",
    "format nope",
    "quit",
    "-",
    "decode page -",
    "annotate -",
    "Hyper-V: privilege flags low <b>0x2e7f</b>, high 0x3b8030, hints 0xc2c, misc 0xbed7b2",
    "[    0.000000] Hyper-V: privilege flags low 0x2e7f <script>, high 0x3b8030, hints 0xc2c, misc 0xbed7b2",
)


@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: ascii(text[:20]))
@pytest.mark.parametrize("arch", ["x64", "arm64", "vax", ""])
def test_hostile_text_is_answered(text: str, arch: str) -> None:
    made = answer(text, arch)
    check(made)


@given(st.text(max_size=60) | st.from_regex(r"[a-z_]{1,9}[ =:][0-9a-fx`_]{1,20}[\n|>@!'\" ]?.{0,9}"), st.integers(-5, 10**9))
def test_any_text_is_answered(text: str, columns: int) -> None:
    check(answer(text, columns=columns))


def check(made: dict[str, object]) -> None:
    assert list(made) == KEYS
    shown = str(made["html"])
    tags = "div|span|p|pre|table|caption|thead|tbody|tr|th|td|ul|li|br|details|summary|button"
    assert not re.search(rf'<(?!/?({tags})\b|a href="[\w.%-]+/">|/a>)', shown)
    assert not re.search(r"<[^>]*\s(on\w+|style|src)=", shown)
    assert "\x1b" not in shown
    assert len(shown) < 4 * MOST_HTML
    assert "\n" not in str(made["errors"])
    assert made["errors"] or made["text"] or made["status"] == 0


def test_a_long_answer_ends_with_a_sentence() -> None:
    made = answer("list")
    assert len(made["text"]) == MOST_OUT
    assert "The answer continues; hvrepl in a terminal prints all of it." in made["html"]


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.name)
def test_help_says_of_a_command_what_the_command_line_says(command: Command) -> None:
    made = answer(f"help {command.name}")
    assert made["text"].startswith(f"{command.name} {command.usage}\n")
    assert all(option.help in made["text"] for option in command.options)
    assert made["errors"] == ""


def test_a_long_text_is_refused() -> None:
    made = answer("0" * (MOST_TEXT + 1))
    assert made["errors"].endswith("drop the file on the page instead")


def test_lines_do_not_know_those_of_an_earlier_question() -> None:
    answer("let mine = 0x200f3")
    assert answer("sint2 mine")["errors"]
    assert answer("_")["errors"]


def test_the_bits_of_a_number_are_buttons() -> None:
    made = answer("sint2 0x200f3")["html"]
    buttons = dict(re.findall(r'data-bit="(\d+)" aria-pressed="(\w+)"', made))
    assert [int(bit) for bit in buttons] == list(range(63, -1, -1))
    assert [int(bit) for bit, pressed in buttons.items() if pressed == "true"] == [17, 7, 6, 5, 4, 1, 0]
    assert 'aria-label="bit 17, auto_eoi: 1"' in made
    assert made.count('tabindex="0"') == 1


@pytest.mark.parametrize("text", ["sint2", "page 0x1", "cpuid 0x40000003 eax=1", "(1 << 3)", "nosuch"])
def test_what_is_not_a_register_has_no_bits_to_click(text: str) -> None:
    assert "data-bit=" not in answer(text)["html"]


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("images/guest.core", ("scan",)),
        ("images/qemu.kdump", ("scan",)),
        ("images/guest.lime", ("scan",)),
        ("logs/dmesg.txt", ("annotate",)),
        ("cpuid/xen.txt", ("cpuid",)),
        ("dumps/page.bin", ("decode", "page", "@")),
        ("dumps/page.xxd.txt", ()),
    ],
)
def test_a_dropped_file_is_read_by_what_it_holds(path: str, words: tuple[str, ...]) -> None:
    place = str(DATA / path)
    arguments = (*words[:-1], f"@{place}") if words[-1:] == ("@",) else (*words, place) if words else ()
    printed = call(*arguments, stdin=b"" if words else (DATA / path).read_bytes(), columns=0)
    made = answer_file(place, "mine.bin")
    assert made["text"] == printed.out.replace(place, "mine.bin")
    assert made["errors"] == ""


def test_a_dropped_file_is_called_as_its_reader_knows_it(tmp_path: Path) -> None:
    empty, log = tmp_path / "file", DATA / "evtx/security.evtx"
    empty.write_bytes(b"")
    assert answer_file(str(empty), "notes.txt")["errors"] == "notes.txt is empty, or cannot be read"
    said = answer_file(str(log), "security.evtx")["errors"]
    assert said == "security.evtx is a Windows event log: hvrepl in a terminal reads it, a page does not"


def test_an_image_without_a_page_says_so(tmp_path: Path) -> None:
    image = tmp_path / "file"
    image.write_bytes(bytes(1 << 16))
    assert "no message page found in empty.raw" in answer_file(str(image), "empty.raw")["html"]


def test_a_long_log_is_shown_by_what_was_found_in_it(tmp_path: Path) -> None:
    log = tmp_path / "file"
    log.write_text("nothing here\n" * 200_000 + (DATA / "logs/dmesg.txt").read_text())
    made = answer_file(str(log), "dmesg")
    assert "nothing here" not in made["text"]
    assert "HYPERV_CPUID_FEATURES" in made["text"]


def test_a_dump_that_is_far_too_long_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_ROWS", 1000)
    dump = tmp_path / "file"
    dump.write_bytes((DATA / "dumps/page.xxd.txt").read_bytes())
    assert "a page in a browser takes" in answer_file(str(dump), "dump.txt")["errors"]


LEADS = {
    ("sint2 0x200f3", "x64"): "HV_X64_MSR_SINT2/",
    ("sint2 0x200f3", "arm64"): "HV_X64_MSR_SINT2/",
    ("sint2", "x64"): "HV_X64_MSR_SINT2/",
    ("0x8100000606570000", "x64"): "HV_X64_MSR_GUEST_OS_ID/",
    ("show HV_MESSAGE", "x64"): "HV_MESSAGE/",
    ("cpuid:0x40000003 0x1", "x64"): "HYPERV_CPUID_FEATURES/",
    ("hv-stimer", "x64"): "hv-stimer/",
    ("HV_X64_MSR_SINT", "x64"): "",
    ("list status", "x64"): "",
    ("help eom", "x64"): "",
}


@pytest.mark.parametrize(("text", "arch"), LEADS)
def test_the_heading_of_an_answer_leads_to_the_page_of_its_thing(text: str, arch: str) -> None:
    links = re.findall(r'<a href="([^"]*)">', str(answer(text, arch)["html"]))
    assert "".join(links[:1]) == LEADS[text, arch]


def test_every_page_is_where_an_answer_says() -> None:
    links = Links(open_index())
    wrong = []
    for arch in ARCHES:
        catalog = Catalog(links.index, arch)
        seen = [row.spelling for row in links.index.all_names() if is_seen(row.arch, arch) and row.how != WAS]
        wrong += [(name, arch) for name in seen if page_of(catalog, name) != links.find(name, arch)]
    assert wrong == []
