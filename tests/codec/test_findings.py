"""Strange values are decoded, and a finding with a stable code says what is strange; normal values have none."""

from __future__ import annotations

import tracemalloc
from itertools import islice

import pytest

from hvrepl.catalog.catalog import Catalog
from hvrepl.catalog.opening import open_index
from hvrepl.codec.decode import Decoder
from tests.codec.layouts import THINGS, Thing, samples, thing
from tests.fuzz import amount, sampled

# what, arch, number or bytes, (code, field, text) of each finding
FINDINGS = [
    ("sint2", "x64", 0x200F3, []),
    ("sint2", "x64", 1 << 63 | 0x100F3, [("reserved_set", "reserved_63_21", "reserved bits are set")]),
    ("sint2", "x64", 0x8030, [("reserved_set", "reserved_15_8", "reserved bits are set")]),
    ("sint2", "x64", 0xF, [("vector_too_low", "vector", "valid vectors are 16-255; a lower one is refused unless the source is masked")]),
    ("sint2", "x64", 0x1000F, []),
    ("eom", "x64", 1, [("reserved_set", "reserved_63_0", "reserved bits are set")]),
    ("TEST_RESERVED", "x64", 0xF0, []),
    ("TEST_RESERVED", "x64", 0xF000_00F0, []),
    ("TEST_RESERVED", "x64", 0x0000_F070, [("reserved_clear", "reserved_7_4", "bits that are reserved as one are clear")]),
    (
        "TEST_RESERVED",
        "x64",
        0x1F1,
        [("reserved_set", "reserved_11_8", "reserved bits are set"), ("reserved_set", "reserved_3_0", "reserved bits are set")],
    ),
    ("NVSP_STATUS", "x64", 0x2, []),
    ("NVSP_STATUS", "x64", 0x99, []),
    ("LINUX_DISTRO", "x64", 0x80, []),
    ("LINUX_DISTRO", "arm64", 0x77, [("unknown_value", "value", "value 0x77 has no known name")]),
    ("TEST_COLORS", "x64", 0x3, [("unknown_value", "front", "front 0x3 has no known name"), ("no_color", "front", "no such color")]),
    ("TEST_COLORS", "x64", 0x2, []),
    ("TEST_COLORS", "arm64", 0x2, [("unknown_value", "front", "front 0x2 has no known name"), ("no_color", "front", "no such color")]),
    ("TEST_COLORS", "x64", 0x101, [("same_color", "front", "red on red")]),
    ("TEST_COLORS", "x64", 0x011F, [("odd_color", "front", "grey or green")]),
    ("TEST_COLORS", "x64", 0x001F, []),
    ("TEST_TAKEN_USE", "x64", 0x40, []),
    ("TEST_TAKEN_USE", "x64", 0x41, [("unknown_value", "code", "code 0x41 has no known name")]),
    ("TEST_TAKEN_USE", "x64", 0x81, [("high_name", "code", "a name of the upper half")]),
    ("TEST_TAKEN_USE", "x64", 0x82, [("unknown_value", "code", "code 0x82 has no known name")]),
    ("TEST_TAKEN_USE", "x64", 0x02, [("high_name", "code", "a name of the upper half")]),
    ("TEST_WORD_IN_WORD", "x64", 0x10100, [("same_color", "colors.front", "red on red")]),
    ("TEST_SWITCH_RANGE", "x64", 0xC880, [("out_of_range", "percent", "percent is 200; the maximum is 100")]),
    ("guest-id", "x64", 0x810000040EFF0000, [("sublevel_capped", "version", "")]),
    ("guest-id", "x64", 0x8100000607FF0000, []),
    ("guest-id", "x64", 0x82010003170E0000, []),
    ("guest-id", "x64", 0x82013B9ACA000000, [("netbsd_as_openbsd", "version", "")]),
    ("crash-ctl", "x64", 0x4 << 60, [("message_without_notify", "crash_message", "a message counts only together with crash_notify")]),
    ("stimer0-config", "x64", 1, [("sint_zero", "sintx", "")]),
    ("stimer0-config", "x64", 0x1001, []),
    ("hypercall-input", "x64", 2 << 48 | 0x5C, [("rep_start_without_count", "rep_start", "the rep start must be less than the rep count")]),
    ("hypercall-input", "x64", 0x7FFF, [("unknown_value", "code", "code 0x7fff has no known name")]),
    (
        "message-type",
        "arm64",
        0x80010000,
        [("unknown_value", "message_type", "message_type 0x80010000 is HVMSG_X64_IO_PORT_INTERCEPT, which exists only on x64")],
    ),
    (
        "message-type",
        "x64",
        0x8001000C,
        [("unknown_value", "message_type", "message_type 0x8001000c is HVMSG_ARM64_RESET_INTERCEPT, which exists only on arm64")],
    ),
    ("message", "x64", "05000000 08 00 0000" + "00" * 248, []),
    (
        "message",
        "x64",
        "23000080 ff 00 0000" + "00" * 248,
        [("out_of_range", "header.payload_size", "payload_size is 255; the maximum is 240")],
    ),
    (
        "message",
        "x64",
        "23000080 08 02 0100" + "00" * 248,
        [
            ("reserved_set", "header.message_flags.reserved_7_1", "reserved bits are set"),
            ("reserved_set", "header.reserved_7_6", "reserved bytes are set"),
        ],
    ),
    ("message", "x64", "23000080 08 01 0000" + "00" * 248, [("message_pending", "header.message_flags.message_pending", "")]),
    ("message", "x64", "00000000 00 01 0000" + "00" * 248, []),
    ("message", "x64", "23000080 08 00 0000" + "00" * 8, [("truncated", "", "only 16 of 256 bytes are there")]),
    ("message", "x64", "23000080 08 00 0000" + "00" * 249, [("trailing", "rest", "1 byte after the end of HV_MESSAGE")]),
    (
        "message",
        "x64",
        "10000080 08 00 0000" + "00" * 248,
        [("truncated", "payload", "payload is 8 bytes; HV_TIMER_MESSAGE_PAYLOAD has 24")],
    ),
    ("message", "x64", "10000080 18 00 0000" + "00" * 20, [("truncated", "", "only 28 of 256 bytes are there")]),
    (
        "message",
        "x64",
        "10000080 18 00 0000" + "00" * 8 + "04" + "00" * 239,
        [("out_of_range", "payload.timer_index", "timer_index is 4; the maximum is 3")],
    ),
    ("message", "x64", "01000000 03 00 0000" + "00" * 248, [("truncated", "payload", "payload is 3 bytes; VMBUS_CHANNEL_MESSAGE has 8")]),
    (
        "message",
        "x64",
        "01000000 0a 00 0000" + "00" * 8 + "06" + "00" * 239,
        [("truncated", "payload.body", "body is 2 bytes; VMBUS_CHANNEL_OPEN_RESULT has 12")],
    ),
    (
        "message",
        "x64",
        "01000000 10 00 0000" + "00" * 8 + "ff" + "00" * 239,
        [("unknown_value", "payload.msgtype", "msgtype 0xff has no known name")],
    ),
    (
        "TEST_RESERVED_BYTES",
        "x64",
        "0100 ff00 0000" + "ff" * 10 + "0000",
        [
            ("reserved_set", "reserved_1_0", "reserved bytes are set"),
            ("reserved_clear", "reserved_3_2", "bits that are reserved as one are clear"),
        ],
    ),
    (
        "HV_ARM64_RESET_INTERCEPT_MESSAGE",
        "arm64",
        "00" * 24 + "02000000 01000080",
        [("firmware_crash", "reset_code", "the guest's firmware crashed and requested this reset")],
    ),
    ("HV_ARM64_RESET_INTERCEPT_MESSAGE", "arm64", "00" * 24 + "03000000 01000080", []),
    ("TEST_COUNTED", "x64", "03000000 010000", [("truncated", "item_count", "item_count calls for 3 elements; the bytes hold 1")]),
    ("TEST_COUNTED", "x64", "01000000 010000 07", [("trailing", "rest", "1 byte after the end of TEST_COUNTED")]),
    ("TEST_COUNTED", "x64", "01000000 0100", [("truncated", "", "only 6 of 7 bytes are there")]),
    (
        "TEST_PAGES",
        "x64",
        "ffffffff01000000" + "00" * 8,
        [("truncated", "bytes", "bytes calls for 1048576 elements; the bytes hold 1"), ("truncated", "", "only 16 of 17 bytes are there")],
    ),
    ("TEST_POPCOUNT", "x64", "00" * 8 + "ff" * 8 + "00" * 8, [("truncated", "mask", "mask calls for 64 elements; the bytes hold 1")]),
    ("TEST_OPTIONAL", "x64", "0000 0000", []),
    ("TEST_OPTIONAL", "x64", "0000 0000 00", [("truncated", "", "only 5 of 8 bytes are there")]),
    ("TEST_HEAD", "x64", "00000000", [("truncated", "", "only 4 of 12 bytes are there")]),
    ("TESTCALL_GET_VALUES", "x64", "00" * 16 + "ffffff7e", [("unknown_value", "names[0]", "names[0] 0x7effffff has no known name")]),
]


@pytest.mark.parametrize(("what", "arch", "value", "expected"), FINDINGS, ids=[f"{row[0]} {row[1]} {str(row[2])[:40]}" for row in FINDINGS])
def test_strange_values_have_findings(what: str, arch: str, value: int | str, expected: list[tuple[str, str, str]]) -> None:
    one = thing(what, arch)
    node = one.decode(value.to_bytes(one.width // 8, "little") if isinstance(value, int) else bytes.fromhex(value))
    found = [(finding.code, finding.field, finding.text) for finding in node.findings]
    assert [(code, field) for code, field, _ in found] == [(code, field) for code, field, _ in expected]
    assert [text for _, _, text in found if not text] == []
    assert all(text in (said, "") for (_, _, said), (_, _, text) in zip(found, expected, strict=True))


CODES = {
    "reserved_set",
    "reserved_clear",
    "unknown_value",
    "out_of_range",
    "truncated",
    "trailing",
}


@sampled
def test_every_code_is_one_of_a_few_words_or_declared_by_a_spec() -> None:
    layouts = [layout for one in THINGS for layout in (one.found.spec.layout, one.found.spec.output, *one.found.spec.cases.values())]
    declared = {rule.code for layout in layouts if layout for rule in layout.findings}
    found = {
        finding.code for one in THINGS for data in islice(samples(one), None, None, amount(9, 4)) for finding in one.decode(data).findings
    }
    assert found - CODES <= declared
    assert found >= CODES


def test_reserved_bits_that_may_be_anything_have_no_finding() -> None:
    assert thing("TEST_FLAGS").decode(b"\xff").findings == ()
    assert thing("TEST_RESERVED").decode((0xF0F0).to_bytes(4, "little")).findings == ()


def test_a_timer_payload_without_bytes_is_summarised_without_them() -> None:
    node = thing("message").decode(bytes.fromhex("10000080") + bytes(252))
    assert node.summary == "HVMSG_TIMER_EXPIRED"
    assert [(finding.code, finding.field) for finding in node.findings] == [("truncated", "payload")]


HUGE = """
kind   = "struct"
name   = "TEST_HUGE"
source = ["test:arrays#huge"]
[layout]
fields = [
  { name = "count", type = "u32" },
  { name = "size", type = "i32" },
  { name = "text", size = "size" },
  { name = "nothings", type = "TEST_NOTHING", count = "count" },
  { name = "items", type = "u16", count = "count" },
  { name = "tail", type = "u8", count = "size" },
]
"""
NOTHING = """
kind   = "struct"
name   = "TEST_NOTHING"
source = ["test:arrays#huge"]
[layout]
fields = []
"""


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Thing:
    """A user's own specs with counts and sizes that a value can make huge, or negative."""
    folder = tmp_path_factory.mktemp("specs")
    (folder / "common").mkdir()
    (folder / "sources.toml").write_text('[test]\ntitle = "made up"\n')
    (folder / "common" / "huge.toml").write_text(HUGE)
    (folder / "common" / "nothing.toml").write_text(NOTHING)
    decoder = Decoder(Catalog(open_index(folder)))
    found = decoder.catalog.find_name("TEST_HUGE")

    class Own(Thing):
        decoder = property(lambda _: decoder)  # type: ignore[assignment]

    return Own("x64", found)


@pytest.mark.parametrize("count", [0, 1, 2**31, 2**32 - 1])
@pytest.mark.parametrize("size", [0, 3, 2**31 - 1, 2**31, 2**32 - 1])
def test_a_count_or_size_of_any_number_costs_no_more_than_the_bytes(hostile: Thing, count: int, size: int) -> None:
    data = count.to_bytes(4, "little") + size.to_bytes(4, "little") + bytes(range(64))
    tracemalloc.start()
    node = hostile.decode(data)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert hostile.through_json(node) == data
    assert peak < 4_000_000
