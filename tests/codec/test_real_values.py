"""Values that people meet (tests/data/values.tsv has their origins), guest ids field by field, messages as Linux lays them out."""

from __future__ import annotations

import csv
import struct
from uuid import UUID

import pytest

from hvrepl.analysis.identify import identify_number
from tests.codec.layouts import DECODERS, Thing, thing, tree
from tests.each import each
from tests.paths import DATA

with (DATA / "values.tsv").open(encoding="utf-8") as table:
    VALUES = list(csv.DictReader(table, delimiter="\t", quoting=csv.QUOTE_NONE))


@each(VALUES, lambda row: f"{row['what'] or 'lone'} {row['arch']} {row['value']}")
def test_a_value_from_the_wild_is_explained_in_one_sentence(row: dict[str, str]) -> None:
    number = int(row["value"], 16)
    if not row["what"]:
        assert identify_number(DECODERS[row["arch"]], number).summary == row["summary"]
        return
    one = thing(row["what"], row["arch"])
    node = one.decode(number.to_bytes(one.width // 8, "little"))
    assert node.summary == row["summary"]
    assert node.raw == f"0x{number:0{one.width // 4}x}"
    assert int.from_bytes(one.encode(node), "little") == number


# value, fields from high to low with their meanings, codes of findings
GUEST_IDS = [
    (0x8100000606570000, "open_source 1, os_type 1 Linux, distro 0 none, version 394839 6.6.87, build 0", []),
    (0x818000050FA7042F, "open_source 1, os_type 1 Linux, distro 128 Canonical, version 331687 5.15.167, build 1071 package ABI 1071", []),
    (0x810000040EFF0000, "open_source 1, os_type 1 Linux, distro 0 none, version 265983 4.14.255, build 0", ["sublevel_capped"]),
    (0x8199000606570000, "open_source 1, os_type 1 Linux, distro 153, version 394839 6.6.87, build 0", ["unknown_value"]),
    (0x820000155D210000, "open_source 1, os_type 2 FreeBSD, distro 0 FreeBSD, version 1400097 14.0 (1400097), build 0", []),
    (0x82000000000A0000, "open_source 1, os_type 2 FreeBSD, distro 0 FreeBSD, version 10 10, build 0", ["old_openbsd"]),
    (0x82010003170E0000, "open_source 1, os_type 2 FreeBSD, distro 1 OpenBSD, version 202510 202510, build 0", []),
    (0x82023B9ACA000000, "open_source 1, os_type 2 FreeBSD, distro 2 NetBSD, version 1000000000 10.0, build 0", []),
    (0x8300000411000000, "open_source 1, os_type 3 Xen, distro 0, version 266496 4.17.0, build 0", []),
    (0x8300000001FF0000, "open_source 1, os_type 3 Xen, distro 0, version 511 0.1.255, build 0", ["illumos_as_xen"]),
    (0x8400000001FF0000, "open_source 1, os_type 4 illumos, distro 0, version 511 511, build 0", []),
    (0x98AE000000000000, "open_source 1, os_type 24 unallocated (iPXE), distro 174 iPXE, version 0, build 0", []),
    (0x8500000000000000, "open_source 1, os_type 5, distro 0, version 0, build 0", ["unknown_value"]),
    (0x8000000000000000, "open_source 1, os_type 0 undefined, distro 0, version 0, build 0", []),
    (
        0x0001040A00004A65,
        "open_source 0, vendor 1 Microsoft, os_id 4 Windows NT, major 10, minor 0, service 0, build 19045 Windows 10 22H2",
        [],
    ),
    (
        0x0001040A0000271B,
        "open_source 0, vendor 1 Microsoft, os_id 4 Windows NT, major 10, minor 0, service 0, build 10011 boot loader or hypervisor",
        [],
    ),
    (0x0000010000000000, "open_source 0, vendor 0 none, os_id 1 firmware or boot loader, major 0, minor 0, service 0, build 0", []),
    (0x0001C00000000007, "open_source 0, vendor 1 Microsoft, os_id 192, major 0, minor 0, service 0, build 7", ["unknown_value"]),
    (0x7FFF123456789ABC, "open_source 0, vendor 32767, os_id 18, major 52, minor 86, service 120, build 39612", ["unknown_value"]),
]


@pytest.mark.parametrize("arch", ["x64", "arm64"])
@pytest.mark.parametrize(("number", "fields", "codes"), GUEST_IDS, ids=[f"{number:#x}" for number, _, _ in GUEST_IDS])
def test_a_guest_id_is_one_flat_list_of_fields(number: int, fields: str, codes: list[str], arch: str) -> None:
    node = thing("guest-id", arch).decode(number.to_bytes(8, "little"))
    assert ", ".join(f"{name} {value}" for name, value in tree(node).items()) == fields
    assert [finding.code for finding in node.findings] == codes
    assert [field.bits for field in node.fields][:2] in ([(63, 63), (62, 56)], [(63, 63), (62, 48)])


def message(kind: int, payload: bytes, *, flags: int = 0, sender: int = 0, size: int | None = None) -> bytes:
    """struct hv_message: type, payload_size, message_flags, reserved[2], sender, payload[240]."""
    head = struct.pack("<IBB2xQ", kind, len(payload) if size is None else size, flags, sender)
    return head + payload.ljust(240, b"\0")


def vmbus(kind: int, body: bytes = b"") -> bytes:
    """struct vmbus_channel_message_header: msgtype, padding; then the body."""
    return struct.pack("<I4x", kind) + body


DISK = UUID("32412632-86cb-44a2-9b5c-50d1417354f5")  # IDE
SHELL = UUID("44c4f61d-4444-4400-9d52-802e27ede19f")


def offer(flags: int, user: bytes = b"", *, sub: int = 0) -> bytes:
    """struct vmbus_channel_offer_channel after its header: offer[176], child_relid, monitorid, bits, connection_id."""
    head = DISK.bytes_le + SHELL.bytes_le + bytes(16) + struct.pack("<HH", flags, 0) + user.ljust(120, b"\0") + struct.pack("<H2x", sub)
    return head + struct.pack("<IBBHI", 14, 0xFF, 0, 1, 0x10E0)


PIPE = struct.pack("<I", 4) + bytes(116)
# Messages from the host to Linux, as on a message page: (type, body, summary, tree of the body)
FROM_HOST = [
    (
        1,
        offer(0),
        "CHANNELMSG_OFFERCHANNEL (1): channel 14, accelerated IDE disk, connection 0x10e0",
        {
            "if_type": f"0x{DISK.bytes_le[::-1].hex()} HV_IDE_GUID",
            "if_instance": f"{SHELL.bytes_le.hex()} {SHELL}",
            "mmio_megabytes": 0,
            "user_def": "00" * 120,
            "sub_channel_index": 0,
            "child_relid": 14,
            "monitorid": 255,
            "monitor_allocated": "0 no",
            "is_dedicated_interrupt": "1 yes",
            "connection_id": 0x10E0,
        },
    ),
    (
        1,
        offer(0x10, PIPE, sub=3),
        "CHANNELMSG_OFFERCHANNEL (1): channel 14, accelerated IDE disk, sub-channel 3, connection 0x10e0",
        {"user_def": {"pipe_mode": "4 message", "pipe_user_def": "00" * 112, "pipe_flags": {"reserved_31_1": 0, "gpa_direct": 0}}},
    ),
    (2, struct.pack("<I", 14), "CHANNELMSG_RESCIND_CHANNELOFFER (2): channel 14", {"child_relid": 14}),
    (4, b"", "CHANNELMSG_ALLOFFERS_DELIVERED (4)", None),
    (
        6,
        struct.pack("<III", 14, 7, 0),
        "CHANNELMSG_OPENCHANNEL_RESULT (6): channel 14, opened",
        {"child_relid": 14, "openid": 7, "status": 0},
    ),
    (6, struct.pack("<III", 14, 7, 0xC000000D), "CHANNELMSG_OPENCHANNEL_RESULT (6): channel 14, failed, status 0xc000000d", {}),
    (
        10,
        struct.pack("<III", 14, 0xE1E10, 0),
        "CHANNELMSG_GPADL_CREATED (10): channel 14, gpadl 0xe1e10, created",
        {"child_relid": 14, "gpadl": 0xE1E10, "creation_status": 0},
    ),
    (12, struct.pack("<I", 0xE1E10), "CHANNELMSG_GPADL_TORNDOWN (12): gpadl 0xe1e10", {"gpadl": 0xE1E10}),
    (
        15,
        struct.pack("<BBxxI", 1, 0, 4),
        "CHANNELMSG_VERSION_RESPONSE (15): supported",
        {"version_supported": "1 yes", "connection_state": "0 successful", "reserved_3_2": "0000", "msg_conn_id": 4},
    ),
    (15, struct.pack("<BBxxI", 0, 2, 0), "CHANNELMSG_VERSION_RESPONSE (15): not supported, failed, unknown failure", {}),
    (15, struct.pack("<BBxxII", 1, 0, 4, 0x10), "CHANNELMSG_VERSION_RESPONSE (15): supported", {}),
    (
        15,
        struct.pack("<BBxxII4xQQ", 1, 0, 4, 0x40, 0x1000, 0x2000),
        "CHANNELMSG_VERSION_RESPONSE (15): supported",
        {"parent_to_child_monitor_page_gpa": "4096 gpa 0x1000", "child_to_parent_monitor_page_gpa": "8192 gpa 0x2000"},
    ),
    (17, b"", "CHANNELMSG_UNLOAD_RESPONSE (17)", None),
    (20, struct.pack("<I", 14), "CHANNELMSG_20 (20): channel 14", {"child_relid": 14}),
    (
        23,
        DISK.bytes_le + SHELL.bytes_le + struct.pack("<I", 0xC0000225),
        "CHANNELMSG_TL_CONNECT_RESULT (23): service HV_PCIE_GUID, failed, status 0xc0000225",
        {"status": 0xC0000225},
    ),
    (24, struct.pack("<II", 14, 0), "CHANNELMSG_MODIFYCHANNEL_RESPONSE (24): channel 14, moved", {"child_relid": 14, "status": 0}),
    (26, b"\1", "CHANNELMSG_MODIFY_CONNECTION_RESPONSE (26): failed, low resources", {"connection_state": "1 failed, low resources"}),
    (28, b"", "CHANNELMSG_PAUSE_RESPONSE (28)", None),
]
GPADL = struct.pack("<II", 14, 0xE1E10)
OPEN = struct.pack("<IIIII", 14, 7, 0xE1E10, 3, 16) + bytes(120)
# Messages from a guest to the host: the same, in what it is about to post
FROM_GUEST = [
    (3, b"", "CHANNELMSG_REQUESTOFFERS (3)", None),
    (
        5,
        OPEN,
        "CHANNELMSG_OPENCHANNEL (5): channel 14, ring gpadl 0xe1e10, second ring from page 16, target VP 3",
        {"openid": 7, "ringbuffer_gpadlhandle": 0xE1E10, "target_vp": 3, "downstream_ringbuffer_pageoffset": 16, "userdata": "00" * 120},
    ),
    (
        5,
        OPEN + struct.pack("<IHH", 0x200E, 14, 1),
        "CHANNELMSG_OPENCHANNEL (5): channel 14, ring gpadl 0xe1e10, second ring from page 16, target VP 3, connection 0x200e",
        {"connection_id": 0x200E, "event_flag": 14, "flags": {"reserved_15_1": 0, "redirect_interrupt": 1}},
    ),
    (7, struct.pack("<I", 14), "CHANNELMSG_CLOSECHANNEL (7): channel 14", {"child_relid": 14}),
    (
        8,
        GPADL + struct.pack("<HHIIQQ", 24, 1, 8192, 0, 0x100, 0x105),
        "CHANNELMSG_GPADL_HEADER (8): channel 14, gpadl 0xe1e10, ranges: 1, 8192 bytes, pages here: 2",
        {"range": {"byte_count": 8192, "byte_offset": 0, "pfn_array": ["256 gpa 0x100000", "261 gpa 0x105000"]}},
    ),
    (
        8,
        GPADL + struct.pack("<HHIIQIIQQ", 40, 2, 4096, 0, 0x100, 4096, 16, 0x105, 0x106),
        "CHANNELMSG_GPADL_HEADER (8): channel 14, gpadl 0xe1e10, ranges: 2, beginning here: 2",
        {
            "range": {
                "ranges": [
                    {"byte_count": 4096, "byte_offset": 0, "pfn_array": ["256 gpa 0x100000"]},
                    {"byte_count": 4096, "byte_offset": 16, "pfn_array": ["261 gpa 0x105000", "262 gpa 0x106000"]},
                ]
            }
        },
    ),
    (
        9,
        struct.pack("<IIQ", 1, 0xE1E10, 0x107),
        "CHANNELMSG_GPADL_BODY (9): gpadl 0xe1e10, pages here: 1",
        {"msgnumber": 1, "gpadl": 0xE1E10, "pfn": ["263 gpa 0x107000"]},
    ),
    (11, GPADL, "CHANNELMSG_GPADL_TEARDOWN (11): channel 14, gpadl 0xe1e10", {"child_relid": 14, "gpadl": 0xE1E10}),
    (13, struct.pack("<I", 14), "CHANNELMSG_RELID_RELEASED (13): channel 14", {"child_relid": 14}),
    (
        14,
        struct.pack("<IIBBxxIQQ", 0x60000, 0, 2, 0, 0x10, 0x12000, 0x13000),
        "CHANNELMSG_INITIATE_CONTACT (14): version 6.0 (Copper), answer to VP 0, SINT 2, VTL 0, confidential_channels",
        {"monitor_page1": "73728 gpa 0x12000", "monitor_page2": "77824 gpa 0x13000"},
    ),
    (
        14,
        struct.pack("<IIQQQ", 0x40000, 1, 0x11000, 0x12000, 0x13000),
        "CHANNELMSG_INITIATE_CONTACT (14): version 4.0 (Windows 10), answer to VP 1, interrupt page gpa 0x11000",
        {"target": {"interrupt_page": "69632 gpa 0x11000"}},
    ),
    (
        14,
        struct.pack("<IIBBxxIQQ", 0x60000, 0, 2, 0, 8, 0, 0) + SHELL.bytes_le,
        f"CHANNELMSG_INITIATE_CONTACT (14): version 6.0 (Copper), answer to VP 0, SINT 2, VTL 0, client_id, client {SHELL}",
        {"client_id": f"{SHELL.bytes_le.hex()} {SHELL}"},
    ),
    (16, b"", "CHANNELMSG_UNLOAD (16)", None),
    (
        18,
        struct.pack("<IIIII", 14, 1, 2, 0xE1E10, 16),
        "CHANNELMSG_18 (18): channel 14, ring gpadl 0xe1e10, second ring from page 16, VP 1, SINT 2",
        {"target_vp": 1, "target_sint": 2, "ringbuffer_gpadlhandle": 0xE1E10, "downstream_ringbuffer_pageoffset": 16},
    ),
    (19, struct.pack("<III", 14, 1, 2), "CHANNELMSG_19 (19): channel 14, answer to VP 1, SINT 2", {"target_vp": 1, "target_sint": 2}),
    (
        21,
        DISK.bytes_le + SHELL.bytes_le,
        f"CHANNELMSG_TL_CONNECT_REQUEST (21): service HV_PCIE_GUID, from endpoint {DISK}",
        {
            "guest_endpoint_id": f"{DISK.bytes_le.hex()} {DISK}",
            "host_service_id": f"0x{int.from_bytes(SHELL.bytes_le, 'little'):032x} HV_PCIE_GUID",
        },
    ),
    (
        22,
        struct.pack("<II", 14, 0xFFFFFFFF),
        "CHANNELMSG_MODIFYCHANNEL (22): channel 14, target VP none",
        {"child_relid": 14, "target_vp": "4294967295 none"},
    ),
    (
        25,
        struct.pack("<QQ", 0x1000, 0x2000),
        "CHANNELMSG_MODIFY_CONNECTION (25): monitor pages gpa 0x1000 from the host, gpa 0x2000 to the host",
        {"parent_to_child_monitor_page_gpa": "4096 gpa 0x1000", "child_to_parent_monitor_page_gpa": "8192 gpa 0x2000"},
    ),
    (27, b"", "CHANNELMSG_PAUSE (27)", None),
    (29, b"", "CHANNELMSG_RESUME (29)", None),
]
VMBUS = [*FROM_HOST, *FROM_GUEST]


@pytest.mark.parametrize("arch", ["x64", "arm64"])
@pytest.mark.parametrize(("kind", "body", "summary", "expected"), VMBUS, ids=[f"{row[0]} {row[2][:40]}" for row in VMBUS])
def test_a_vmbus_message_is_decoded_as_linux_lays_it_out(
    kind: int, body: bytes, summary: str, expected: dict[str, object] | None, arch: str
) -> None:
    data = message(1, vmbus(kind, body), sender=0x10001)
    node = thing("message", arch).decode(data)
    assert node.summary == f"VMBus, {summary}"
    assert [finding.code for finding in node.findings] == (["unload_response"] if kind == 17 else [])
    found = node.find("payload.body")
    if expected is None:
        assert found is None
    else:
        assert found
        assert tree(found) | expected == tree(found)
        assert found.offset == 24
        assert found.size == len(body)
    assert thing("vmbus-message", arch).decode(vmbus(kind, body)).summary == summary


def test_every_vmbus_message_with_a_spec_is_checked() -> None:
    assert {number for number, _ in thing("message").decoder.catalog.cases("vmbus")} == {row[0] for row in VMBUS if row[3] is not None}


def test_a_timer_message_says_how_late_it_is() -> None:
    data = message(0x80000010, struct.pack("<I4xQQ", 2, 0x1122334455, 0x1122334455 + 68))
    node = thing("message").decode(data)
    assert node.summary == "HVMSG_TIMER_EXPIRED, timer 2, due 0x1122334455, 6.8 us late"
    assert node.findings == ()
    assert tree(node) == {
        "header": {
            "message_type": "2147483664 HVMSG_TIMER_EXPIRED",
            "payload_size": 24,
            "message_flags": {"reserved_7_1": 0, "message_pending": 0},
            "reserved_7_6": "0000",
            "sender": 0,
        },
        "payload": {
            "timer_index": 2,
            "reserved_7_4": "00000000",
            "expiration_time": "73588229205 7358.823 s",
            "delivery_time": "73588229273 7358.823 s",
        },
        "payload_unused": "00" * 216,
    }


PAGE = b"".join(
    [
        message(0x80000010, struct.pack("<I4xQQ", 0, 100, 110)),
        message(0, b""),
        message(1, vmbus(15, struct.pack("<BBxxI", 1, 0, 4)), flags=1, sender=0x10001),
        *[message(0, b"")] * 13,
    ]
)


@pytest.mark.parametrize(("arch", "register"), [("x64", "HV_X64_MSR_EOM (0x40000084)"), ("arm64", "HV_REGISTER_EOM (0x000A0014)")])
def test_a_page_tells_its_slots_and_what_is_owed(arch: str, register: str) -> None:
    one: Thing = thing("page", arch)
    node = one.decode(PAGE)
    assert node.summary == "2 of 16 slots in use, 1 with more pending"
    assert [slot.summary for slot in node.slots[:3]] == [
        "HVMSG_TIMER_EXPIRED, timer 0, due 0x64, 1 us late",
        "empty",
        "VMBus, CHANNELMSG_VERSION_RESPONSE (15): supported, more pending",
    ]
    assert [slot.unused for slot in node.slots] == [False, True, False, *[True] * 13]
    assert [slot.offset for slot in node.slots] == list(range(0, 4096, 256))
    assert [(finding.code, finding.field) for finding in node.findings] == [
        ("message_pending", "slots[2].header.message_flags.message_pending")
    ]
    assert register in node.findings[0].text
    port = node.find("slots[2].header.sender")
    assert port
    assert [(reading.name, reading.summary) for reading in port.readings] == [("port", "port 0x10001")]


@pytest.mark.parametrize(
    ("what", "number", "summary"),
    [
        ("NVSP_STATUS", 2, "NVSP_STAT_FAIL"),
        ("vpci_version", 0x10004, "vPCI 1.4 (Windows Server 2022)"),
        ("SCSI_COMMAND", 0x2A, "WRITE_10"),
        ("LINUX_DISTRO", 0x80, "Canonical"),
        ("RNDIS_STATUS", 0x12345678, "no known name"),
    ],
)
def test_a_value_of_an_enumeration_is_shown_by_its_name(what: str, number: int, summary: str) -> None:
    decoder = DECODERS["x64"]
    found = decoder.catalog.find_name(what)
    assert decoder.decode(found, number.to_bytes(found.spec.width // 8, "little")).summary == summary
