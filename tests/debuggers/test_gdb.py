"""hv in gdb: on the core of a guest, and on the memory of a QEMU guest, including physical memory."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

import hvrepl
from hvrepl.render.display import to_text
from hvrepl.render.screen import render_screen
from hvrepl.render.style import Style
from tests.at_hand import need, needs, skip_for
from tests.debuggers.core import PAGES, UNREADABLE, Guest
from tests.debuggers.gdb_session import FILE, LIBRARIES, PAGE, PLANTED, TO_QEMU, answers, ask, commands_of, converse, shown
from tests.paths import PACKAGE, ROOT
from tests.program import call
from tests.terminal import Terminal

SCREEN = to_text(hvrepl.decode("page", PAGE.read_bytes())).splitlines()


def of_core(guest: Guest, *commands: str) -> list[str]:
    return ask(commands, guest.program, guest.core)


def test_a_page_is_shown_as_everywhere_with_its_address(guest: Guest) -> None:
    (said,) = of_core(guest, "hv page message_page")
    first, *rest = said.splitlines()
    assert first == SCREEN[0].replace("message page", f"message page at {PAGES:#x}")
    assert rest == SCREEN[1:]


SAYS = {
    f"hv page {PAGES:#x}": f"message page at {PAGES:#x}  2 of 16 slots in use, 1 with more pending",
    "hv page *message_page": f"message page at {PAGES:#x}  2 of 16 slots in use, 1 with more pending",
    "hv page message_page->sint_message": f"message page at {PAGES:#x}  2 of 16 slots in use, 1 with more pending",
    "hv decode page (char *)message - 512": f"message page at {PAGES:#x}  2 of 16 slots in use, 1 with more pending",
    "hv decode *message": f"SynIC message at {PAGES + 512:#x}  VMBus, CHANNELMSG_VERSION_RESPONSE (15):",
    "hv decode message": f"SynIC message at {PAGES + 512:#x}  VMBus, CHANNELMSG_VERSION_RESPONSE (15):",
    "hv decode message->header": f"SynIC message header at {PAGES + 512:#x}  VMBus, 16 bytes, pending, from 0x10001",
    "hv decode page.2 message_page": "SynIC message  VMBus, CHANNELMSG_VERSION_RESPONSE (15): supported, more pending",
    "hv decode sint2": "hv_synic_sint = 0x00000000000200f3  vector 0xf3, auto-EOI",
    "hv decode sint2 sint2": "HV_X64_MSR_SINT2 = 0x00000000000200f3  vector 0xf3, auto-EOI",
    "hv decode sint5": "hv_synic_sint = 0x0000000000010000  vector 0x0, masked",
    "hv decode sint2 sint2.as_uint64 + 1": "HV_X64_MSR_SINT2 = 0x00000000000200f4  vector 0xf4, auto-EOI",
    "hv decode simp": "HV_X64_MSR_SIMP = 0x0000000000fa1001  enabled, gpa 0xfa1000",
    "hv decode guest-id hv_context.guestid": "HV_X64_MSR_GUEST_OS_ID = 0x8100000606570000  Linux 6.6.87",
    "hv decode plain_number": "HV_X64_MSR_GUEST_OS_ID = 0x8100000606570000  Linux 6.6.87",
    "hv decode sint2 (char)5": "HV_X64_MSR_SINT2 = 0x0000000000000005  vector 0x5",
    "hv decode sint2 -1": "HV_X64_MSR_SINT2 = 0xffffffffffffffff  vector 0xff, masked, auto-EOI, polling,",
    "hv decode status 0xC0350005": "hypercall status = 0xc0350005  HV_STATUS_INVALID_PARAMETER, as HRESULT or",
    "hv decode --arch arm64 sint2 0x10013": "HV_REGISTER_SINT2 = 0x0000000000010013  vector 0x13, masked",
    "hv -f line decode sint2 sint2": "HV_X64_MSR_SINT2 0x00000000000200f3  vector 0xf3, auto-EOI",
    f"hv decode page @{PAGE}": "message page  2 of 16 slots in use, 1 with more pending",
    "hv decode sint2 ((char *)&sint2)[0] @8": "HV_X64_MSR_SINT2 = 0x00000000000200f3  vector 0xf3, auto-EOI",
    "hv decode message message | grep -c reserved": "5",
    "hv show simp": "HV_X64_MSR_SIMP  SynIC message page",
    "hv sint2 0x200f3": "HV_X64_MSR_SINT2 = 0x00000000000200f3  vector 0xf3, auto-EOI",
    "hv encode guest-id kernel=6.6.87": "0x8100000606570000",
    "hv decode 5 + 3": "HVCALL_NOTIFY_LONG_SPIN_WAIT  report a long wait for a lock",
    "hv decode -f line 0x40000092 sint2": "HV_X64_MSR_SINT2 0x00000000000200f3  vector 0xf3, auto-EOI",
    "hv decode -f line struct hv_message message": f"{PAGES + 512:#x}  HV_MESSAGE 256 bytes  VMBus, CHANNELMSG_VERSION_RESPONSE (15): "
    "supported, more pending  ! message_pending is set: write HV_X64_MSR_EOM (0x40000084) after freeing the slot, or queued messages may "
    "wait",
    "hv decode -- -1L": "0xffffffffffffffff is not a known number on x64; did you mean `decode HV_PARTITION_ID 0xffffffffffffffff` "
    "or `decode SEV_EXIT_CODE 0xffffffffffffffff`?",
    "hv decode -- -2": "0xfffffffe is not a known number on x64; did you mean `decode HV_VP_INDEX 0xfffffffe`?",
    "hv decode --help": "hv decode EXPR          explain a value: its type says what it is",
    "hv help decode": "hv decode EXPR          explain a value: its type says what it is",
    "hv": "hv decode EXPR          explain a value: its type says what it is",
}


def test_values_of_the_program_are_explained(guest: Guest) -> None:
    said = of_core(guest, *SAYS)
    assert {command: text.splitlines()[0] for command, text in zip(SAYS, said, strict=True)} == SAYS


REFUSED = {
    f"hv page {UNREADABLE:#x}": f"4096 bytes at {UNREADABLE:#x} cannot be read",
    "hv page -- -1": "4096 bytes at 0xffffffffffffffff cannot be read",
    "hv page 0": "the address of page is NULL",
    "hv decode no_message": "the struct hv_message * is NULL",
    "hv decode message no_message": "the address of message is NULL",
    "hv decode lost_message": f"256 bytes at {UNREADABLE:#x} cannot be read",
    "hv decode *lost_message": f"256 bytes at {UNREADABLE:#x} cannot be read",
    "hv decode not_of_hyperv": "struct list_head * is not a type of Hyper-V's interface; name what it is: decode WHAT EXPR",
    "hv decode hv_context": "struct hv_context is not a type of Hyper-V's interface; name what it is: decode WHAT EXPR",
    "hv decode channels[0].offermsg.offer": "struct vmbus_channel_offer has 176 bytes here, so it is not VMBUS_CHANNEL_OFFER_CHANNEL, "
    "which has 188; name what it is: decode WHAT EXPR",
    "hv decode of_driver": "0xfaff is not a known number on x64; say what it belongs to: decode WHAT 0xfaff",
    "hv decode declared_only": "union hv_synic_siefp is only declared here; name what it is: decode WHAT EXPR",
    "hv decode message -f json": 'No symbol "f" in current context.',
    "hv decode nosuch->x": 'No symbol "nosuch" in current context.',
    "hv decode message nosuch": 'No symbol "nosuch" in current context.',
    "hv decode message (": "A syntax error in expression, near `'.",
    "hv decode sintt2 1": "no such name: sintt2; did you mean sint2 or sint12?",
    "hv decode sint2 1.5": "1.5 is double, which is not a value of Hyper-V's interface",
    "hv decode message $_": "$_ is void, which is not a value of Hyper-V's interface",
    "hv decode message $xmm0": "the union vec128 is a value without an address",
    "hv decode guest-id $xmm0": "guest-id takes 8 bytes, not 16",
    "hv decode sint2 *message": "sint2 takes 8 bytes, not 256",
    "hv decode --nosuch sint2 1": "no such option: --nosuch",
    "hv decode": "decode what? `hv decode EXPR`, or `hv decode WHAT EXPR`",
    "hv page": "which page? `hv page ADDRESS`, or a pointer to it",
    "hv page nosuch": 'No symbol "nosuch" in current context.',
    "hv page phys:0x1000": "phys: needs a guest that gdb debugs through the stub of QEMU: `target remote :1234`",
    "hv decode phys:0x1000": "what is at phys:0x1000? `hv decode WHAT phys:0x1000`",
    "hv nosuch": "no such command or name: nosuch",
    "hv !ls": "hv runs no commands of the system; `shell COMMAND` does",
    "hv encode sint2 vectr=1": "sint2 has no field vectr; did you mean vector?",
}


def test_what_cannot_be_done_is_one_line_and_the_session_continues(guest: Guest) -> None:
    said = of_core(guest, *REFUSED, "hv decode -f line simp 0xfa1001")
    assert dict(zip(REFUSED, said[:-1], strict=True)) == REFUSED
    assert said[-1] == "HV_X64_MSR_SIMP 0x0000000000fa1001  enabled, gpa 0xfa1000"


def test_an_array_of_a_type_is_each_of_them(guest: Guest) -> None:
    slots, flags, plain = of_core(
        guest,
        "hv decode -f line message_page->sint_message",
        "hv decode -f line *(union hv_message_flags (*)[2])message",
        "hv decode *(unsigned long (*)[2])message",
    )
    lines = slots.splitlines()
    assert len(lines) == 16
    assert lines[0].startswith(f"{PAGES:#x}  HV_MESSAGE 256 bytes  HVMSG_TIMER_EXPIRED")
    assert lines[1] == f"{PAGES + 256:#x}  HV_MESSAGE 256 bytes  empty"
    assert len(flags.splitlines()) == 2
    assert plain == "unsigned long [2] is not a type of Hyper-V's interface; name what it is: decode WHAT EXPR"


def test_a_message_of_vmbus_is_what_its_header_says(guest: Guest) -> None:
    (said,) = of_core(guest, "hv decode channels[0].offermsg")
    assert re.fullmatch(r"VMBus channel message at 0x[0-9a-f]+  CHANNELMSG_OFFERCHANNEL \(1\): .*", said.splitlines()[0])
    assert "HV_NIC_GUID" in said


def test_a_program_that_is_big_endian_is_refused_unless_its_arch_is_named() -> None:
    need("gdb-multiarch")
    said = ask(
        ["set architecture aarch64", "set endian big", "hv decode -f line sint2 5", "hv decode -f line --arch arm64 status 5"],
        program="gdb-multiarch",
    )
    assert said[2] == "the program is of big-endian aarch64; Hyper-V's interface is known for x64 and arm64"
    assert said[3].startswith("HV_STATUS 0x00000005  HV_STATUS_INVALID_PARAMETER")


def test_a_search_runs_on_a_terminal(guest: Guest, tmp_path: Path) -> None:
    """gdb's streams have no descriptor on which a bar could move."""
    program = ["gdb", "-nx", "-q", "-ex", f"source {FILE}", str(guest.program), str(guest.core)]
    with Terminal(tmp_path, program=program, columns=100, rows=60, PYTHONPATH=str(LIBRARIES)) as terminal:
        terminal.until(lambda: terminal.lines[terminal.screen.cursor.y].startswith("(gdb)"), "no prompt")
        terminal.send(f"hv scan {guest.core}\r")
        terminal.until(lambda: "1 with more pending" in terminal.text, "no page")
        assert "Python Exception" not in terminal.text


def test_without_a_process_there_are_constants_and_one_line(guest: Guest) -> None:
    said = ask(["hv decode -f line sint2 0x200f3", "hv page 0x1000", "hv decode sint2 $rax"])
    assert said == [
        "HV_X64_MSR_SINT2 0x00000000000200f3  vector 0xf3, auto-EOI",
        "4096 bytes at 0x1000 cannot be read",
        "$rax is void, which is not a value of Hyper-V's interface",
    ]
    assert ask(["hv decode simp"], guest.program)[0].startswith("HV_X64_MSR_SIMP = 0x0000000000fa1001")  # from the file


def test_json_has_the_address(guest: Guest) -> None:
    said, register = of_core(guest, "hv decode -f json message", "hv decode -f json simp")
    (address,) = of_core(guest, "print/x (long)&simp")
    assert json.loads(register)["address"] == address.split()[-1]
    assert json.loads(said) == hvrepl.decode("message", PAGE.read_bytes()[512:768]).to_dict() | {"address": f"{PAGES + 512:#x}"}


def test_output_goes_to_a_file(guest: Guest, tmp_path: Path) -> None:
    (said,) = of_core(guest, f"hv page message_page > {tmp_path}/page.txt")
    assert said == ""
    wide = list(render_screen(hvrepl.decode("page", PAGE.read_bytes()), Style(width=0)))
    assert (tmp_path / "page.txt").read_text().splitlines()[1:] == wide[1:]


COMPLETED = {
    "hv decode guest-i": ["hv decode guest-id", "hv decode guest-idle"],
    "hv dec": ["hv decode"],
    "hv show guest_os_id_x": [],
    "hv show HV_X64_MSR_SIM": ["hv show HV_X64_MSR_SIMP"],
    "hv show hv_x64_msr_sim": ["hv show HV_X64_MSR_SIMP"],
    "hv page message_pa": ["hv page message_page"],
    "hv page phys:message_pa": ["hv page phys:message_page"],
    "hv decode sint2 message_page->sint": ["hv decode sint2 message_page->sint_message"],
    "hv decode -f json sint2 message_page->sint": ["hv decode -f json sint2 message_page->sint_message"],
    "hv decode -f js": ["hv decode -f json"],
    "hv encode sint2 vec": ["hv encode sint2 vector="],
    "hv list hyp": ["hv list hypercall"],
    "hv decode page nosuch_": [],
    "hv decode message_pa": ["hv decode message_page"],
    "hv decode  message_pa": ["hv decode  message_page"],
    "hv decode message_page->sint": ["hv decode message_page->sint_message"],
    "hv decode siefp": ["hv decode siefp", "hv decode siefp-page"],
}


def test_names_and_expressions_are_completed(guest: Guest) -> None:
    said = of_core(guest, *(f"complete {text}" for text in COMPLETED))
    assert {text: found.splitlines() for text, found in zip(COMPLETED, said, strict=True)} == COMPLETED


def test_options_print_the_path_of_the_file() -> None:
    done = call("--gdb")
    assert (done.status, done.out) == (0, f"{FILE}\n")


def test_the_file_can_be_sourced_again() -> None:
    assert (
        answers([f"source {FILE}", f"source {FILE}", "hv decode -f line simp 0xfa1001"])[-1]
        == "HV_X64_MSR_SIMP 0x0000000000fa1001  enabled, gpa 0xfa1000"
    )


def test_libraries_are_found_next_to_the_package(tmp_path: Path) -> None:
    """As pip installs them, for another Python than gdb's."""
    for path in (PACKAGE, ROOT / "specs", LIBRARIES / "construct"):
        (tmp_path / path.name).symlink_to(path)
    said = answers([f"source {tmp_path}/hvrepl/debuggers/gdb.py", "hv decode -f line simp 0xfa1001"], environ={"PYTHONPATH": ""})
    assert said == ["", "HV_X64_MSR_SIMP 0x0000000000fa1001  enabled, gpa 0xfa1000"]


def test_the_package_is_the_one_of_the_file(tmp_path: Path) -> None:
    (tmp_path / "hvrepl").mkdir()
    (tmp_path / "hvrepl" / "__init__.py").write_text("raise SystemExit('another')")
    said = answers([f"source {FILE}", "hv decode -f line simp 0xfa1001"], environ={"PYTHONPATH": f"{tmp_path}:{LIBRARIES}"})
    assert said == ["", "HV_X64_MSR_SIMP 0x0000000000fa1001  enabled, gpa 0xfa1000"]


PIPE = "Without it: pipe x/512gx ADDRESS | hvrepl decode page -"


def test_a_python_without_construct_is_reported_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "hvrepl").symlink_to(PACKAGE)
    source = f"source {tmp_path}/hvrepl/debuggers/gdb.py"
    has, found, said = answers(
        [
            "python print(*sys.version_info[:2], sep='.')",
            "python import importlib.util; print(importlib.util.find_spec('construct') is not None)",
            source,
        ],
        environ={"PYTHONPATH": ""},
    )
    if found == "True":  # a system package
        skip_for("a gdb whose Python has no construct")
    assert said == (
        f"hvrepl: the Python {has} of this gdb does not find construct: "
        f"start gdb with PYTHONPATH=FOLDER, as `pip show construct` names it. {PIPE}"
    )


def test_a_python_that_is_too_old_is_reported_in_one_line() -> None:
    said = answers(["python sys.version_info = (3, 9, 2)", f"source {FILE}", "print 1"])
    assert said[1:] == [f"hvrepl: it needs Python 3.11, and this gdb has 3.9. {PIPE}", "$1 = 1"]


def test_a_program_of_another_arch_is_refused_unless_it_is_named() -> None:
    need("gdb-multiarch")
    said = ask(
        [
            "set architecture riscv:rv64",
            "hv decode -f line sint2 0x10013",
            "hv decode -f line --arch x64 sint2 0x10013",
            "set architecture aarch64",
            "hv decode -f line sint2 0x10013",
        ],
        program="gdb-multiarch",
    )
    assert [said[1], said[2], said[4]] == [
        "the program is of riscv:rv64; Hyper-V's interface is known for x64 and arm64",
        "HV_X64_MSR_SINT2 0x0000000000010013  vector 0x13, masked",
        "HV_REGISTER_SINT2 0x0000000000010013  vector 0x13, masked",
    ]


# Paging that maps 1 GiB to memory from 0 on, and nothing else: one page of 4 MiB.
PAGING = ["set {unsigned}0x200400 = 0x83", "set $cr3 = 0x200000UL", "set $cr4 = 0x10UL", "set $cr0 = 0x80000011UL"]
MAPPED = 0x40000000 + PLANTED


@needs("qemu-system-x86_64")
def test_a_page_in_a_guest_of_qemu_is_shown() -> None:
    said = ask([TO_QEMU, f"hv page {PLANTED:#x}", f"hv decode -f line message {PLANTED:#x} + 512", "hv decode -f line simp $rip"])
    assert said[1].splitlines() == [SCREEN[0].replace("message page", f"message page at {PLANTED:#x}"), *SCREEN[1:]]
    assert said[2].startswith(f"{PLANTED + 512:#x}  HV_MESSAGE 256 bytes  VMBus, CHANNELMSG_VERSION_RESPONSE (15): supported")
    assert said[3] == "HV_X64_MSR_SIMP 0x000000000000fff0  disabled, gpa 0xf000  ! reserved_11_1: reserved bits are set"


@needs("qemu-system-x86_64")
def test_physical_memory_is_read_where_asked_for_and_only_then() -> None:
    virtual, physical = f"hv page {PLANTED:#x}", f"hv page phys:{PLANTED:#x}"
    said = ask([TO_QEMU, *PAGING, virtual, f"hv page {MAPPED:#x}", physical, f"{physical} + 1 +", virtual])[5:]
    assert [text.splitlines()[0] for text in said] == [
        f"4096 bytes at {PLANTED:#x} cannot be read",
        f"message page at {MAPPED:#x}  2 of 16 slots in use, 1 with more pending",
        f"message page at gpa {PLANTED:#x}  2 of 16 slots in use, 1 with more pending",
        "A syntax error in expression, near `'.",
        f"4096 bytes at {PLANTED:#x} cannot be read",
    ]


@pytest.mark.parametrize("number", range(len(shown())))
def test_a_session_of_the_document_is_what_gdb_shows(guest: Guest, number: int) -> None:
    session = shown()[number]
    assert converse(commands_of(session), guest) == session


def test_the_document_shows_sessions_of_a_core_and_of_qemu() -> None:
    commands = [command for session in shown() for command in commands_of(session)]
    assert {"target remote :1234", "hv page message_page"} <= set(commands)
