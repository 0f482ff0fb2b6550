"""drgn: %hv and the functions for scripts, on cores of three kinds of kernel, on arm64, and on other programs."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hvrepl.errors import FileError, HvreplError, NotFoundError, UsageError
from tests.at_hand import need, skip_for
from tests.debuggers.core import FIRST, ONE_OF_ARM64, PAGE, PAGES, UNREADABLE, Guest
from tests.debuggers.drgn_session import DOCUMENT, PLUGIN, converse, lines_of, shown
from tests.images.core import elf, note_of
from tests.paths import ROOT

Run = Callable[[str], str]
NOWHERE = "0xdead000 cannot be read: could not find memory segment"
CPUS = range(6)
# Facts about a kernel without which drgn does not accept its core.
VMCOREINFO = b"""OSRELEASE=6.6.87
PAGESIZE=4096
SYMBOL(init_uts_ns)=ffffffff82a15780
SYMBOL(swapper_pg_dir)=ffffffff82a10000
SYMBOL(mem_section)=ffffffff83000000
LENGTH(mem_section)=2048
NUMBER(pgtable_l5_enabled)=0
KERNELOFFSET=0
"""
OFFLINE, WITHOUT, UNREAD = 2, 3, 4


def open_core(guest: Guest, *, is_known: bool = True) -> Any:
    """The program of a core, with the debug info of the guest or without any."""
    need("module:drgn")
    import drgn

    prog = drgn.Program()
    prog.set_core_dump(str(guest.core))
    if is_known:
        prog.load_debug_info([str(guest.program)])
    return prog


def of_memory(arch: str, start: int, memory: bytes, *, physical: bool = False, flags: int = 3) -> Any:
    """A program that consists of some memory."""
    need("module:drgn")
    import drgn

    prog = drgn.Program(drgn.Platform(drgn.Architecture[arch], drgn.PlatformFlags(flags)))
    prog.add_memory_segment(start, len(memory), lambda *place: memory[place[2] : place[2] + place[1]], physical)
    return prog


def runner(prog: Any, capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs lines of a drgn session: returns their output, and for a failing line the one line that drgn prints."""
    need("module:drgn")
    need("module:drgn.commands")
    from drgn.commands import run_command

    from hvrepl.debuggers import drgn_plugin

    assert drgn_plugin.register()

    def run(line: str) -> str:
        capsys.readouterr()
        failed: list[Exception] = []
        run_command(prog, f"hv {line}", globals={"prog": prog, "number": 0x200F3, "page_bytes": FIRST}, onerror=failed.append)
        out, err = capsys.readouterr()
        assert out.endswith("\n") or not out
        said = [f"drgn: error: {error}" for error in failed]
        assert not any("\n" in line for line in said)
        return "\n".join([*out.splitlines(), *err.splitlines(), *said])

    return run


@pytest.fixture
def prog(guest: Guest) -> Any:
    return open_core(guest)


@pytest.fixture
def run(prog: Any, capsys: pytest.CaptureFixture[str]) -> Run:
    return runner(prog, capsys)


# The pages of all CPUs


def test_pages_finds_the_pages_of_every_cpu(prog: Any) -> None:
    from hvrepl.debuggers.drgn import message_pages

    pages = message_pages(prog)
    assert [page.cpu for page in pages] == list(CPUS)
    assert [page.address for page in pages] == [PAGES, PAGES + 2 * PAGE, PAGES + 4 * PAGE, 0, UNREADABLE, PAGES + 6 * PAGE]
    assert [page.used for page in pages] == [(0, 2), (0, 2), (), (), (), ()]
    assert [page.owed for page in pages] == [(2,), (), (), (), (), ()]
    assert [page.cpu for page in pages if not page.is_online] == [OFFLINE]
    assert [page.cpu for page in pages if page.node is None] == [WITHOUT, UNREAD]
    assert pages[UNREAD].error == NOWHERE
    assert pages[0].node is not None
    assert pages[0].node.to_bytes() == FIRST


def test_pages_are_one_object_each_in_json(run: Run) -> None:
    found = json.loads(run("-f json pages"))
    assert [(one["cpu"], one["page"], one["online"]) for one in found] == [
        (cpu, kind, cpu != OFFLINE) for cpu in CPUS for kind in ("messages", "events")
    ]
    first, *_ = found
    assert list(first) == ["cpu", "online", "page", "address", "used", "owed", "node"]
    assert (first["address"], first["used"], first["owed"]) == ("0x7e0000000000", [0, 2], [2])
    assert found[2 * UNREAD]["error"] == NOWHERE
    assert "node" not in found[2 * WITHOUT]
    assert run("pages -f json") == run("-f json pages")


def test_pages_of_a_confidential_guest_say_whose_they_are(confidential_guest: Guest, capsys: pytest.CaptureFixture[str]) -> None:
    lines = runner(open_core(confidential_guest), capsys)("pages").splitlines()
    first = [line for line in lines[1:] if re.search(" messages| events", line)][:4]
    assert [re.split(r"  +", line.strip())[-3:-1] for line in first] == [
        ["messages (hypervisor)", "0x7e0000000000"],
        ["messages (paravisor)", "0x7e0000002000"],
        ["events", "0x7e0000001000"],
        ["messages", "0x7e0000003000"],
    ]


def test_pages_of_a_kernel_without_per_cpu_contexts_are_found(prog: Any, old_guest: Guest) -> None:
    from hvrepl.debuggers.drgn import message_pages

    old = message_pages(open_core(old_guest))
    assert [page.to_dict() for page in old] == [page.to_dict() for page in message_pages(prog)]


def test_pages_without_debug_info_are_searched(guest: Guest, capsys: pytest.CaptureFixture[str]) -> None:
    from hvrepl.debuggers.drgn import message_pages

    prog = open_core(guest, is_known=False)
    if not hasattr(prog, "core_dump_path"):
        skip_for("a drgn that says which core it has open")
    assert [(page.cpu, page.address, page.owed) for page in message_pages(prog)] == [(None, PAGES, (2,)), (None, PAGES + 2 * PAGE, ())]
    heading, first, *_, said = runner(prog, capsys)("pages").splitlines()
    assert heading.split() == ["page", "address"]
    assert first.split()[:2] == ["messages", "0x7e0000000000"]
    assert said == f"hv_context is not known, as without debug info of hv_vmbus: searching {guest.core} for message pages"


def test_pages_of_a_vmcore_without_debug_info_are_searched(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    need("module:drgn")
    import drgn

    core = tmp_path / "vmcore"
    core.write_bytes(elf([(0xFFFF888003C5A000, 0x3C5A000, FIRST)], note=note_of(b"VMCOREINFO", VMCOREINFO)))
    prog = drgn.Program()
    prog.set_core_dump(str(core))
    run = runner(prog, capsys)
    _, first, *_, said = run("pages").splitlines()
    assert first.split()[:2] == ["messages", "0x3c5a000"]
    assert said.endswith(f"searching {core} for message pages; their addresses are guest physical")
    assert run("page 0x3c5a000").startswith("message page at gpa 0x3c5a000  2 of 16 slots in use")
    assert run("page 0xffff888003c5a000").startswith("message page at 0xffff888003c5a000  2 of 16 slots in use")
    assert run("channels") == "drgn: error: drgn does not know vmbus_connection: load the debug info of hv_vmbus"


def test_pages_of_a_program_that_is_not_a_core_cannot_be_searched(capsys: pytest.CaptureFixture[str]) -> None:
    assert runner(of_memory("X86_64", 0x1000, FIRST), capsys)("pages") == (
        "drgn: error: drgn does not know hv_context: load the debug info of hv_vmbus; or search a core with `hvrepl scan FILE`"
    )


# Objects


@pytest.mark.parametrize(
    ("line", "title"),
    [
        ("message", "SynIC message at 0x7e0000000200  VMBus, CHANNELMSG_VERSION_RESPONSE (15): supported, more pending"),
        ("message[0]", "SynIC message at 0x7e0000000200  VMBus, CHANNELMSG_VERSION_RESPONSE (15): supported, more pending"),
        ("message_page", "message page at 0x7e0000000000  2 of 16 slots in use, 1 with more pending"),
        ("message.header.message_flags", "SynIC message flags = 0x01  pending"),
        ("sint2", "hv_synic_sint = 0x00000000000200f3  vector 0xf3, auto-EOI"),
        ("sint5", "hv_synic_sint = 0x0000000000010000  vector 0x0, masked"),
        ('prog["sint2"]', "hv_synic_sint = 0x00000000000200f3  vector 0xf3, auto-EOI"),
        ("simp", "HV_X64_MSR_SIMP = 0x0000000000fa1001  enabled, gpa 0xfa1000"),
        ("plain_number", "HV_X64_MSR_GUEST_OS_ID = 0x8100000606570000  Linux 6.6.87"),
        ("hv_context.guestid", "HV_X64_MSR_GUEST_OS_ID = 0x8100000606570000  Linux 6.6.87"),
        ("0x8100000606570000", "HV_X64_MSR_GUEST_OS_ID = 0x8100000606570000  Linux 6.6.87"),
        ("((0x8100 << 48) | 0x606570000)", "HV_X64_MSR_GUEST_OS_ID = 0x8100000606570000  Linux 6.6.87"),
    ],
)
def test_an_object_is_what_its_type_says(run: Run, line: str, title: str) -> None:
    assert run(f"decode {line}").splitlines()[0] == title


@pytest.mark.parametrize(
    ("line", "title"),
    [
        ("sint2 0x200f3", "HV_X64_MSR_SINT2 = 0x00000000000200f3  vector 0xf3, auto-EOI"),
        ("sint2 number", "HV_X64_MSR_SINT2 = 0x00000000000200f3  vector 0xf3, auto-EOI"),
        ("sint2 sint5", "HV_X64_MSR_SINT2 = 0x0000000000010000  vector 0x0, masked"),
        ("msr:0x40000083 simp.as_uint64", "HV_X64_MSR_SIMP = 0x0000000000fa1001  enabled, gpa 0xfa1000"),
        ("guest-id (hv_context.guestid)", "HV_X64_MSR_GUEST_OS_ID = 0x8100000606570000  Linux 6.6.87"),
        ("page 0x7e0000000000", "message page at 0x7e0000000000  2 of 16 slots in use, 1 with more pending"),
        ("page page_bytes", "message page  2 of 16 slots in use, 1 with more pending"),
        ("page message_page[0]", "message page at 0x7e0000000000  2 of 16 slots in use, 1 with more pending"),
        ("page.2 message_page", "SynIC message  VMBus, CHANNELMSG_VERSION_RESPONSE (15): supported, more pending"),
        (
            "struct hv_message 0x7e0000000200",
            "SynIC message at 0x7e0000000200  VMBus, CHANNELMSG_VERSION_RESPONSE (15): supported, more pending",
        ),
        ("event-flags-page 0x7e0000003000", "event flags page at 0x7e0000003000  1 of 16 SINTs have flags set"),
        ("status 0xC0350005", "hypercall status = 0xc0350005  HV_STATUS_INVALID_PARAMETER, as HRESULT or NTSTATUS"),
        ("--arch arm64 sint2 number", "HV_REGISTER_SINT2 = 0x00000000000200f3  vector 0xf3, auto-EOI"),
    ],
)
def test_a_value_is_what_it_is_called(run: Run, line: str, title: str) -> None:
    assert run(f"decode {line}").splitlines()[0] == title


def test_a_negative_number_has_the_bits_of_its_type(prog: Any, run: Run) -> None:
    import drgn

    from hvrepl.debuggers.drgn import decode

    assert "0xffffffffffffffff is not a known number" in run('decode __import__("drgn").cast("long", sint2.as_uint64 - 0x200f4)')
    assert decode(drgn.Object(prog, "long", (0x8100 << 48 | 0x606570000) - (1 << 64))).summary == "Linux 6.6.87"


def test_help_is_shown_wherever_it_is_asked_for(run: Run) -> None:
    assert run("decode --help") == run("help decode") == run("-h") == run("show --help") == run("")
    assert max(map(len, run("").splitlines())) < 80


def test_a_page_past_the_end_of_memory_says_where_that_ends(capsys: pytest.CaptureFixture[str]) -> None:
    run = runner(of_memory("X86_64", 0x1000, FIRST), capsys)
    assert run("page 0x1ff0") == "drgn: error: 0x2000 cannot be read: could not find memory segment"


def test_an_array_of_structs_is_each_of_them(run: Run) -> None:
    lines = run("-f line decode message_page.sint_message").splitlines()
    assert len(lines) == 16
    assert lines[0].startswith(f"{PAGES:#x}  HV_MESSAGE 256 bytes  HVMSG_TIMER_EXPIRED")


@pytest.mark.parametrize("where", ["message_page", "message_page[0]", "0x7e0000000000", "page_bytes"])
def test_a_page_is_found_by_its_address_and_by_what_points_to_it(run: Run, where: str) -> None:
    title, *_ = run(f"page {where}").splitlines()
    assert re.fullmatch(r"message page( at 0x7e0000000000)?  2 of 16 slots in use, 1 with more pending", title)


def test_a_value_that_was_shown_is_in_hand(run: Run) -> None:
    run("page message_page")
    assert run("eom _ 2").splitlines()[0].startswith("slot 2  VMBus")


def test_what_has_no_word_of_its_own_is_a_line_of_hvrepl(run: Run) -> None:
    assert run("show sint2").startswith("HV_X64_MSR_SINT2  synthetic interrupt source 2")
    assert run("encode sint2 vector=0xf3 auto_eoi=1") == "0x00000000000200f3"
    assert run("0x40000092").startswith("HV_X64_MSR_SINT2")
    assert run("").startswith("%hv decode EXPR")
    assert run("help") == run("")


def test_a_line_can_end_with_a_command_or_a_file(run: Run, guest: Guest, tmp_path: Path) -> None:
    need("head")
    printed = run("channels")
    assert run(f"channels > {tmp_path}/channels") == ""
    assert (tmp_path / "channels").read_text().splitlines() == printed.splitlines()
    script = tmp_path / "script.py"
    script.write_text("from drgn.commands import run_command\nrun_command(prog, 'hv channels | head -n 1')\n")
    assert in_drgn("-q", "-c", str(guest.core), str(script)) == (f"{printed.splitlines()[0]}\n", "")
    assert run("decode sint2 (0x200f3 | 0x10000)").splitlines()[0].endswith("vector 0xf3, masked, auto-EOI")


# Channels


def test_channels_have_their_class_state_and_rings(prog: Any) -> None:
    from hvrepl.debuggers.drgn import channels

    found = {channel.relid: channel for channel in channels(prog)}
    assert list(found) == [14, 15, 2, 7, 21]
    assert [found[relid].class_name for relid in found] == ["HV_NIC_GUID", "HV_NIC_GUID", "HV_SCSI_GUID", "HV_KVP_GUID", ""]
    assert [found[relid].state for relid in found] == ["opened", "opened", "opened", "offer", "open"]
    assert [found[relid].cpu for relid in found] == [1, 3, 0, 0, 4]
    assert (found[15].sub_channel, found[15].primary, found[14].primary) == (1, 14, None)
    outbound, inbound = found[14].outbound, found[14].inbound
    assert outbound is not None
    assert inbound is not None
    assert (outbound.used, outbound.size) == (0x1000, 0x10000)
    assert inbound.used == 0x200  # past the end of the ring
    full = found[2].outbound
    assert full is not None
    assert (full.size - full.used, full.waits_for) == (8, 0x58)
    assert (found[7].outbound, found[7].inbound) == (None, None)
    unread = found[21].inbound
    assert unread is not None
    assert unread.error == NOWHERE
    assert found[21].is_rescinded


def test_channels_say_what_is_wrong_with_them(run: Run) -> None:
    assert [line for line in run("channels").splitlines() if line.startswith("!")] == [
        "! relid 2: the ring to host: the guest waits until 88 bytes are free",
        "! relid 21: the host has rescinded the offer",
        f"! relid 21: the ring from host: {NOWHERE}",
    ]


def test_channels_are_one_object_each_in_json(run: Run) -> None:
    first, *others = json.loads(run("-f json channels"))
    assert first == {
        "relid": 14,
        "class": "f8615163-df3e-46c5-913f-f2d2f965ed0e",
        "class_name": "HV_NIC_GUID",
        "title": "synthetic network adapter",
        "state": "opened",
        "rescinded": False,
        "sub_channel": 0,
        "cpu": 1,
        "outbound": {"size": 65536, "used": 4096, "interrupts_masked": False, "waits_for": 0},
        "inbound": {"size": 65536, "used": 512, "interrupts_masked": False, "waits_for": 0},
    }
    assert others[-1]["inbound"] == {"size": PAGE, "error": NOWHERE}


def test_channels_below_one_another_where_the_terminal_is_narrow(guest: Guest, tmp_path: Path) -> None:
    need("module:drgn")
    need("module:drgn.commands")
    text = converse(guest, ["%hv channels"], tmp_path, columns=40)
    assert "  relid 14\n    state      opened\n    cpu        1\n    to host    4,096 of 65,536\n" in text


# Bad input: one line, and the session continues


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("page 0xdead000", NOWHERE),
        ("page lost_message", NOWHERE),
        ("decode lost_message", NOWHERE),
        ("decode lost_message.header", NOWHERE),
        ("page 0", "the address of page is NULL"),
        ("page no_message", "the address of page is NULL"),
        ("decode no_message", "the struct hv_message * is NULL"),
        ("decode not_of_hyperv", "struct list_head * is not a type of Hyper-V's interface; name what it is: decode WHAT EXPR"),
        ("decode hv_context", "struct hv_context is not a type of Hyper-V's interface; name what it is: decode WHAT EXPR"),
        ("decode __per_cpu_offset", "unsigned long [8] is not a type of Hyper-V's interface; name what it is: decode WHAT EXPR"),
        (
            "decode vmbus_connection.chn_list.next",
            "struct list_head * is not a type of Hyper-V's interface; name what it is: decode WHAT EXPR",
        ),
        ("decode of_driver", "0xfaff is not a known number on x64; say what it belongs to: decode WHAT 0xfaff"),
        ("decode nonsense", "name 'nonsense' is not defined"),
        ("decode vectr 5", "no such name: vectr"),
        ("decode sint2 1 << 70", "0x400000000000000000 is 71 bits wide; sint2 has 64"),
        ("decode message_page.nothing", "'struct hv_message_page' has no member 'nothing'"),
        ('decode "text"', '"text" is of Python\'s type str; `%hv decode WHAT EXPR` says what it is'),
        ('decode page "text"', '"text" is of Python\'s type str, not a number, an object or bytes'),
        ("decode", "decode what? `%hv decode EXPR`, or `%hv decode WHAT EXPR`"),
        ("page", "which page? `%hv page ADDRESS`, or a pointer to it"),
        ("page 1 << 65", "0x20000000000000000 is not an address"),
        ("page -1", "no such option: -1; put a negative number after --"),
        ("pages 1", "%hv pages takes no words"),
        ("decode --nothing 1", "no such option: --nothing"),
        ("-f nothing pages", "no such format: 'nothing'; choose from fields, table, bits, line, json, ndjson, csv"),
        ("!ls", "%hv runs no commands of the system; `%sh COMMAND` does"),
        ("bogus", "no such command or name: bogus"),
    ],
)
def test_what_cannot_be_done_is_one_line(run: Run, line: str, said: str) -> None:
    assert run(line) == f"drgn: error: {said}"
    assert run("decode sint2 1").startswith("HV_X64_MSR_SINT2")


def overlay(prog: Any, obj: Any, value: int) -> None:
    """Memory with one word different from the core's."""
    data = value.to_bytes(8, "little")
    prog.add_memory_segment(obj.address_, len(data), lambda *place: data[place[2] : place[2] + place[1]], False)


def test_a_list_of_channels_that_is_damaged_is_shown_up_to_there(guest: Guest, capsys: pytest.CaptureFixture[str]) -> None:
    prog = open_core(guest)
    overlay(prog, prog["channels"][2].listentry.next, 0x1000)
    *lines, said = runner(prog, capsys)("-f line channels").splitlines()
    assert [line.split()[0] for line in lines] == ["14", "15", "2"]
    assert said == "drgn: error: the list of channels is damaged: 0x1018 cannot be read"


def test_a_list_of_channels_that_comes_back_to_itself_ends(guest: Guest, capsys: pytest.CaptureFixture[str]) -> None:
    prog = open_core(guest)
    overlay(prog, prog["channels"][2].listentry.next, prog["channels"][0].listentry.address_)
    *lines, said = runner(prog, capsys)("-f line channels").splitlines()
    assert len(lines) == 3
    assert said == f"drgn: error: the list of channels is damaged: it comes back to {prog['channels'].address_:#x}"


def test_a_cpu_whose_context_is_not_in_memory_says_so(guest: Guest, capsys: pytest.CaptureFixture[str]) -> None:
    prog = open_core(guest)
    overlay(prog, prog["__per_cpu_offset"][1], 0x1000)
    row = next(line for line in runner(prog, capsys)("pages").splitlines() if line.startswith("    1  messages"))
    assert row.endswith("its context is not in memory: 0x2b040 cannot be read: could not find memory segment")


def test_a_guest_that_has_no_vmbus_says_so(guest: Guest, capsys: pytest.CaptureFixture[str]) -> None:
    prog = open_core(guest)
    overlay(prog, prog["hv_context"].cpu_context, 0)
    assert runner(prog, capsys)("pages") == "drgn: error: hv_context.cpu_context is NULL: this kernel has not set up VMBus"


def test_a_ring_whose_indices_are_outside_it_is_not_counted(guest: Guest, capsys: pytest.CaptureFixture[str]) -> None:
    prog = open_core(guest)
    overlay(prog, prog["channels"][0].outbound.ring_buffer.write_index, 1 << 31)
    assert "! relid 14: the ring to host: write_index 0x80000000 and read_index 0x0 do not fit 0x10000 bytes" in runner(prog, capsys)(
        "channels"
    )


def test_a_type_whose_size_is_another_here_is_not_decoded(run: Run) -> None:
    """Linux has a separate struct for the part after a message's header, and the specs use its name for another part."""
    assert run("decode channels[0].offermsg.offer") == (
        "drgn: error: struct vmbus_channel_offer has 176 bytes here, so it is not VMBUS_CHANNEL_OFFER_CHANNEL, which has 188; "
        "name what it is: decode WHAT EXPR"
    )
    assert run("decode declared_only") == ("drgn: error: union hv_synic_siefp is only declared here; name what it is: decode WHAT EXPR")


def test_a_message_of_vmbus_is_what_its_header_says(run: Run) -> None:
    title, *lines = run("decode channels[0].offermsg").splitlines()
    assert re.fullmatch(r"VMBus channel message at 0x[0-9a-f]+  CHANNELMSG_OFFERCHANNEL \(1\): .*", title)
    assert any("HV_NIC_GUID" in line for line in lines)


def test_a_guest_of_arm64_is_decoded_on_arm64(capsys: pytest.CaptureFixture[str]) -> None:
    run = runner(of_memory("AARCH64", 0xFFFF000012345000, ONE_OF_ARM64), capsys)
    title, _, slot, *_ = run("page 0xffff000012345000").splitlines()
    assert title == "message page at 0xffff000012345000  1 of 16 slots in use"
    assert "HVMSG_ARM64_RESET_INTERCEPT" in slot
    assert run("decode sint2 5").startswith("HV_REGISTER_SINT2")


def test_a_physical_address_is_tried_where_there_is_no_other(capsys: pytest.CaptureFixture[str]) -> None:
    run = runner(of_memory("X86_64", 0xFA1000, FIRST, physical=True), capsys)
    assert run("page 0xfa1000").startswith("message page at gpa 0xfa1000  2 of 16 slots in use")


def test_a_kernel_of_32_bits_has_the_interface_of_x64(capsys: pytest.CaptureFixture[str]) -> None:
    assert runner(of_memory("I386", 0xC0001000, FIRST), capsys)("page 0xc0001000").startswith("message page at 0xc0001000  2 of 16")


def test_a_program_that_is_big_endian_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    run = runner(of_memory("AARCH64", 0x1000, FIRST, flags=1), capsys)
    assert run("page 0x1000") == "drgn: error: the program is of big-endian aarch64; Hyper-V's interface is known for x64 and arm64"
    assert run("decode --arch arm64 -f line status 5").startswith("HV_STATUS 0x00000005")


@pytest.mark.parametrize("line", ["decode sint2 5", "page 0x1000", "pages", "channels"])
def test_another_arch_is_one_line(line: str, capsys: pytest.CaptureFixture[str]) -> None:
    run = runner(of_memory("PPC64", 0x1000, FIRST), capsys)
    assert run(line) == "drgn: error: the program is of ppc64; Hyper-V's interface is known for x64 and arm64"
    assert run("show sint2").startswith("HV_X64_MSR_SINT2")


def test_no_program_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    need("module:drgn")
    import drgn

    assert runner(drgn.Program(), capsys)("decode sint2 5") == "drgn: error: drgn has no program open: start it with a core or a kernel"


def test_functions_raise_the_errors_of_hvrepl(prog: Any, guest: Guest) -> None:
    from hvrepl.debuggers.drgn import channels, decode

    wrong: list[tuple[Callable[[], object], type[HvreplError]]] = [
        (lambda: decode(prog["lost_message"]), FileError),
        (lambda: decode(prog["no_message"]), UsageError),
        (lambda: decode(prog["not_of_hyperv"]), NotFoundError),
        (lambda: decode(prog["sint2"], "nosuch"), NotFoundError),
        (lambda: list(channels(open_core(guest, is_known=False))), NotFoundError),
    ]
    for call, error in wrong:
        with pytest.raises(error):
            call()
    assert decode(prog["message_page"], "page").summary == "2 of 16 slots in use, 1 with more pending"
    assert decode(prog["sint2"]).name == "hv_synic_sint"


def test_a_value_of_a_script_shows_itself(guest: Guest, tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text("from hvrepl.debuggers.drgn import decode\nnode = decode(prog['simp'])\nprint(node)\nprint(node._repr_html_()[:7])\n")
    out, _ = in_drgn("-q", "-c", str(guest.core), str(script))
    assert out.startswith("HV_X64_MSR_SIMP = 0x0000000000fa1001  enabled, gpa 0xfa1000\n")
    assert out.endswith("\n<style>\n")


# The plugin


def in_drgn(*arguments: str, code: str = "", **environ: str) -> tuple[str, str]:
    """The output of a drgn process, and its errors."""
    need("module:drgn")
    words = [sys.executable, *(["-c", code] if code else ["-m", "drgn"]), *arguments]
    done = subprocess.run(words, capture_output=True, text=True, check=False, timeout=60, env=os.environ | PLUGIN | environ)
    assert done.returncode == 0, done.stderr
    return done.stdout, done.stderr


def test_a_drgn_without_commands_says_so_in_one_line(guest: Guest, tmp_path: Path) -> None:
    """Like 0.0.31 and 0.0.32, where the functions work nevertheless."""
    script = tmp_path / "script.py"
    script.write_text("from hvrepl.debuggers.drgn import message_pages\nprint(len(message_pages(prog)))\n")
    code = f"""
import drgn, logging
try:
    import drgn.commands
    del drgn.commands.DEFAULT_COMMAND_NAMESPACE
except ImportError:
    pass
logging.basicConfig(format="%(message)s")
prog = drgn.Program()
prog.set_core_dump({str(guest.core)!r})
prog.load_debug_info([{str(guest.program)!r}])
exec(open({str(script)!r}).read())
drgn.Program().set_core_dump({str(guest.core)!r})
"""
    out, err = in_drgn(code=code, DRGN_DISABLE_PLUGINS="*")  # except the named one: drgn's own commands
    assert out == "6\n"
    assert err == "hvrepl: %hv needs drgn 0.0.33 or newer; the functions of hvrepl.debuggers.drgn work here too\n"


def test_the_command_is_there_without_being_imported(guest: Guest, tmp_path: Path) -> None:
    """Registering the command does not load its code, as every start of drgn would pay for it."""
    need("module:drgn")
    need("module:drgn.commands")
    script = tmp_path / "script.py"
    script.write_text(
        "import sys\n"
        "from drgn.commands import run_command\n"
        "print(sorted(name for name in sys.modules if name.startswith('hvrepl')))\n"
        "run_command(prog, 'hv decode sint2 1')\n"
    )
    out, err = in_drgn("-q", "-c", str(guest.core), str(script))
    loaded, title, *_ = out.splitlines()
    assert loaded == "['hvrepl', 'hvrepl.debuggers', 'hvrepl.debuggers.drgn_plugin', 'hvrepl.hints', 'hvrepl.version']"
    assert title.startswith("HV_X64_MSR_SINT2 = 0x0000000000000001")
    assert err == ""


def test_drgn_finds_the_plugin_by_the_package() -> None:
    points = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["entry-points"]["drgn.plugins"]
    assert points == {"hvrepl": "hvrepl.debuggers.drgn_plugin"}


# The document


def test_sessions_of_the_document_are_what_drgn_shows(guest: Guest, tmp_path: Path) -> None:
    need("module:drgn")
    need("module:drgn.commands")
    sessions = shown()
    assert len(sessions) == DOCUMENT.read_text().count(">>> %hv pages\n") + 2
    lines = [line for session in sessions for line in lines_of(session)]
    assert converse(guest, lines, tmp_path) == "".join(sessions)


def test_the_document_names_each_key_of_json(run: Run, confidential_guest: Guest, capsys: pytest.CaptureFixture[str]) -> None:
    confidential = runner(open_core(confidential_guest), capsys)
    pages = json.loads(run("-f json pages")) + json.loads(confidential("-f json pages"))
    channels = json.loads(run("-f json channels"))
    rings = [channel[side] for channel in channels for side in ("outbound", "inbound") if side in channel]
    keys = {key for table in (*pages, *channels, *rings) for key in table}
    text = DOCUMENT.read_text()
    assert {key for key in keys if f"`{key}`" not in text} == set()


def test_the_script_of_the_document_prints_what_it_shows(guest: Guest, tmp_path: Path) -> None:
    (script,) = re.findall(
        r"^```python\n(from hvrepl\.debuggers\.drgn.*?)^```\n\n```text\n(.*?)^```$", DOCUMENT.read_text(), re.MULTILINE | re.DOTALL
    )
    path = tmp_path / "script.py"
    path.write_text(script[0])
    out, _ = in_drgn("-q", "-c", str(guest.core), str(path))
    assert out == script[1]
