"""Crash parameters: the system that they identify, the limits of each rule, and real values."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from hvrepl.analysis.crash import Crash, tell_crash
from hvrepl.catalog.catalog import Catalog
from hvrepl.catalog.opening import open_index
from hvrepl.codec.decode import Decoder
from hvrepl.errors import UsageError

INDEX = open_index()
DECODERS = {arch: Decoder(Catalog(INDEX, arch)) for arch in ("x64", "arm64")}
NOTIFY, MESSAGE = 1 << 63, 1 << 62
LINUX, FREEBSD = 0x8100000606570000, 0x8200155D21000000
KERNEL = 0xFFFF800080012345


def tell(parameters: Sequence[int], control: int | None = None, arch: str = "x64") -> Crash:
    return tell_crash(DECODERS[arch], parameters, control)


def codes(crash: Crash) -> list[str]:
    return [finding.code for finding in crash.findings]


# Origin, parameters, and their explanation.
SEEN = {
    "event_18590_of_linux": (
        (0x0, 0x81000004132B0000, 0x2050CC, 0xFFFFFFFFFFFFFFDA, 0x7FFD0EC01888),
        "Linux",
        "Linux 4.19.43  error 0, RIP 0x2050cc (user space), RAX -38, RSP 0x7ffd0ec01888",
    ),
    "event_18590_of_windows": (
        (0xD1, 0xFFFFE609207FD050, 0x2, 0x0, 0xFFFFF80156F612D0),
        "Windows",
        "Windows  0xD1 DRIVER_IRQL_NOT_LESS_OR_EQUAL: read of 0xffffe609207fd050 at IRQL 2 by 0xfffff80156f612d0",
    ),
    "event_18590_with_a_guest_message": (
        (0x0, 0x0, 0x0, 0x0, 0x0),
        "unknown",
        "all five are zero  the guest sent a message instead: see the guest message in the event",
    ),
    "kubevirt": ((0x5A, 0x1, 0x2, 0x3, 0x4), "Windows", "Windows  0x5A CRITICAL_SERVICE_FAILED: parameters 0x1, 0x2, 0x3, 0x4"),
    "xen_of_64_bits": (
        (0x7E, 0xFFFFFFFFC0000096, 0xFFFFF8054CBE5FFE, 0xFFFFFA0837A066E8, 0xFFFFFA0837A05F30),
        "Windows",
        "Windows  0x7E SYSTEM_THREAD_EXCEPTION_NOT_HANDLED: STATUS_PRIVILEGED_INSTRUCTION at 0xfffff8054cbe5ffe",
    ),
    "xen_with_zeros": (
        (0x1E, 0xFFFFFFFFC0000096, 0xFFFFF8007F85562C, 0, 0),
        "Windows",
        "Windows  0x1E KMODE_EXCEPTION_NOT_HANDLED: STATUS_PRIVILEGED_INSTRUCTION at 0xfffff8007f85562c",
    ),
    "xen_of_32_bits": (
        (0x3B, 0xC0000096, 0x75B12C5, 0x9E7F1580, 0),
        "Windows",
        "Windows  0x3B SYSTEM_SERVICE_EXCEPTION: STATUS_PRIVILEGED_INSTRUCTION at 0x75b12c5",
    ),
}


@pytest.mark.parametrize(("parameters", "os", "summary"), SEEN.values(), ids=SEEN)
def test_real_crashes_are_explained_without_findings(parameters: Sequence[int], os: str, summary: str) -> None:
    crash = tell(parameters)
    assert (crash.os, crash.summary, crash.findings) == (os, summary, ())


# arch, parameters, control → the struct that explains them.
RULES = {
    "a_message_by_control": ("x64", (7, 8, 9, 0x5001, 4097), MESSAGE, "CRASH_MESSAGE"),
    "a_message_by_control_of_zeros": ("x64", (0, 0, 0, 0, 0), NOTIFY | MESSAGE, "CRASH_MESSAGE"),
    "a_message_by_control_though_a_guest_id_is_there": ("x64", (0, LINUX, 0, 0, 0), MESSAGE, "CRASH_MESSAGE"),
    "a_message_by_its_parameters": ("x64", (0, 0, 0, 0x5000, 1), None, "CRASH_MESSAGE"),
    "a_message_of_a_whole_page": ("arm64", (0, 0, 0, 0x5000, 4096), NOTIFY, "CRASH_MESSAGE"),
    "no_message_longer_than_a_page": ("x64", (0, 0, 0, 0x5000, 4097), None, "UNKNOWN_CRASH"),
    "no_message_without_length": ("x64", (0, 0, 0, 0x5000, 0), None, "UNKNOWN_CRASH"),
    "no_message_within_a_page": ("x64", (0, 0, 0, 0x5001, 4096), None, "UNKNOWN_CRASH"),
    "no_message_with_p2": ("x64", (0, 0, 1, 0x5000, 4096), None, "UNKNOWN_CRASH"),
    "zeros": ("arm64", (0, 0, 0, 0, 0), None, "CRASH_EMPTY"),
    "zeros_without_a_message_in_control": ("x64", (0, 0, 0, 0, 0), NOTIFY, "CRASH_EMPTY"),
    "linux_on_x64": ("x64", (0, LINUX, 0, 0, 0), None, "LINUX_CRASH"),
    "linux_on_arm64": ("arm64", (0, LINUX, 0, 0, 0), None, "LINUX_CRASH"),
    "linux_with_a_bug_check_as_error": ("x64", (0x7E, LINUX, 0, 0, 0), None, "LINUX_CRASH"),
    "linux_with_a_kernel_address_as_error": ("x64", (KERNEL, LINUX, 0, 0, 0), None, "LINUX_CRASH"),
    "freebsd": ("x64", (0, FREEBSD, 1, 2, 3), None, "BSD_CRASH"),
    "an_unknown_bsd": ("arm64", (0, 0x8277 << 48, 1, 2, 3), None, "OPEN_SOURCE_CRASH"),
    "xen": ("x64", (0, 0x83 << 56, 1, 2, 3), None, "OPEN_SOURCE_CRASH"),
    "the_last_allocated_type": ("x64", (0, 0x84 << 56, 1, 2, 3), None, "OPEN_SOURCE_CRASH"),
    "a_type_that_nobody_allocated": ("x64", (0, 0x85 << 56, 1, 2, 3), None, "UNKNOWN_CRASH"),
    "type_zero": ("x64", (0, 0x80 << 56, 1, 2, 3), None, "UNKNOWN_CRASH"),
    "a_kernel_address_in_p1": ("x64", (0xA, 0xFFFF810000000000, 2, 0, 3), None, "WINDOWS_CRASH"),
    "a_proprietary_guest_id": ("x64", (0, 0x0001040A00003839, 1, 2, 3), None, "UNKNOWN_CRASH"),
    "the_first_kernel_address_in_p0": ("x64", (0xFFFF800000000000, 0, 0, 0, 0), None, "OLD_LINUX_CRASH"),
    "the_last_kernel_address_in_p0": ("x64", (2**64 - 1, 0, 0, 0, 0), None, "OLD_LINUX_CRASH"),
    "just_below_kernel_addresses": ("x64", (0xFFFF7FFFFFFFFFFF, 0, 0, 0, 0), None, "UNKNOWN_CRASH"),
    "a_kernel_address_in_p0_on_arm64": ("arm64", (KERNEL, 0, 0, 0, 0), None, "UNKNOWN_CRASH"),
    "windows_on_arm64": ("arm64", (0xEF, 1, 2, 3, 4), None, "WINDOWS_CRASH"),
    "just_below_programs_in_p0": ("x64", (0x555555553FFF, 0, 0, 0, 0), None, "UNKNOWN_CRASH"),
    "a_program_in_p0": ("x64", (0x555555554000, 0, 0, 0, 0), None, "OLD_LINUX_CRASH"),
    "the_last_program_in_p0": ("x64", (0x5655FFFFFFFF, 0, 0, 0, 0), None, "OLD_LINUX_CRASH"),
    "just_above_programs_in_p0": ("x64", (0x565600000000, 0, 0, 0, 0), None, "UNKNOWN_CRASH"),
    "just_below_libraries_in_p0": ("x64", (0x7DFFFFFFFFFF, 0, 0, 0, 0), None, "UNKNOWN_CRASH"),
    "a_library_in_p0": ("x64", (0x7F44208E78C0, 0, 0, 0, 0), None, "OLD_LINUX_CRASH"),
    "a_library_in_p0_on_arm64": ("arm64", (0x7F44208E78C0, 0, 0, 0, 0), None, "UNKNOWN_CRASH"),
    "a_program_in_low_memory_in_p0": ("x64", (0x401000, 0, 0, 0, 0), None, "UNKNOWN_CRASH"),
    "linux_though_p0_is_of_a_library": ("x64", (0x7F44208E78C0, LINUX, 0, 0, 0), None, "LINUX_CRASH"),
    "the_boot_shim_of_openhcl": ("x64", (int.from_bytes(b"BOOTSHIM", "little"), 1, 2**64 - 1, 0, 0), None, "OPENHCL_BOOT_CRASH"),
    "a_bug_check_above_32_bits": ("x64", (0x10000007E, 0, 0, 0, 0), None, "UNKNOWN_CRASH"),
    "a_bug_check_that_has_no_name": ("x64", (0x7FFFFFF, 0, 0, 0, 0), None, "UNKNOWN_CRASH"),
}


@pytest.mark.parametrize(("arch", "parameters", "control", "struct"), RULES.values(), ids=RULES)
def test_the_first_rule_that_holds_tells_the_crash(arch: str, parameters: Sequence[int], control: int | None, struct: str) -> None:
    crash = tell(parameters, control, arch)
    assert crash.node.name == struct
    words = [*parameters] if control is None else [*parameters, control]
    assert [int(part.raw, 16) for part in crash.parameters] == words


SYSTEMS = {"freebsd": (0x8200, "FreeBSD"), "openbsd": (0x8201, "OpenBSD"), "netbsd": (0x8202, "NetBSD"), "xen": (0x8300, "Xen")}
SYSTEMS |= {"illumos": (0x8400, "illumos"), "some_bsd": (0x8277, "FreeBSD"), "linux": (0x8100, "Linux"), "ubuntu": (0x8180, "Linux")}


@pytest.mark.parametrize("arch", ["x64", "arm64"])
@pytest.mark.parametrize(("top", "os"), SYSTEMS.values(), ids=SYSTEMS)
def test_the_system_is_a_word(top: int, os: str, arch: str) -> None:
    assert tell((0, top << 48, 1, 2, 0), arch=arch).os == os


def test_a_guess_is_called_one() -> None:
    assert "perhaps" in tell((KERNEL, 0, 0, 0, 0)).summary
    assert codes(tell((KERNEL, 0, 0, 0, 0))) == ["perhaps"]
    assert "perhaps" in tell((0x12345678, 0, 0, 0, 1)).summary
    assert codes(tell((0x12345678, 0, 0, 0, 1))) == ["unknown_system"]


# The bug check, its parameters → their names, and the sentence after the bug check's name.
BUG_CHECKS = {
    "1e": (0x1E, (0xC0000005, 0x10, 1, 0x20), "exception address information_0 information_1", "STATUS_ACCESS_VIOLATION at 0x10"),
    "3b": (0x3B, (0x80000003, 0x10, 0x20, 0), "exception address context_record parameter_4", "STATUS_BREAKPOINT at 0x10"),
    "7e": (0x7E, (0xC000001D, 1, 2, 3), "exception address exception_record context_record", "STATUS_ILLEGAL_INSTRUCTION at 0x1"),
    "7e_m": (0x1000007E, (0xC0000006, 1, 2, 3), "exception address exception_record context_record", "STATUS_IN_PAGE_ERROR at 0x1"),
    "8e": (0x8E, (0xC0000094, 1, 2, 3), "exception address trap_frame parameter_4", "STATUS_INTEGER_DIVIDE_BY_ZERO at 0x1"),
    "8e_m": (0x1000008E, (0xC0000005, 1, 2, 3), "exception address trap_frame parameter_4", "STATUS_ACCESS_VIOLATION at 0x1"),
    "an_exception_without_name": (0x7E, (0xDEADBEEF, 1, 2, 3), "exception address exception_record context_record", "0xdeadbeef at 0x1"),
    "50": (0x50, (1, 0, 2, 9), "memory operation address fault", "read of 0x1 by 0x2, 0x9"),
    "50_write": (0x50, (1, 2, 2, 0), "memory operation address fault", "write of 0x1 by 0x2, NONPAGED_BUGCHECK_FREED_PTE"),
    "50_execute": (0x50, (1, 0x10, 1, 9), "memory operation address fault", "execute of 0x1 by 0x1, 0x9"),
    "a": (0xA, (0x1C, 2, 1, 7), "memory irql operation address", "write of 0x1c at IRQL 2 by 0x7"),
    "d1": (0xD1, (0x1C, 11, 8, 7), "memory irql operation address", "execute of 0x1c at IRQL 11 by 0x7"),
    "trap": (0x7F, (8, 0x80050033, 0x6F8, 0), "trap parameter_2 parameter_3 parameter_4", "double fault"),
    "trap_m": (0x1000007F, (8, 1, 2, 3), "trap parameter_2 parameter_3 parameter_4", "double fault"),
    "boot_device": (
        0x7B,
        (0xFFFFF880009A97E8, 0xFFFFFFFFC0000034, 0, 0),
        "device parameter_2 parameter_3 parameter_4",
        "pointer 0xfffff880009a97e8 to the boot device or its name",
    ),
    "power": (
        0x9F,
        (3, 0x10, 0x20, 0x30),
        "violation device_object triage irp",
        "a device object blocks an IRP for too long, device object 0x10, IRP 0x30",
    ),
    "power_other": (
        0x9F,
        (4, 300, 0x20, 0x30),
        "violation timeout thread triage",
        "a power transition waits for PnP for too long, 300 s, thread 0x20",
    ),
    "pool": (0xC2, (7, 0, 0x20, 0x30), "violation parameter_2 header_contents address", "free of pool that was freed before, block 0x30"),
    "pool_tag": (0xC2, (0xA, 1, 2, 3), "violation address tag freed_tag", "free with the wrong tag, pool 0x1, tag 0x2, freed with 0x3"),
    "verifier": (
        0xC4,
        (0x60, 16, 32, 2),
        "violation paged nonpaged allocations",
        "unload without free of its pool, 2 allocations, 16 bytes paged, 32 bytes nonpaged",
    ),
    "verifier_rule": (
        0xC4,
        (0x20005, 0x10, 0, 0),
        "violation text_address rule_state supplemental",
        "DDI compliance rule broken: IRQL, described by the text at 0x10",
    ),
    "process": (0xEF, (0x10, 1, 0, 0), "process ended parameter_3 parameter_4", "a thread ended, process object 0x10"),
    "object": (0xF4, (3, 0x10, 0x20, 0x30), "object_type object image_name message", "a process ended, object 0x10"),
    "clock": (0x101, (25, 0, 0x10, 2), "interval parameter_2 prcb processor", "processor 2 hangs, no clock interrupt for 25 ticks"),
    "structure": (0x109, (1, 2, 3, 7), "parameter_1 parameter_2 parameter_3 region", "a critical MSR was modified"),
    "machine_check": (
        0x124,
        (0, 0x10, 0xB2000000, 0x1040080F),
        "error_source error_record status_high status_low",
        "machine check exception, MCi_STATUS high half 0xb2000000, low half 0x1040080f, WHEA_ERROR_RECORD at 0x10",
    ),
    "bus": (
        0x124,
        (4, 0x10, 0, 0),
        "error_source error_record parameter_3 parameter_4",
        "PCI Express, uncorrectable, WHEA_ERROR_RECORD at 0x10",
    ),
    "watchdog": (0x133, (0, 1281, 1280, 0x10), "violation time allotment triage", "a DPC or ISR took too long, 1281 ticks of 1280"),
    "watchdog_long": (
        0x133,
        (1, 0x1E00, 0x10, 0),
        "violation period triage parameter_4",
        "too long at DISPATCH_LEVEL or above, watchdog period 0x1e00",
    ),
    "security": (0x139, (3, 1, 2, 0), "corruption trap_frame exception_record parameter_4", "corrupt LIST_ENTRY, as by a double remove"),
    "stack": (
        0x1AA,
        (1, 3, 4, 5),
        "stack stack_type context_record exception_record",
        "stack pointer 0x1, expected normal kernel thread stack",
    ),
    "hypervisor": (0x20001, (0x11, 2, 3, 4), "parameter_1 parameter_2 parameter_3 parameter_4", "parameters 0x11, 0x2, 0x3, 0x4"),
    "secure_fault": (
        0x18D,
        (5, 0x10, 1, 2),
        "fault memory exception_record context_record",
        "no-execute fault by SLAT, write fault by SLAT, address 0x10",
    ),
    "inpage": (0x7A, (1, 0xC000009C, 0, 0x10), "lock_or_pte status information memory", "STATUS_DEVICE_DATA_ERROR for 0x10"),
    "stack_inpage": (0x77, (1, 0x20, 0, 0x10), "origin found parameter_3 address", "page from a disk, signature at 0x10 is 0x20"),
    "stack_inpage_status": (
        0x77,
        (0xC000000E, 0xC000000E, 0, 0x48),
        "origin status page_file offset",
        "0xc000000e, STATUS_NO_SUCH_DEVICE, page file 0, offset 0x48",
    ),
    "memory": (
        0x1A,
        (0x41792, 0x10, 2, 0),
        "violation pte_address pte_low pte_high",
        "corrupt page table entry (0x41792), page table entry at 0x10, low part 0x2, high part 0x0",
    ),
    "winlogon": (0xC000021A, (1, 0xC0000005, 0, 0), "problem status parameter_3 parameter_4", "STATUS_ACCESS_VIOLATION"),
    "file_system": (0x24, (0x1904FB, 0, 0, 0), "place exception_record context_record parameter_4", "source file 0x19, line 1275"),
    "another": (0x5A, (3, 2, 1, 0), "parameter_1 parameter_2 parameter_3 parameter_4", "parameters 0x3, 0x2, 0x1, 0x0"),
}


@pytest.mark.parametrize(("bug_check", "parameters", "names", "said"), BUG_CHECKS.values(), ids=BUG_CHECKS)
def test_a_bug_check_names_its_parameters(bug_check: int, parameters: Sequence[int], names: str, said: str) -> None:
    crash = tell((bug_check, *parameters))
    assert [part.name for part in crash.parameters] == ["bug_check", *names.split()]
    assert crash.summary == f"Windows  0x{bug_check:X} {crash.parameters[0].meaning}: {said}"
    assert crash.findings == ()


def test_an_exception_code_may_be_sign_extended_and_nothing_else() -> None:
    plain, extended, other = (tell((0x7E, upper << 32 | 0xC0000005, 1, 2, 3)) for upper in (0, 2**32 - 1, 0xFFFFF805))
    assert plain.summary == extended.summary == other.summary
    assert (codes(plain), codes(extended), codes(other)) == ([], [], ["no_status"])


def test_the_control_register_is_explained_with_its_findings() -> None:
    crash = tell((0xD1, 0, 2, 0, 0), NOTIFY | 5 << 58)
    assert crash.parameters[5].name == "ctl"
    assert crash.to_dict()["parameters"][5]["meaning"] == "notify, pre-OS environment 5"
    assert codes(tell((0xD1, 0, 2, 0, 0), NOTIFY | 1)) == ["reserved_set"]
    assert codes(tell((0, 0, 0, 0x5000, 4), MESSAGE)) == ["message_without_notify"]


def test_a_message_whose_length_cannot_be_has_a_finding() -> None:
    assert codes(tell((0, 0, 0, 0x5000, 4096), NOTIFY | MESSAGE)) == []
    assert codes(tell((0, 0, 0, 0x5000, 4097), NOTIFY | MESSAGE)) == ["out_of_range"]
    assert codes(tell((0, 0, 0, 0x5000, 0), NOTIFY | MESSAGE)) == ["message_empty"]


OTHER_ARCH = {
    "arm64_told_as_x64": ("x64", (0, LINUX, KERNEL, KERNEL + 0x1000000, 0), True),
    "x64": ("x64", (0, LINUX, 0xFFFFFFFF81234567, 0, 0xFFFFC90000003E00), False),
    "x64_without_stack": ("x64", (0, LINUX, 0xFFFFFFFF81234567, 0xFFFF888100000000, 0), False),
    "x64_that_returns_an_error": ("x64", (0, LINUX, KERNEL, 2**64 - 38, 0), False),
    "x64_told_as_arm64": ("arm64", (0, LINUX, 0xFFFFFFFF81234567, 0, 0xFFFFC90000003E00), True),
    "arm64": ("arm64", (0, LINUX, KERNEL, KERNEL + 0x1000000, 0), False),
}


@pytest.mark.parametrize(("arch", "parameters", "is_other"), OTHER_ARCH.values(), ids=OTHER_ARCH)
def test_linux_of_the_other_arch_is_remarked(arch: str, parameters: Sequence[int], is_other: bool) -> None:
    assert ("other_arch" in codes(tell(parameters, arch=arch))) is is_other


def test_a_small_negative_rax_is_said_as_such() -> None:
    said = {rax: tell((0, LINUX, 0, rax, 0)).summary.split(", ")[2] for rax in (2**64 - 1, 2**64 - 4095, 2**64 - 4096, 38)}
    assert list(said.values()) == ["RAX -1", "RAX -4095", "RAX 0xfffffffffffff000", "RAX 0x26"]


def test_the_error_of_linux_is_a_signed_number() -> None:
    assert "error -1," in tell((2**64 - 1, LINUX, 0, 0, 0)).summary


@pytest.mark.parametrize(("rip", "half"), [(0x401000, "user space"), (KERNEL, "kernel"), (1 << 63, "no canonical address")])
def test_where_the_instruction_lies_is_said(rip: int, half: str) -> None:
    assert f"RIP {rip:#x} ({half})" in tell((0, LINUX, rip, 0, 1)).summary


def test_the_object_has_its_keys_in_order_and_no_empty_ones() -> None:
    table = tell((KERNEL, 1, 2, 3, 4)).to_dict()
    assert list(table) == ["os", "summary", "parameters", "findings"]
    assert table["parameters"][:2] == [
        {"name": "rip", "raw": "0xffff800080012345", "meaning": "kernel"},
        {"name": "rax", "raw": "0x0000000000000001"},
    ]
    assert list(tell((0xEF, 1, 0, 3, 4)).to_dict()) == ["os", "summary", "parameters"]


@pytest.mark.parametrize("parameters", [(1, 2, 3, 4), (1, 2, 3, 4, 5, 6), ()])
def test_other_than_five_parameters_are_refused(parameters: Sequence[int]) -> None:
    with pytest.raises(UsageError, match=r"P0 to P4"):
        tell(parameters)


@pytest.mark.parametrize("number", [1 << 64, -1])
def test_a_parameter_of_other_than_64_bits_is_refused(number: int) -> None:
    with pytest.raises(UsageError, match=r"P2: -?0x[01]+ is not a 64-bit number"):
        tell((0, 0, number, 0, 0))
    with pytest.raises(UsageError, match="CTL"):
        tell((0, 0, 0, 0, 0), number)
