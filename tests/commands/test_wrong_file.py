"""A file for the wrong command: one line names the right one."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.paths import DATA
from tests.program import call

FILES = {
    "page.txt": DATA / "dumps" / "page.xxd.txt",
    "windbg.txt": DATA / "dumps" / "page.windbg.txt",
    "dmesg": DATA / "logs" / "dmesg.txt",
    "leaves": DATA / "cpuid" / "xen.txt",
    "leaves.xml": DATA / "cpuid" / "rjcp-i7-8565u.xml",
    "image.vmcore": DATA / "images" / "guest.core",
}
IMAGE = "image.vmcore is a memory image: `scan image.vmcore` finds message pages in it, @image.vmcore:ADDRESS is what is at an address"
LOG = "it looks like a log: `annotate dmesg`"
LEAVES = "it looks like a CPUID dump: `cpuid leaves`"
# Words → the refusal.
WRONG = {
    "scan page.txt": "page.txt: not a memory image; it looks like a dump in text: `decode page @page.txt`",
    "scan windbg.txt": "windbg.txt: not a memory image; it looks like a dump in text: `decode page @windbg.txt`",
    "scan dmesg": f"dmesg: not a memory image; {LOG}",
    "scan leaves": f"leaves: not a memory image; {LEAVES}",
    "cpuid dmesg": f"dmesg: no CPUID leaf in it; {LOG}",
    "cpuid @dmesg": f"dmesg: no CPUID leaf in it; {LOG}",
    "cpuid windbg.txt": "windbg.txt: no CPUID leaf in it; it looks like a dump in text: `decode page @windbg.txt`",
    "cpuid image.vmcore": IMAGE,
    "decode @dmesg": f"dmesg: {LOG}",
    "decode @leaves": f"leaves: {LEAVES}",
    "decode @image.vmcore": "image.vmcore: it looks like a memory image: `scan image.vmcore`",
    "decode @page.txt": "what is in page.txt? `decode WHAT @page.txt`, such as page or message",
    "decode @none": "what is in none? `decode WHAT @none`, such as page or message",
    "decode page @dmesg": f"dmesg: no dump; {LOG}",
    "decode page dmesg": f"dmesg: no dump; {LOG}",
    "decode page @leaves": f"leaves: no dump; {LEAVES}",
    "decode page @image.vmcore": IMAGE,
    "decode sint2 @dmesg": f"dmesg: no value of sint2 in it; {LOG}",
    "decode sint2 @leaves.xml": "leaves.xml: no value of sint2 in it; it looks like a CPUID dump: `cpuid leaves.xml`",
    "decode sint2 @windbg.txt": "windbg.txt: no value of sint2 in it; it looks like a dump in text: `decode page @windbg.txt`",
    "decode sint2 @image.vmcore": IMAGE,
    "encode sint2 @dmesg vector=2": f"dmesg: no value of sint2 in it; {LOG}",
    "eom @dmesg 2": f"dmesg: no dump; {LOG}",
    "eom @image.vmcore 2": IMAGE,
    "crash @image.vmcore": IMAGE,
}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name, path in FILES.items():
        (tmp_path / name).write_bytes(path.read_bytes())
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(("line", "text"), WRONG.items(), ids=WRONG)
def test_the_line_says_which_command_a_file_is_for(line: str, text: str) -> None:
    ended = call(*line.split())
    assert (ended.status, ended.out, ended.err) == (2, "", f"{text}\n")


@pytest.mark.parametrize(
    ("name", "command"),
    {
        "page.txt": "decode page @page.txt",
        "dmesg": "annotate dmesg",
        "leaves": "cpuid leaves",
        "leaves.xml": "cpuid leaves.xml",
        "image.vmcore": "scan image.vmcore",
    }.items(),
    ids=str,
)
@pytest.mark.usefixtures("folder")
def test_a_file_alone_gets_a_suggested_command_which_runs(name: str, command: str) -> None:
    ended = call(name)
    assert (ended.status, ended.err) == (3, f"no such command or name: {name}; for the file: {command}\n")
    assert call(*command.split()).status == 0


def test_a_bad_line_in_a_file_of_values_is_reported_as_it_was(folder: Path) -> None:
    (folder / "values.txt").write_text("0x30\n[    0.246940] hv_vmbus: Vmbus version:5.3\n")
    ended = call("decode", "sint2", "@values.txt", "-f", "line")
    assert (ended.status, ended.out.count("\n"), ended.err.startswith("values.txt:2: ")) == (2, 1, True)
    assert "looks like" not in ended.err
    assert call("values.txt").err == "no such command or name: values.txt; for the file: annotate values.txt\n"
    (folder / "values.txt").write_text("# from rdmsr\n0x30\n0x31\n")
    assert call("values.txt").err == "no such command or name: values.txt; for the file: decode WHAT @values.txt\n"


def test_a_scan_without_a_page_says_so_on_a_terminal_alone(folder: Path) -> None:
    (folder / "empty.raw").write_bytes(bytes(8192))
    said = [call("scan", "empty.raw", stdout_is_terminal=terminal) for terminal in (True, False)]
    assert [(one.status, one.out, one.err) for one in said] == [(0, "", "no message page found in empty.raw\n"), (0, "", "")]
    assert call("scan", "image.vmcore", stdout_is_terminal=True).err == ""
    assert call("-k", "scan", "none", stdout_is_terminal=True).err.count("\n") == 1


def test_an_image_can_still_be_read_at_an_address(folder: Path) -> None:
    assert call("decode", "page", "@image.vmcore:0x3c5a000").status == 0
    (folder / "raw").write_bytes(b"\x7fELF is only text")
    assert "raw is a memory image" not in call("decode", "sint2", "@raw").err
