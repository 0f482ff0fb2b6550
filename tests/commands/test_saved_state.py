"""A saved state of Hyper-V: its processors are decoded, and message pages are found in its memory."""

from __future__ import annotations

import io
import json
from contextlib import closing
from pathlib import Path

import pytest

from hvrepl.commands.output import emit
from hvrepl.commands.saved_state import state_items
from hvrepl.commands.session import Options, Session, Streams
from hvrepl.errors import FileError
from hvrepl.readers.images.formats import open_memory
from tests.images.core import PAGE, TIMER, VERSION_RESPONSE, page, write
from tests.images.vmrs import MIB, arm64, chunk, partition, saved, store, vp, x64
from tests.program import Ended, call

PLANTED = page({0: TIMER, 2: VERSION_RESPONSE})
GUEST_ID = 0x8100000606570000
SYNIC_MSRS = chunk(0x30010000, bytes(160))
STATE = partition(
    [
        vp(0, *x64(0xFFFFF80012345678, 0x1AD000), SYNIC_MSRS),
        vp(1, *x64(0x1000, 0x2000), SYNIC_MSRS),
        chunk(0x3001A000, b"\1" + bytes(15)),
        *x64(0x3000, 0x4000),
        chunk(0x20002000, bytes(16)),
    ],
    os_id=GUEST_ID,
)


def show(path: str, form: str = "line", **options: bool) -> Ended:
    """The processors of a saved state in `scan --info`."""
    out, err = io.StringIO(), io.StringIO()
    session = Session(streams=Streams(io.BytesIO(), out, err, {}), options=Options(format=form, **options))
    with closing(open_memory(path)) as memory:
        emit(session, state_items(session, path, memory))
    return Ended(session.outcome.status, out.getvalue(), err.getvalue())


@pytest.fixture
def path(tmp_path: Path) -> str:
    return write(tmp_path / "guest.vmrs", store(saved({0: bytes(PAGE)}, state=STATE)))


def test_each_chunk_is_shown_with_its_processor_and_vtl(path: str) -> None:
    ended = show(path)
    lines = [line.removeprefix(f"{path}: ") for line in ended.out.splitlines()]
    assert lines[0].startswith("partition  PT_SAVE_CHUNK_OS_ID ")
    assert lines[0].endswith("  Linux 6.6.87")
    assert lines[1] == "VP 0, VTL 0  VP_X64_SAVE_CHUNK_GP_REGISTERS 144 bytes  rip 0xfffff80012345678, rsp 0x401"
    assert lines[2] == "VP 0, VTL 0  SYNIC_X64_SAVE_CHUNK_CONTROL_REGISTERS 48 bytes  CR3 0x1ad000"
    assert [line.split("  ")[0] for line in lines[1:]] == ["VP 0, VTL 0"] * 7 + ["VP 1, VTL 0"] * 7 + ["VP 1, VTL 1"] * 7
    assert lines[15].endswith("rip 0x3000, rsp 0x401")


def test_undocumented_chunks_are_named_once(path: str) -> None:
    assert show(path).err == f"{path}: also saved, in layouts that are not documented: VP_SYNIC_MSRS, 0x20002000\n"


def test_json_has_nodes_with_their_processor(path: str) -> None:
    nodes = json.loads(show(path, "json").out)
    assert [(one.get("vp"), one.get("vtl")) for one in nodes[::7]] == [(None, None), (0, 0), (1, 0), (1, 1)]
    assert nodes[0]["fields"][0]["type"] == "HV_X64_MSR_GUEST_OS_ID"
    assert {one["name"]: one["raw"] for one in nodes[1]["fields"]}["rip"] == "0xfffff80012345678"
    segments = next(one for one in nodes if one["name"] == "VP_X64_SAVE_CHUNK_SEGMENT_REGISTERS")
    assert segments["fields"][1]["summary"].startswith("selector 0x10, base 0x0, limit 0xffffffff, code")
    tables = next(one for one in nodes if one["name"] == "VP_X64_SAVE_CHUNK_TABLE_REGISTERS")
    assert tables["summary"] == "IDTR base 0xfffff80000000000, limit 0xfff, GDTR base 0xfffff80000001000, limit 0x6f"
    assert next(one for one in nodes if "XSAVE" in one["name"])["summary"] == "legacy_x87, legacy_sse, avx"


def test_a_screen_says_whose_state_it_is(path: str) -> None:
    screen = show(path, "fields").out.split("\n\n")[2]
    assert screen.startswith("control registers  CR3 0x1ad000      (VP 0, VTL 0)\n")
    assert "  +16  cr3   0x00000000001ad000\n" in screen


def test_a_guest_on_arm64_is_decoded_as_one(tmp_path: Path) -> None:
    state = partition([vp(0, *arm64(0xFFFF800010000000))], vendor=0x10)
    path = write(tmp_path / "guest.vmrs", store(saved({0: bytes(PAGE)}, state=state)))
    lines = show(path).out.splitlines()
    assert "VP_ARM64_SAVE_CHUNK_GP_REGISTERS 336 bytes  ELR_EL2 0xffff800010000000, SP_EL1 0x" in lines[1]
    assert lines[3].endswith("  TTBR1_EL1 0x50000")
    nodes = json.loads(show(path, "json").out)
    assert {one["arch"] for one in nodes} == {"arm64"}


def test_a_chunk_that_is_too_short_is_named_with_its_size(tmp_path: Path) -> None:
    state = partition([vp(3, chunk(0x30005000, bytes(8)), *x64(1, 2)[1:])])
    ended = show(write(tmp_path / "guest.vmrs", store(saved({0: bytes(PAGE)}, state=state))))
    assert ended.err.endswith("in layouts that are not documented: VP_GP_REGISTERS of 8 bytes\n")
    assert "VP 3, VTL 0  SYNIC_X64_SAVE_CHUNK_CONTROL_REGISTERS" in ended.out


def test_findings_are_status_1_where_that_is_asked_for(tmp_path: Path) -> None:
    state = partition([], os_id=0xFF00000000000001)
    path = write(tmp_path / "guest.vmrs", store(saved({0: bytes(PAGE)}, state=state)))
    assert show(path).status == 0
    assert show(path, strict=True).status == 1


def test_a_state_that_is_truncated_is_shown_up_to_there(tmp_path: Path) -> None:
    path = write(tmp_path / "guest.vmrs", store(saved({0: bytes(PAGE)}, state=STATE[:-16])))
    with pytest.raises(FileError, match="the state of its processors has no end"):
        show(path)


def test_an_image_without_a_state_shows_nothing(tmp_path: Path) -> None:
    assert show(write(tmp_path / "image", bytes(PAGE))) == Ended(0, "", "")
    assert show(write(tmp_path / "x.vmrs", store(saved({0: bytes(PAGE)})))) == Ended(0, "", "")


@pytest.mark.parametrize("is_packed", [True, False])
def test_message_pages_are_found_by_guest_physical_address(tmp_path: Path, is_packed: bool) -> None:
    decoy = bytes([7]) * PAGE + PLANTED[:256] + b"\xff" * (PAGE - 256)
    low = decoy + bytes(MIB - PAGE) + PLANTED + decoy
    path = write(tmp_path / "guest.vmrs", store(saved({0: low, 1 << 32: decoy + PLANTED}, is_packed=is_packed)))
    ended = call("scan", path, "-f", "line")
    assert (ended.status, ended.err) == (0, "")
    assert [line.split("  ")[0] for line in ended.out.splitlines()] == [f"{path}:0x101000", f"{path}:0x100002000"]
    assert "HVMSG_TIMER_EXPIRED" in call("decode", "page", f"@{path}:0x100002000").out
    missing = call("decode", "page", f"@{path}:0x200000")
    assert (missing.status, missing.out) == (4, "")
    assert missing.err == f"{path}: has nothing at 0x200000; it has 0x0-0x103fff, 0x100000000-0x100002fff\n"


def test_a_cut_saved_state_is_scanned_before_its_line(tmp_path: Path) -> None:
    data = store(saved({0: PLANTED + bytes(MIB), 1 << 32: PLANTED}))
    path = write(tmp_path / "guest.vmrs", data[: -MIB - PAGE])
    ended = call("scan", path, "-f", "line")
    assert ended.status == 4
    assert [line.split("  ")[0] for line in ended.out.splitlines()] == [f"{path}:0x0"]
    assert ended.err == f"{path}: is truncated: 4096 bytes of the memory in it are missing\n"
