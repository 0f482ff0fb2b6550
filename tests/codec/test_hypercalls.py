"""A hypercall's input and output in one sentence: who, what, and each element of a list."""

from __future__ import annotations

import struct

import pytest

from hvrepl.errors import UsageError
from tests.codec.layouts import thing, tree

SELF = (1 << 64) - 1
VP = struct.pack("<QIB3x", SELF, 3, 0)
FLUSH = struct.pack("<QQ", 0x1000, 0)
SET = struct.pack("<QQQQ", 0, 0b101, 0x21, 0x04)  # VPs 0, 5 and 130: the TLFS's own example
DEVICE = struct.pack("<QQ", SELF, 0x1234)


def assoc(register: int, value: int) -> bytes:
    return register.to_bytes(4, "little") + bytes(12) + value.to_bytes(16, "little")


# what, arch, bytes, summary
INPUTS = [
    (
        "HVCALL_GET_VP_REGISTERS",
        "x64",
        VP + struct.pack("<II", 0x90003, 0xA0002),
        "partition self, VP 3, reads HV_REGISTER_VP_INDEX, HV_REGISTER_SINT2",
    ),
    ("HVCALL_GET_VP_REGISTERS", "arm64", VP + struct.pack("<I", 0x20000), "partition self, VP 3, reads HV_ARM64_REGISTER_X0"),
    (
        "HVCALL_SET_VP_REGISTERS",
        "x64",
        VP + assoc(0xA0002, 0x200F3),
        "partition self, VP 3, sets HV_REGISTER_SINT2 = vector 0xf3, auto-EOI",
    ),
    (
        "HVCALL_SET_VP_REGISTERS",
        "x64",
        struct.pack("<QIB3x", SELF, 0xFFFFFFFE, 0x11) + assoc(0x20010, 0xFFFFFFFF81000010) + assoc(0x20002, 7),
        "partition self, VP self, VTL 1, sets HV_X64_REGISTER_RIP = 0xffffffff81000010, HV_X64_REGISTER_RDX = 0x7",
    ),
    ("HVCALL_SIGNAL_EVENT", "x64", struct.pack("<IHH", 0x20001, 0, 0), "connection 0x20001, flag 0"),
    (
        "HVCALL_POST_MESSAGE",
        "x64",
        struct.pack("<IIII", 1, 0, 1, 8) + struct.pack("<II", 3, 0),
        "connection 0x1, VMBus, 8 bytes, CHANNELMSG_REQUESTOFFERS (3)",
    ),
    ("HVCALL_SEND_IPI", "x64", struct.pack("<IIQ", 0xFD, 0, 6), "RESCHEDULE_VECTOR (253), to VPs of mask 0x6"),
    ("HVCALL_SEND_IPI_EX", "x64", struct.pack("<II", 0xFD, 0) + SET, "RESCHEDULE_VECTOR (253), to VPs in banks 0x5, masks 0x21, 0x4"),
    ("HVCALL_SEND_IPI_EX", "x64", struct.pack("<IIQQ", 0xFB, 0, 1, 0), "CALL_FUNCTION_SINGLE_VECTOR (251), to all VPs"),
    (
        "HVCALL_FLUSH_VIRTUAL_ADDRESS_LIST_EX",
        "x64",
        FLUSH + SET + struct.pack("<QQ", 0x7FFF00000003, 0x1000),
        "address space 0x1000, VPs in banks 0x5, masks 0x21, 0x4, page 0x7fff00000, and 3 more; page 0x1",
    ),
    (
        "HVCALL_FLUSH_VIRTUAL_ADDRESS_LIST",
        "x64",
        struct.pack("<QQQQ", 0, 0b1011, 0, 0x40000801),
        "all address spaces, all VPs, large page 0x200, 2 MiB, and 1 more",
    ),
    (
        "HVCALL_RETARGET_INTERRUPT",
        "x64",
        DEVICE + struct.pack("<IIIIQIIQ", 1, 0, 0xFEE00000, 0x41, 0, 0x41, 0, 6),
        "partition self, device logical, id 0x1234, MSI, vector 0x41, fixed, edge, to APIC 0x0, physical, now vector 0x41, VPs of mask 0x6",
    ),
    (
        "HVCALL_RETARGET_INTERRUPT",
        "arm64",
        DEVICE + struct.pack("<IIQIIQII", 1, 0, 0xEFFE8000, 0x40, 0, 0, 0x4041, 2) + SET,
        "partition self, device logical, id 0x1234, MSI, address 0xeffe8000, data 0x40, "
        "now vector 0x4041, VPs in banks 0x5, masks 0x21, 0x4",
    ),
    (
        "HVCALL_MODIFY_SPARSE_GPA_PAGE_HOST_VISIBILITY",
        "x64",
        struct.pack("<QII6Q", SELF, 3, 0, *range(0x100, 0x106)),
        "partition self, pages become shared, gpa 0x100000, gpa 0x101000, gpa 0x102000, gpa 0x103000 and 2 more",
    ),
    (
        "HVCALL_MMIO_WRITE",
        "x64",
        struct.pack("<QII64s", 0xFEC01000, 4, 0, b"\x78\x56\x34\x12"),
        "4 bytes to gpa 0xfec01000, value 0x12345678",
    ),
    (
        "HVCALL_INSTALL_INTERCEPT",
        "x64",
        struct.pack("<QIIHHI", 7, 3, 17, 0x60, 0x64, 0),
        "partition 0x7, I/O port range, ports 0x60 to 0x64, on read, write",
    ),
]
OUTPUTS = [
    ("HVCALL_GET_VP_REGISTERS", bytes(32), "2 values"),
    ("HVCALL_GET_PARTITION_ID", struct.pack("<Q", 5), "partition 0x5"),
    ("HVCALL_QUERY_SPARSE_GPA_PAGE_HOST_VISIBILITY", b"\0\3", "private, shared"),
    ("HV_EXT_CALL_QUERY_CAPABILITIES", struct.pack("<Q", 0x103), "get_boot_zeroed_memory, memory_heat_hint, memory_cold_discard_hint"),
]


@pytest.mark.parametrize(("what", "arch", "data", "summary"), INPUTS)
def test_an_input_says_who_and_what(what: str, arch: str, data: bytes, summary: str) -> None:
    node = thing(what, arch).decode(data)
    assert node.summary == summary
    assert [finding for finding in node.findings if finding.code != "truncated"] == []


@pytest.mark.parametrize(("what", "data", "summary"), OUTPUTS)
def test_an_output_says_what_came_back(what: str, data: bytes, summary: str) -> None:
    node = thing(what, output=True).decode(data)
    assert node.summary == summary
    assert node.findings == ()


def test_a_hypercall_without_input_has_none_to_decode() -> None:
    with pytest.raises(UsageError, match="HVCALL_GET_PARTITION_ID has no input"):
        thing("HVCALL_GET_PARTITION_ID").decode(bytes(8))


def test_a_register_without_a_layout_is_a_number() -> None:
    node = thing("HVCALL_SET_VP_REGISTERS").decode(VP + assoc(0x20010, 0x1000))
    assert tree(node.find("elements[0].value")) == {"value": 0x1000, "rest": "00" * 8}


@pytest.mark.parametrize(("arch", "size"), [("x64", 240), ("arm64", 88)])
def test_the_first_registers_of_a_processor_are_those_of_its_arch(arch: str, size: int) -> None:
    one = thing("HVCALL_START_VP", arch)
    assert one.size == size
    assert one.decode(bytes(size)).findings == ()
