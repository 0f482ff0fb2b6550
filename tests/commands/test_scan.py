"""scan finds message pages in all kinds of images, with addresses; @FILE:ADDRESS reads a value from one. Errors: one line, status 4."""

from __future__ import annotations

import csv
import io
import json
import os
import shlex
import subprocess
import sys
from pathlib import Path

import pexpect
import pytest

from hvrepl.script.lines import quote
from tests.at_hand import need
from tests.images.core import PAGE, RESET_OF_ARM64, TIMER, VERSION_RESPONSE, elf, page, write
from tests.images.kdump import kdump
from tests.paths import DATA
from tests.program import PROGRAM, Ended, call, clean_environ, execute, start

TIMERS = page({0: TIMER, 2: VERSION_RESPONSE})
NOISE = os.urandom(PAGE)


@pytest.fixture
def image(tmp_path: Path) -> str:
    """A raw image with two message pages."""
    return write(tmp_path / "image", NOISE + TIMERS + bytes(PAGE) + page({1: RESET_OF_ARM64}))


@pytest.fixture
def core(tmp_path: Path) -> str:
    return write(tmp_path / "core", elf([(0xFFFF888000001000, 0x1000, NOISE + TIMERS)]))


@pytest.fixture
def vmcore(tmp_path: Path) -> str:
    return write(tmp_path / "vmcore", kdump({0x1233: NOISE, 0x1234: TIMERS}))


def test_each_page_is_shown_with_where_it_is_and_why_it_is_one(image: str) -> None:
    ended = call("scan", image, columns=0)
    assert (ended.status, ended.err) == (0, "")
    first, second = ended.out.split("\n\n")
    assert f"at 0x1000 of {image}: 2 of 2 messages fit their type)\n" in first
    assert "HVMSG_TIMER_EXPIRED" in first
    assert f"at 0x3000 of {image}: 1 of 1 messages fit their type on arm64)\n" in second
    assert "HVMSG_ARM64_RESET_INTERCEPT" in second


def test_cores_and_vmcores_are_scanned_by_physical_address(core: str, vmcore: str) -> None:
    lines = call("scan", core, vmcore, "-f", "line").out.splitlines()
    assert [line.split("  ")[0] for line in lines] == [f"{core}:0x2000", f"{vmcore}:0x1234000"]


def test_json_says_file_address_and_score_after_the_node(image: str) -> None:
    nodes = json.loads(call("scan", image, "-f", "json").out)
    assert [(one["file"], one["address"], one["score"]) for one in nodes] == [(image, "0x1000", 2), (image, "0x3000", 1)]
    assert [list(one)[-3:] for one in nodes] == [["file", "address", "score"]] * 2
    assert [json.loads(line) for line in call("scan", image, "-f", "ndjson").out.splitlines()] == nodes
    assert nodes[0]["raw"] == TIMERS.hex()


def test_csv_says_file_address_and_score_first(image: str) -> None:
    rows = list(csv.DictReader(io.StringIO(call("scan", image, "-f", "csv").out)))
    assert [(row["file"], row["address"], row["score"]) for row in rows] == [(image, "0x1000", "2"), (image, "0x3000", "1")]


def test_no_hit_prints_nothing_with_status_0(tmp_path: Path) -> None:
    path = write(tmp_path / "image", bytes(PAGE) + NOISE)
    for form in ("fields", "json", "ndjson", "csv"):
        assert call("scan", path, "-f", form) == Ended(0, "", "")


def test_findings_are_status_1_where_that_is_asked_for(tmp_path: Path) -> None:
    pending = write(tmp_path / "image", page({0: TIMER[:5] + b"\1" + TIMER[6:]}))
    assert call("scan", pending).status == 0
    assert call("scan", pending, "--strict").status == 1


def test_results_before_an_error_are_shown(tmp_path: Path) -> None:
    path = write(tmp_path / "image", TIMERS + NOISE[:100])
    ended = call("scan", path, "-f", "json")
    assert ended.status == 4
    assert json.loads(ended.out)["address"] == "0x0"
    assert ended.err == f"{path}: ends in the middle of a page; its last 100 bytes are not searched\n"


def test_an_error_ends_it_without_keep_going(image: str, tmp_path: Path) -> None:
    missing = str(tmp_path / "missing")
    assert call("scan", missing, image) == Ended(4, "", f"{missing}: No such file or directory\n")
    ended = call("scan", missing, image, "-k", "-f", "line")
    assert (ended.status, ended.err) == (4, f"{missing}: No such file or directory\n")
    assert len(ended.out.splitlines()) == 2
    objects = [json.loads(line) for line in call("scan", missing, image, "-k", "-f", "ndjson").out.splitlines()]
    assert objects[0] == {"input": missing, "error": f"{missing}: No such file or directory", "status": 4}
    assert [one.get("address") for one in objects] == [None, "0x1000", "0x3000"]


@pytest.mark.parametrize(("words", "text"), [((), "scan what?"), (("-",), "- cannot be scanned")])
def test_without_a_file_it_is_wrong_usage(words: tuple[str, ...], text: str) -> None:
    ended = call("scan", *words)
    assert (ended.status, ended.out) == (2, "")
    assert ended.err.startswith(text)


def test_in_a_script_an_object_has_its_line(image: str) -> None:
    ended = call("-k", "-f", "ndjson", stdin=f"\nscan {quote(image)}\n".encode())
    assert [json.loads(line)["line"] for line in ended.out.splitlines()] == [2, 2]


def test_a_closed_pipe_is_not_an_error(image: str) -> None:
    with start("scan", *[image] * 200, stdin=subprocess.DEVNULL) as process:
        assert process.stdout
        assert process.stderr
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 0


def test_no_bar_is_drawn_where_no_terminal_is(image: str) -> None:
    assert execute("scan", image).err == ""


def test_a_bar_is_drawn_on_a_terminal_and_cleared_for_output(image: str) -> None:
    shown, status = pexpect.run(shlex.join([*PROGRAM, "scan", image, "-f", "line"]), env=clean_environ(TERM="xterm"), withexitstatus=True)
    assert status == 0
    assert b"scan  [" in shown
    assert b"\r\x1b[K" + f"{image}:0x1000  ".encode() in shown
    quiet = pexpect.run(shlex.join([*PROGRAM, "-c", f"scan {quote(image)} -f line"]), env=clean_environ(TERM="xterm"))
    assert b"scan  [" not in quiet


def test_libraries_for_other_images_are_not_loaded_for_a_raw_one(image: str) -> None:
    program = (
        "import sys; from hvrepl.__main__ import main\n"
        f"sys.argv[1:] = ['scan', {image!r}]\n"
        "try: main()\nexcept SystemExit: print({'cramjam', 'elftools', 'lzallright'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False, env=clean_environ())
    assert done.stdout.endswith("set()\n"), done.stderr


def read_word(ended: Ended) -> str:
    assert (ended.status, ended.err) == (0, "")
    return ended.out


def test_a_value_is_read_at_an_address_of_any_image(image: str, core: str, vmcore: str) -> None:
    for place in (f"{image}:0x1000", f"{image}:4096", f"{core}:0x2000", f"{vmcore}:0x1234000"):
        table = json.loads(read_word(call("decode", "page", f"@{place}", "-f", "json")))
        path, _, address = place.rpartition(":")
        assert (table["raw"], table["read"]) == (TIMERS.hex(), f"read at {int(address, 0):#x} of {path}")


def test_each_command_takes_a_place(image: str) -> None:
    second = f"@{image}:0x1200"
    assert call("decode", "message", second, "-f", "line").out.startswith("HV_MESSAGE 256 bytes  VMBus")
    assert call("decode", "page.2", f"@{image}:0x1000", "-f", "line").out == call("decode", "message", second, "-f", "line").out
    assert call("diff", "message", second, f"@{image}:0x1000").status == 1
    assert call("diff", "message", second, second) == Ended(0, "", "")
    assert call("check", "message", second, "header.payload_size=16") == Ended(0, "", "")
    assert call("check", "message", second, "header.payload_size=17").status == 1
    assert call("encode", "page", f"@{image}:0x1000").out == f"{TIMERS.hex()}\n"
    assert call("eom", f"@{image}:0x1000", "2").status == 0


def test_a_register_is_read_at_a_place_in_its_width(image: str) -> None:
    table = json.loads(read_word(call("decode", "simp", f"@{image}:0x1000", f"@{image}:0x1200", "-f", "ndjson")).splitlines()[1])
    assert (table["raw"], table["read"]) == ("0x0000001000000001", f"read at 0x1200 of {image}")


def test_a_struct_without_a_size_reads_a_page(image: str) -> None:
    table = json.loads(call("decode", "vmbus_channel_message", f"@{image}:0x1210", "-f", "json").out)
    assert (len(table["raw"]), table["summary"]) == (2 * PAGE, "CHANNELMSG_VERSION_RESPONSE (15): supported")


def test_a_file_that_is_called_so_is_read_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "image", bytes(PAGE))
    write(tmp_path / "image:0x0", TIMER.ljust(256, b"\0"))
    write(tmp_path / "two:1:0", TIMERS)
    assert "HVMSG_TIMER_EXPIRED" in call("decode", "message", "@image:0x0").out
    assert "empty" in call("decode", "message", "@image:0").out
    assert "HVMSG_TIMER_EXPIRED" in call("decode", "message", "@two:1:0:0x0").out


@pytest.mark.parametrize(
    ("place", "status", "text"),
    [
        ("image:0x4000", 4, "image: has nothing at 0x4000; it has 0x0-0x3fff"),
        ("image:0x10000000000000000", 4, "image: has nothing at 0x10000000000000000"),
        ("missing:0x1000", 4, "missing: No such file or directory"),
        ("image:zz", 4, "image:zz: No such file or directory"),
        (".:0", 4, ".: is a directory"),
        (":0x1000", 4, ":0x1000: No such file or directory"),
        ("image:010", 2, "'010' is octal or decimal"),
        ("image:0x3ffc", 2, "message: got 4 bytes, needs at least 16"),
    ],
)
def test_a_missing_place_is_reported(image: str, monkeypatch: pytest.MonkeyPatch, place: str, status: int, text: str) -> None:
    monkeypatch.chdir(Path(image).parent)
    ended = call("decode", "message", f"@{place}")
    assert (ended.status, ended.out) == (status, "")
    assert ended.err.startswith(text)
    assert ended.err.count("\n") == 1


@pytest.mark.parametrize(
    ("name", "address"),
    [
        ("win_full.dmp", "0x3c5a000"),
        ("win_bitmap.dmp", "0x3c5a000"),
        ("hole.vmem", "0x100000000"),
        ("hole.vmss", "0x100000000"),
        ("xen_pfn.core", "0x3c5a000"),
        ("guest.lime", "0x3c5a000"),
        ("guest.avml", "0x3c5a000"),
        ("qemu.kdump", "0x3c5a000"),
        ("qemu_flattened.kdump", "0x3c5a000"),
    ],
)
def test_images_of_other_hypervisors_and_systems_are_scanned(name: str, address: str) -> None:
    if name == "guest.avml":
        need("module:cramjam")
    path = str(DATA / "images" / name)
    [line] = call("scan", path, "-f", "line").out.splitlines()
    assert line.startswith(f"{path}:{address}  HV_MESSAGE_PAGE 4096 bytes  2 of 16 slots in use, 1 with more pending")
    read = call("decode", "page", f"@{path}:{address}")
    assert read.status == 0
    assert f"at {address} of {path}" in " ".join(read.out.split())
    assert call("decode", "page", f"@{path}:0x7000000").err.startswith(f"{path}: has nothing at 0x7000000; it has 0x")


def test_a_page_without_an_address_says_where_it_is_in_the_file(tmp_path: Path) -> None:
    path = tmp_path / "guest.vmem"
    with path.open("wb") as file:
        file.truncate(5 << 30)
        for place in (0x5000, 0xC0005000, 0xC0007000):
            file.seek(place)
            file.write(TIMERS)
    lacks = f"{path}: lacks the addresses above 3 GiB; put its .vmss or .vmsn next to it\n"
    ended = call("scan", str(path), columns=0)
    assert (ended.status, ended.err) == (0, lacks)
    assert f"at 0x5000 of {path}: 2 of 2" in ended.out
    assert f"at offset 0xc0005000 of {path}: 2 of 2" in ended.out
    lines = call("scan", str(path), "-f", "line").out.splitlines()
    assert [line.split("  ")[0].removeprefix(f"{path}:") for line in lines] == ["0x5000", "offset 0xc0005000", "offset 0xc0007000"]
    nodes = [json.loads(line) for line in call("scan", str(path), "-f", "ndjson").out.splitlines()]
    assert [(one.get("address"), one.get("offset")) for one in nodes] == [("0x5000", None), (None, "0xc0005000"), (None, "0xc0007000")]
    rows = list(csv.DictReader(io.StringIO(call("scan", str(path), "-f", "csv").out)))
    assert [(row["address"], row["name"], row["others"].partition(" ")[0]) for row in rows] == [
        ("0x5000", "HV_MESSAGE_PAGE", ""),
        ("", "HV_MESSAGE_PAGE", "offset=0xc0005000"),
        ("", "HV_MESSAGE_PAGE", "offset=0xc0007000"),
    ]
