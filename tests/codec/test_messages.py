"""The sentence for each kind of message and each shared page, on bytes laid out by hand from the headers."""

from __future__ import annotations

from struct import pack

import pytest

from tests.codec.layouts import thing

CS = pack("<QIHH", 0, 0xFFFFFFFF, 0x10, 0xA09B)
LONG_MODE = 0x14
READ, WRITE, EXECUTE = 0, 1, 2


def x64(access: int) -> bytes:
    """The header of an x64 intercept message: VP 3 at 0xfffff80312345678."""
    return pack("<IBBH", 3, 0x03, access, LONG_MODE) + CS + pack("<QQ", 0xFFFFF80312345678, 0x246)


def arm64(access: int) -> bytes:
    return pack("<IBBHQQ", 3, 4, access, 1, 0xFFFF800012345678, 0x3C5)


def page(*parts: tuple[int, bytes]) -> bytes:
    data = bytearray(4096)
    for at, part in parts:
        data[at : at + len(part)] = part
    return bytes(data)


MEMORY = pack("<IBBBBQQ", 6, 4, 3, 0, 0, 0xFFFFA00012340300, 0xFEE00300) + bytes.fromhex("89041848") + bytes(12)
MEMORY_SAID = "write access to gpa 0xfee00300 at rip 0xfffff80312345678, gva 0xffffa00012340300, VP 3, 4 instruction bytes"
ARM_MEMORY = pack("<IBBHIIQQQ", 6, 4, 2, 0, 0xB9000001, 0, 0, 0x8000000, 0x93800045)
PORT = pack("<HBBIQ", 0x3F8, 1, 1, 0, 0x41) + b"\xee".ljust(16, b"\0") + CS + CS + bytes(24)
RAX_TO_RDI = pack("<7Q", 0, 0, 0x1005C, 0x10000, 0x2000, 0, 0)
FAULT = pack("<HBBIQQ", 14, 1, 0, 2, 0xDEADB000, 0) + bytes(16) + CS + CS + bytes(128)
GHCB = pack("<QQIIHHHHQQQQ", 0x12345000, 1, 0, 0, 2, 0, 0, 0, 0x7B, 0x3F80011, 0, 0)
MESSAGES = [
    ("x64", 0x80000000, x64(WRITE) + MEMORY, MEMORY_SAID),
    ("x64", 0x80000001, x64(WRITE) + MEMORY, MEMORY_SAID),
    ("x64", 0x80000003, x64(WRITE) + MEMORY, MEMORY_SAID),
    ("x64", 0x80000004, pack("<IIQQ", 1, 0xC2, 0x12345003, 0x22000), "2 ranges, host visibility shared, VP 1"),
    ("x64", 0x80000020, pack("<II", 1, 0), "VP 1 cannot run: a register holds an invalid value"),
    ("x64", 0x80000021, x64(EXECUTE), "triple fault on VP 3 at rip 0xfffff80312345678, ring 0, VTL 0, long mode"),
    ("x64", 0x80000022, pack("<IIQ", 1, 2, 0), "unsupported on VP 1: task switch"),
    ("x64", 0x80000024, pack("<IB3xI4xQQ", 0, 1, 3, 0x100, 0xFFF000), "no translation, write, device 0x100, at 0xfff000"),
    ("x64", 0x80000040, pack("<II", 1, 3), "buffer 3, local diagnostics"),
    ("x64", 0x80000050, x64(EXECUTE) + RAX_TO_RDI + bytes(112), "hypercall HVCALL_POST_MESSAGE, fast, rip 0xfffff80312345678, VP 3"),
    ("x64", 0x80000062, x64(READ) + pack("<HHI", 0x4C, 0, 0), "VP 3 can take messages at SINT 2-3, 6, rip 0xfffff80312345678"),
    ("x64", 0x80010000, x64(WRITE) + PORT, "write access to port 0x3f8 at rip 0xfffff80312345678, 1 byte, rax 0x41, VP 3"),
    (
        "x64",
        0x80010001,
        x64(WRITE) + pack("<IIQQ", 0x40000084, 0, 1, 2),
        "write access to MSR 0x40000084 (HV_X64_MSR_EOM) at rip 0xfffff80312345678, rdx:rax 0x1:0x2, VP 3",
    ),
    (
        "x64",
        0x80010001,
        x64(READ) + pack("<IIQQ", 0x1B, 0, 1, 2),
        "read access to MSR 0x1b (the processor's own) at rip 0xfffff80312345678, VP 3",
    ),
    (
        "x64",
        0x80010002,
        x64(EXECUTE) + pack("<8Q", 0x40000003, *range(7)),
        "CPUID leaf 0x40000003, subleaf 0x0 at rip 0xfffff80312345678, VP 3",
    ),
    (
        "x64",
        0x80010003,
        x64(EXECUTE) + FAULT,
        "exception 14 (page fault) at rip 0xfffff80312345678, error code 0x2, parameter 0xdeadb000, VP 3",
    ),
    ("x64", 0x80010004, pack("<II", 1, 0x31), "end of interrupt of vector 0x31 on VP 1"),
    (
        "x64",
        0x80010006,
        x64(WRITE) + pack("<II", 0, 0x40000) + bytes(16),
        "write access to register HV_X64_REGISTER_CR0 at rip 0xfffff80312345678, VP 3",
    ),
    ("x64", 0x80010007, x64(EXECUTE), "VP 3 halted at rip 0xfffff80312345678, ring 0, VTL 0, long mode"),
    ("x64", 0x80010008, x64(EXECUTE) + pack("<II", 2, 0), "VP 3 can take an event: NMI, rip 0xfffff80312345678"),
    ("x64", 0x80010009, x64(WRITE) + pack("<II", 5, 0x9A), "start-up IPI from VP 3 to VP 5, vector 0x9a, rip 0xfffff80312345678"),
    (
        "x64",
        0x80010013,
        x64(EXECUTE) + GHCB,
        "VMGEXIT of VP 3, GHCB MSR normal, gpa 0x12345000, standard exit, exit IOIO, info 0x3f80011 and 0x0",
    ),
    ("x64", 0x8000003F, pack("<I", 7), "intercept of VP 7; see the VP's intercept message page for details"),
    ("x64", 0x80000061, pack("<I", 3), "SINT 3 was signalled"),
    ("x64", 0x80000070, pack("<QIIQ", 9, 0, 4, 0), "a hypercall for partition 0x9 ended with HV_STATUS_SUCCESS, 4 reps"),
    ("x64", 0x80000100, pack("<QIHHQQQQ", 9, 0, 3, 0, 0, 5, 0x21, 4) + bytes(112), "3 VPs of partition 0x9 to run"),
    ("x64", 0x80000101, pack("<II", 0, 2) + bytes(232), "2 VPs to run"),
    (
        "arm64",
        0x80000001,
        arm64(READ) + ARM_MEMORY,
        "read access to gpa 0x8000000 at pc 0xffff800012345678, VP 3, syndrome 0x93800045, 4 instruction bytes",
    ),
    ("arm64", 0x80000024, pack("<IB3xI4xQQ", 3, 0, 1, 0x100, 0xFFF000), "permission, read, at 0xfff000"),
    (
        "arm64",
        0x80000002,
        arm64(WRITE) + pack("<QI32s4x", 0x9000000, 4, b"A"),
        "write access of 4 bytes to gpa 0x9000000 at pc 0xffff800012345678, VP 3",
    ),
    (
        "arm64",
        0x80000050,
        arm64(EXECUTE) + pack("<II18Q", 1, 0, 0x1005C, *range(17)),
        "hvc #1 at pc 0xffff800012345678, HVCALL_POST_MESSAGE, fast, VP 3",
    ),
    ("arm64", 0x80000062, arm64(READ) + pack("<II", 4, 0), "VP 3 can take messages at SINT 2, pc 0xffff800012345678"),
    ("arm64", 0x8001000C, arm64(WRITE) + pack("<II", 1, 0), "VP 3 requested: reboot, pc 0xffff800012345678"),
    (
        "arm64",
        0x80010006,
        arm64(READ) + pack("<II", 0, 0x20000) + bytes(16),
        "read access to register HV_ARM64_REGISTER_X0 at pc 0xffff800012345678, VP 3",
    ),
]


@pytest.mark.parametrize(("arch", "kind", "payload", "said"), MESSAGES, ids=[f"{arch} {kind:#x}" for arch, kind, _, _ in MESSAGES])
def test_a_message_says_what_was_done_where(arch: str, kind: int, payload: bytes, said: str) -> None:
    one = thing("message", arch)
    node = one.decode(pack("<IBBHQ", kind, len(payload), 0, 0, 2) + payload.ljust(240, b"\0"))
    body = node.find("payload")
    assert body
    assert body.summary == said
    assert not node.findings


def test_every_payload_is_checked() -> None:
    catalogs = {arch: thing("message", arch).decoder.catalog for arch in ("x64", "arm64")}
    numbers = [(arch, row.low) for arch, catalog in catalogs.items() for row in catalog.index.all_numbers("message")]
    payloads = {spec.name for arch, number in numbers if (spec := catalogs[arch].case_of("message", number))}
    checked = {spec.name for arch, number, _, _ in MESSAGES if (spec := catalogs[arch].case_of("message", number))}
    assert payloads - checked == {"HV_TIMER_MESSAGE_PAYLOAD"}  # in test_real_values.py


PAGES = [
    ("HV_SYNIC_EVENT_FLAGS_PAGE", "x64", page((512, b"\x8e"), (768, b"\0\1")), "2 of 16 SINTs have flags set"),
    ("HV_SYNIC_EVENT_RING_PAGE", "x64", page((772, pack("<II", 7, 9))), "1 of 16 rings in use"),
    ("HV_SYNIC_EVENT_RING", "x64", pack("<BBHII", 1, 1, 0, 7, 9) + bytes(244), "ports waiting, signal masked, full"),
    ("HV_SYNIC_EVENT_RING", "x64", bytes(256), "empty"),
    (
        "HV_REFERENCE_TSC_PAGE",
        "x64",
        page((0, pack("<IIQq", 4, 0, 0x14D8B0E5D1C80A3, -5))),
        "sequence 4, scale 0x14d8b0e5d1c80a3, offset -5",
    ),
    ("HV_REFERENCE_TSC_PAGE", "arm64", page(), "not valid: read the reference counter instead"),
    (
        "HV_VP_ASSIST_PAGE",
        "x64",
        page((0, b"\1"), (8, b"\2"), (64, pack("<HHIQ", 1, 0, 0x8000, 2)), (368, pack("<QIBBH", 1, 5, 0, 2, 17))),
        "no EOI required, entered by interrupt, virtualization fault code 0x8000, parameters 0x1 and 0x2, 1 VTL return actions",
    ),
    ("HV_VP_ASSIST_PAGE", "arm64", page((8, b"\1")), "entered by VTL call, 0 VTL return actions"),
    ("HV_VP_REGISTER_PAGE", "x64", page((2, b"\1"), (4, b"\2"), (136, b"\x10")), "rip 0x10, rsp 0x0, changed: instruction_pointer"),
    ("HV_VP_REGISTER_PAGE", "arm64", page((2, b"\1"), (272, b"\x10")), "pc 0x10"),
    ("HV_HYPERCALL_PAGE", "x64", page((0, bytes.fromhex("0f01d9c3"))), "begins with vmmcall; ret"),
    ("HV_GHCB", "x64", page((4080, b"\x5c\0\1"), (4090, b"\2"), (4092, b"\1")), "hypercall, protocol 2"),
    ("HV_PARTITION_ASSIST_PG", "x64", page((0, b"\2")), "TLB locked 2 times: flushes exit to the nested hypervisor"),
    ("HV_MONITOR_PAGE", "x64", page((8, b"\x14")), "1 of 4 groups with something pending or armed"),
]


@pytest.mark.parametrize(("what", "arch", "data", "said"), PAGES, ids=[f"{what} {arch} {said[:20]}" for what, arch, _, said in PAGES])
def test_a_page_says_what_it_holds(what: str, arch: str, data: bytes, said: str) -> None:
    node = thing(what, arch).decode(data)
    assert node.summary == said
    assert not node.findings


def test_event_flags_are_listed_by_number() -> None:
    node = thing("HV_SYNIC_EVENT_FLAGS_PAGE", "x64").decode(page((512, b"\x8e"), (767, b"\x80"), (768, b"\0\1")))
    assert [slot.summary for slot in node.slots[1:4]] == ["no flag", "flags 1-3, 7, 2047", "flags 8"]
    assert [slot.unused for slot in node.slots[:4]] == [True, True, False, False]
