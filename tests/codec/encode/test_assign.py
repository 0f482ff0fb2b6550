"""FIELD=VALUE → bytes: tables of what people type; and for every field of every spec, the decoded value is the assigned one."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hvrepl.codec.decoded import Decoded
from hvrepl.codec.encode.assign import Assigner, Assignment
from hvrepl.codec.encode.places import Part, Places
from hvrepl.commands.inputs.what import to_assignment
from hvrepl.errors import UsageError
from tests.codec.layouts import THINGS, Thing, nodes, thing
from tests.fuzz import examples

# what, assignments, the number
WORDS = [
    ("sint2", "vector=0xf3 auto_eoi=1", 0x200F3),
    ("sint2", "vector=-1", 0xFF),
    ("sint2", "reserved_63_21=1", 1 << 21),
    ("sint2", "", 0),
    ("SINT2", "masked=0b1", 0x10000),
    ("simp", "simp_enabled=1 base_simp_gpa=0xfa1", 0xFA1001),
    ("simp", "simp_enabled=1 base_simp_gpa=gpa:0xfa1000", 0xFA1001),
    ("stimer0-config", "enable=1 sintx=2", 0x20001),
    ("crash-ctl", "crash_notify=1 crash_message=1", 0xC << 60),
    ("hypercall-input", "code=HVCALL_POST_MESSAGE", 0x5C),
    ("hypercall-input", "code=HvCallPostMessage fast=1 rep_count=3", 0x3_0001_005C),
    ("hypercall-result", "call_status=HV_STATUS_ACCESS_DENIED", 6),
    ("status", "severity=error facility=hypervisor code=HV_STATUS_INVALID_PARAMETER", 0xC0350005),
    ("message-type", "message_type=HVMSG_TIMER_EXPIRED", 0x80000010),
    ("guest-id", "kernel=6.6.87", 0x8100000606570000),
    ("guest-id", "kernel=6.6.87-lts-rt53", 0x8100000606570000),
    ("guest-id", "kernel=6.6", 0x8100000606000000),
    ("guest-id", "kernel=v6.6.87", 0x8100000606570000),
    ("guest-id", "kernel=5.15.0-1071-azure", 0x810000050F000000),
    ("guest-id", "kernel=4.14.336", 0x810000040EFF0000),
    ("guest-id", "kernel=5.15.167 distro=ubuntu build=1071", 0x818000050FA7042F),
    ("guest-id", "build=1071 distro=Canonical kernel=5.15.167", 0x818000050FA7042F),
    ("guest-id", "os_type=linux version=0x60657", 0x8100000606570000),
    ("guest-id", "distro=ubuntu os_type=linux", 0x8180000000000000),
    ("guest-id", "os_type=freebsd version=14.0", 0x820000155CC00000),
    ("guest-id", "os_type=FreeBSD version=1400097", 0x820000155D210000),
    ("guest-id", "vendor=Microsoft os_id=nt major=10 build=19045", 0x0001040A00004A65),
    ("guest-id", "major=10 minor=0 build=0x4a65 os_id=4 vendor=1", 0x0001040A00004A65),
    ("guest-id", "os_id=4 vendor=microsoft open_source=0", 0x0001040000000000),
    ("guest-id", "build=5", 5),
    ("TEST_WORD_IN_WORD", "flags.ready=1 colors.front=rouge", 0x101),
    ("TEST_WORD_IN_WORD", "flags.test-flag-broken=1", 2),
    ("TEST_WORD_IN_WORD", "TEST_FLAG_BROKEN=1 ready=1", 3),
    ("HYPERV_CPUID_FEATURES", "HV_MSR_SYNIC_AVAILABLE=1 PostMessages=1", 1 << 36 | 4),
    ("TEST_WORD_IN_WORD", "front=red broken=1 name=TestNameOne", 0x1_0000_0102),
    ("TEST_WORD_IN_WORD", "colors=0x101 colors.back=2", 0x20100),
    ("TEST_RESERVED", "", 0xF0),
    ("TEST_RESERVED", "reserved_7_4=0", 0),
    ("TEST_RESERVED", "reserved_7_4=3 value=1", 0x10030),
    ("TEST_REGISTER0", "vector=3", 0x103),
    ("TEST_COLORS", "front=green", 2),
    ("TEST_COLORS", "front=grey", 16),
    ("TEST_COLORS", "mode=bold", 0x1000),
    ("TEST_SWITCH_NESTED", "high=3", 0x6300),
    ("TEST_SWITCH_NESTED", "kind=2 body=5", 0x8005),
    ("TEST_SWITCH_LATER_WORD", "high=1", 0x02001000),
    ("TEST_SWITCH_LATER_WORD", "what=split low=3", 0x02000003),
    ("TEST_SWITCH_RANGE", "high=1", 0x1002),
    ("TEST_SWITCH_RANGE", "percent=100", 0x6480),
    ("TEST_CPUID_LEAF", "mask=1 fast=1 mode=2", 1 << 64 | 1 << 32 | 0x200),
    ("TEST_WIDE_WORD", "middle=0xff high=1", 0xFF << 60 | 1 << 68),
    ("TEST_X64_MSR_RELEASE", "kernel=6.6.87", 0xA5060657),
    ("TEST_HOST_VALUE", "value=7", 7),
]


@pytest.mark.parametrize(("what", "assignments", "number"), WORDS, ids=[f"{what} {text}" for what, text, _ in WORDS])
def test_a_word_is_built_from_its_fields(what: str, assignments: str, number: int) -> None:
    one = thing(what)
    assert f"{int.from_bytes(one.assign(*assignments.split()), 'little'):#x}" == f"{number:#x}"


FLAVOUR = "Ubuntu's releases always have 0 as the third number"
DEBIAN = "Debian's releases up to 12 always have 0 as the third number"
# what, assignments, remarks: code, field, text
REMARKED = [
    ("guest-id", "kernel=6.6.87", []),
    ("guest-id", "kernel=6.17.0-rc5", []),
    ("guest-id", "kernel=6.12.48+deb13-amd64", []),
    ("guest-id", "kernel=6.12.12+bpo-cloud-amd64", []),
    ("guest-id", "kernel=6.1.0-55-amd64", [("third_number", "kernel", DEBIAN)]),
    ("guest-id", "kernel=6.1.0-0.deb11.25-cloud-amd64", [("third_number", "kernel", DEBIAN)]),
    ("guest-id", "kernel=5.10.0-0.bpo.3-arm64", [("third_number", "kernel", DEBIAN)]),
    ("guest-id", "kernel=5.15.0-1089-azure", [("third_number", "kernel", FLAVOUR)]),
    ("guest-id", "kernel=6.8.0-1021-azure-fde", [("third_number", "kernel", "distro=0x80 and the package ABI, build=1021")]),
    ("guest-id", "kernel=6.6.87.2-microsoft-standard-WSL2", [("release_suffix", "kernel", ".2-microsoft-standard-WSL2 is not part")]),
    ("guest-id", "kernel=6.4.0-150600.23.47-default", [("release_suffix", "kernel", "-150600.23.47-default is not part")]),
    ("guest-id", "kernel=5.14.0-427.13.1.el9_4.x86_64", [("release_suffix", "kernel", "-427.13.1.el9_4.x86_64 is not part")]),
    ("guest-id", "kernel=4.14.336", [("sublevel_capped", "kernel", "sublevel 336 is over 255")]),
    ("guest-id", "kernel=4.14.336-foo", [("sublevel_capped", "kernel", ""), ("release_suffix", "kernel", "-foo is not part")]),
    ("simp", "base_simp_gpa=0xfa1000", [("perhaps_address", "base_simp_gpa", "for gpa 0xfa1000 write gpa:0xfa1000 or 0xfa1")]),
    ("hypercall-page", "guest_physical_address=0x1C2000", [("perhaps_address", "guest_physical_address", "0x1c2000 is gpa 0x1c2000000")]),
    ("simp", "base_simp_gpa=0xfa1", []),
    ("simp", "base_simp_gpa=0x0", []),
    ("simp", "base_simp_gpa=0x100000", []),
    ("simp", "base_simp_gpa=4096000", []),
    ("simp", "base_simp_gpa=gpa:0xfa1000", []),
    ("simp", "simp_enabled=1", []),
    ("crash-message", "message_gpa=0xfa1000", []),
]


@pytest.mark.parametrize(("what", "assignments", "remarks"), REMARKED, ids=[f"{what} {text}" for what, text, _ in REMARKED])
def test_ambiguous_words_are_remarked(what: str, assignments: str, remarks: list[tuple[str, str, str]]) -> None:
    one = thing(what)
    assigner = Assigner(one.decoder, one.found)
    assigner.assign(None, [to_assignment(text) for text in assignments.split()])
    found = [(finding.code, finding.field) for finding in assigner.findings]
    assert found == [(code, field) for code, field, _ in remarks]
    assert all(text in finding.text for finding, (_, _, text) in zip(assigner.findings, remarks, strict=True))


# what, arch, the value before, assignments, the value after
CHANGED = [
    ("sint2", "x64", 0x100F3, "masked=0", 0xF3),
    ("sint2", "arm64", 0x10013, "masked=0", 0x13),
    ("sint2", "x64", 0xFFFFFFFFFFFFFFFF, "vector=0", 0xFFFFFFFFFFFFFF00),
    ("guest-id", "x64", 0x8100000606570000, "version=6.12.1", 0x8100_0006_0C01_0000),
    ("guest-id", "x64", 0x8100000606570000, "distro=ubuntu build=7", 0x8180000606570007),
    ("guest-id", "x64", 0x8100000606570000, "kernel=5.15", 0x8100_0005_0F00_0000),
    ("guest-id", "x64", 0x8100000606570000, "os_type=freebsd version=14.0", 0x820000155CC00000),
    ("guest-id", "x64", 0x8100000606570000, "open_source=0", 0x0100000606570000),
    ("TEST_RESERVED", "x64", 0, "value=1", 0x10000),
    ("TEST_COLORS", "arm64", 0, "front=2", 2),
]


@pytest.mark.parametrize(
    ("what", "arch", "before", "assignments", "after"), CHANGED, ids=[f"{row[0]} {row[2]:#x} {row[3]}" for row in CHANGED]
)
def test_a_value_keeps_all_bits_that_are_not_set(what: str, arch: str, before: int, assignments: str, after: int) -> None:
    one = thing(what, arch)
    found = one.assign(*assignments.split(), value=before.to_bytes(one.width // 8, "little"))
    assert f"{int.from_bytes(found, 'little'):#x}" == f"{after:#x}"


TIMER = "10000080 18000000 0000000000000000 01000000 00000000"
# what (with .output), arch, assignments, the bytes without zeros at the end
STRUCTS = [
    ("message", "x64", "header.message_type=HVMSG_TIMER_EXPIRED payload.timer_index=1", TIMER),
    ("message", "arm64", "timer_index=1", TIMER),
    ("message", "x64", "timer_index=1 payload_size=9", TIMER.replace("18", "09", 1)),
    ("message", "x64", "message_pending=1 message_type=0x80000023 payload=001122", "23000080 03010000 0000000000000000 001122"),
    ("message", "x64", "message_type=1", "01000000 08"),
    ("message", "x64", "version_supported=1", "01000000 10000000 0000000000000000 0f00000000000000 01"),
    ("message", "x64", "supported_features=3", "01000000 14000000 0000000000000000 0f00000000000000 0000000000000000 03"),
    ("message", "x64", "child_relid=3 status=0xc", "01000000 14000000 0000000000000000 0600000000000000 03000000 00000000 0c"),
    ("message", "x64", "msgtype=CHANNELMSG_ALLOFFERS_DELIVERED", "01000000 08000000 0000000000000000 04"),
    ("page", "x64", "slots[0].payload.timer_index=1", TIMER),
    ("page", "x64", "slots[0].header.message_type=0x80000010", "10000080 18"),
    ("TEST_OPTIONAL", "x64", "third=3", "0000 0000 03"),
    ("TEST_POPCOUNT", "x64", "mask=5 banks[1]=7", "00" * 8 + "05" + "00" * 7 + "00" * 8 + "07"),
    ("TEST_PAGES", "x64", "bytes=4096 offset=1 pages[1]=7 tail=9", "0010000001000000" + "00" * 8 + "07" + "00" * 7 + "09"),
    ("TEST_COUNTED", "x64", "items[1].number=5", "02000000 000000 05"),
    ("TEST_COUNTED", "x64", "item_count=4 items[1].flags.ready=1", "04000000 000000 000001"),
    ("TEST_REST", "x64", "names[2]=7 id=1", "01000000 00000000 00000000 07"),
    ("TEST_REST_STRUCTS", "x64", "items[1].flags.ready=1 items[0].number=2", "00 020000 000001"),
    ("TEST_REST_BYTES", "x64", "tail=0011", "0000 0011"),
    ("TEST_SIZED", "x64", "text=616263 after=9", "0300 616263 09"),
    ("TEST_SIZED", "x64", "after=9 text=616263 text_size=5", "0500 6162630000 09"),
    ("TEST_SIGNED", "x64", "byte=-1 word=-2 long=-3", "ff00 feff fdffffff"),
    ("TEST_SWITCH_LATER", "x64", "low=5", "0500000000000000 02"),
    ("TEST_SWITCH_LATER", "x64", "long=-5", "00000000 fbffffff 03"),
    ("TEST_SWITCH_LATER", "x64", "what=9 value=0102", "0102000000000000 09"),
    ("TEST_SWITCH_OUTER", "x64", "code=-1", "03 00000000 ffffffff"),
    ("TEST_SWITCH_NAMED", "x64", "level=7", "0010 07"),
    ("TEST_SWITCH_NAMED", "x64", "color=red shade=grey brightness=5", "0001 10 05"),
    ("TEST_SWITCH_NAMED", "x64", "stars=9", "0001 00 00000000 09"),
    ("TEST_SWITCH_USED", "x64", "what=2 data.names[1]=3", "020c 00000000 00000000 03"),
    ("TEST_SWITCH_USED", "x64", "long=1", "0108 00000000 01"),
    ("TEST_SWITCH_USED", "x64", "what=3 data=aabb", "0302 aabb"),
    ("TEST_CASE_OF_USE", "x64", "value=3", "01000000 03"),
    ("TEST_CASE_OF_USE", "x64", "number=seven value=3", "07000000 03"),
    ("TEST_REGISTER_ASSOC", "x64", "register=HV_REGISTER_SINT2 vector=0xf3 auto_eoi=1", "02000a00" + "00" * 12 + "f30002"),
    ("TEST_REGISTER_ASSOC", "arm64", "register=HvRegisterSint2 value.vector=0x13", "02000a00" + "00" * 12 + "13"),
    (
        "TEST_CLASS_USE",
        "x64",
        "class=test-disk instance=f8615163-df3e-46c5-913f-f2d2f965ed0e",
        "33221100554477668899aabbccddeeff 635161f83edfc546913ff2d2f965ed0e",
    ),
    ("TEST_CLASS_USE", "x64", "class=f8615163-df3e-46c5-913f-f2d2f965ed0e", "635161f83edfc546913ff2d2f965ed0e"),
    ("TEST_ENTRY_USE", "x64", "data=3 after=1", "00" * 12 + "03000000 01"),
    ("TEST_ENTRY_USE", "arm64", "data=3 after=1", "00" * 16 + "0300000000000000 01"),
    ("TEST_RESERVED_BYTES", "x64", "", "0000 ffff"),
    ("TEST_RESERVED_BYTES", "x64", "reserved_3_2=0001 reserved_1_0=0x102", "0201 0001"),
    ("TEST_COUNT_FIXED", "x64", "items[2].number=3 numbers[3]=-1", "00" * 6 + "0300" + "00" * 25 + "ff" * 8),
    ("TEST_READINGS", "x64", "value=3", "03"),
    ("TESTCALL_GET_VALUES", "x64", "names[0]=HV_REGISTER_SINT2", "00" * 16 + "02000a"),
    ("TESTCALL_GET_VALUES.output", "x64", "values[1]=3", "00" * 8 + "03"),
    ("TESTCALL_SET_ITEMS", "x64", "elements[0].register=0xA0002 elements[0].value.vector=1", "00" * 8 + "02000a00" + "00" * 12 + "01"),
]


@pytest.mark.parametrize(("what", "arch", "assignments", "data"), STRUCTS, ids=[f"{row[0]} {row[1]} {row[2]}" for row in STRUCTS])
def test_a_struct_is_built_from_its_members(what: str, arch: str, assignments: str, data: str) -> None:
    name, _, output = what.partition(".")
    one = thing(name, arch, output=bool(output))
    found = one.assign(*assignments.split())
    assert found.rstrip(b"\0").hex(" ") == bytes.fromhex(data).rstrip(b"\0").hex(" ")
    assert "trailing" not in {finding.code for finding in one.decode(found).findings}


MESSAGE = bytes.fromhex("10000080 10000000 0000000000000000") + bytes(range(1, 241))


@pytest.mark.parametrize(
    ("assignment", "changed"),
    [
        ("payload_size=24", {4: 24}),
        ("message_type=1", {0: 1, 3: 0}),
        ("timer_index=0x55", {16: 0x55, 17: 0, 18: 0, 19: 0}),
        ("delivery_time=9", {4: 24, 32: 9} | dict.fromkeys(range(33, 40), 0)),
        ("message_pending=1", {5: 1}),
        ("payload=aabb", {16: 0xAA, 17: 0xBB} | dict.fromkeys(range(18, 32), 0)),
        ("payload=" + "aa" * 17, {4: 17} | dict.fromkeys(range(16, 33), 0xAA)),
    ],
)
@pytest.mark.parametrize("tail", [b"", b"abc"], ids=["", "with bytes behind"])
def test_bytes_that_are_not_set_stay_used_or_not(assignment: str, changed: dict[int, int], tail: bytes) -> None:
    expected = bytearray(MESSAGE + tail)
    for place, byte in changed.items():
        expected[place] = byte
    assert thing("message").assign(assignment, value=MESSAGE + tail).hex() == expected.hex()


def test_a_short_struct_keeps_its_length_unless_something_is_set_after_it() -> None:
    one = thing("message")
    assert one.assign("sender=5", value=MESSAGE[:40]) == MESSAGE[:8] + b"\5" + bytes(7) + MESSAGE[16:40]
    assert len(thing("TEST_HEAD").assign("value=1", value=bytes(4))) == 12


def test_an_optional_member_is_added_with_those_before_it() -> None:
    assert thing("TEST_OPTIONAL").assign("third=3", value=b"\1\0") == bytes.fromhex("0100 0000 03000000")


def test_an_element_is_added_to_what_is_there() -> None:
    assert thing("TEST_COUNTED").assign("items[1].number=2", value=bytes.fromhex("01000000 010001")) == bytes.fromhex(
        "02000000 010001 020000"
    )
    assert thing("TEST_REST").assign("names[1]=2", value=bytes.fromhex("00000000 01000000")) == bytes.fromhex("00000000 01000000 02000000")
    assert thing("TEST_SIZED").assign("text=6162", value=bytes.fromhex("0300 616263 09")) == bytes.fromhex("0200 6162 09")


# what, assignments, the error
REFUSED = [
    ("sint2", "vectr=1", "sint2 has no field vectr; did you mean vector?"),
    ("sint2", "zzz=1", "sint2 has no field zzz"),
    ("sint2", "=1", "sint2 has no field "),
    ("sint2", "vector=256", "vector is 8 bits wide; 0x100 needs 9"),
    ("sint2", "vector=-129", "vector is 8 bits wide; -0x81 needs 9"),
    ("sint2", "vector=one", "vector: 'one' is not a number"),
    ("sint2", "vector=1 vector=1", "sint2: vector is set twice"),
    ("simp", "base_simp_gpa=gpa:0xfa1001", "'gpa:0xfa1001' is neither a page number nor the address of a page such as gpa:0xfa1000"),
    ("guest-id", "kernel=6", "'6' is not a kernel version such as 6.6.87"),
    ("guest-id", "kernel=6.6.6.6.6", "'6.6.6.6.6' is not a kernel version such as 6.6.87"),
    ("guest-id", "kernel=6.256", "'6.256': a kernel version is at most 65535.255.255"),
    ("guest-id", "kernel=6.6 open_source=0", "guest-id: open_source is set twice"),
    ("guest-id", "open_source=1 kernel=6.6", "guest-id: open_source is set twice"),
    ("guest-id", "os_type=linus", "os_type: 'linus' is neither a number nor an enumerator; did you mean Linux?"),
    ("guest-id", "os_type=zzz", "os_type: 'zzz' is neither a number nor an enumerator; it can be "),
    ("guest-id", "open_source=0 distro=1", "guest-id has no field distro with these values"),
    ("guest-id", "kernl=6.6", "guest-id has no field kernl; did you mean kernel?"),
    (
        "hypercall-input",
        "code=HVCALL_POST_MESAGE",
        "code: 'HVCALL_POST_MESAGE' is neither a number nor an enumerator; did you mean HVCALL_POST_MESSAGE?",
    ),
    ("message", "payload.=1 payload=2", "message: payload is set twice"),
    (
        "message",
        "payload_size=8 message_type=0x80000010 delivery_time=5",
        "message: payload.delivery_time lies beyond the 8 bytes that header.payload_size gives",
    ),
    ("message", "payload_size=2 payload=001122", "message: payload lies beyond the 2 bytes that header.payload_size gives"),
    ("message", "payload=zz", "payload: 'zz' is neither hex bytes nor a number"),
    ("message", f"payload={'00' * 241}", "payload takes 240 bytes, not 241"),
    ("message", "port.id=1", "message has no field port.id"),
    ("message", "header=1", "header is a struct; set its members, such as header.message_type"),
    ("page", "message_type=1", "page has 16 fields called message_type; write the full path, such as slots[0].header.message_type"),
    ("page", "timer_index=1", "page has no field timer_index with these values"),
    ("page", "slots[16].header.sender=1", "slots[16].header.sender: slots has 16 elements"),
    ("page", "slots=1", "slots is an array; set its elements, such as slots[0]"),
    ("TEST_COUNT_FIXED", "number=1", "TEST_COUNT_FIXED has 3 fields called number; write the full path, such as items[0].number"),
    ("TEST_POPCOUNT", "banks[0]=1", "banks[0]: mask gives only 0 elements"),
    ("TEST_PAGES", "bytes=4096 pages[1]=1", "pages[1]: bytes gives only 1 element"),
    ("TEST_POPCOUNT", "mask=5 banks[2]=1", "banks[2]: mask gives only 2 elements"),
    ("TEST_COUNTED", "item_count=1 items[1].number=5", "items[1].number: item_count gives only 1 element"),
    ("TEST_COUNTED", "items[255].number=5", "item_count is 8 bits wide; 0x100 needs 9"),
    ("TEST_COUNTED", "items[4096].number=5", "items[4096].number: an array has at most 4096 elements"),
    ("TEST_COUNTED", "items[0]=5", "items[0] is a struct; set its members, such as items[0].number"),
    ("TEST_COUNTED", "items[0=5", "TEST_COUNTED has no field items[0"),
    ("TEST_COUNTED", "items[-1].number=5", "TEST_COUNTED has no field items[-1].number"),
    ("TEST_SIZED", "text_size=2 text=616263", "text takes 2 bytes, not 3"),
    ("TEST_SWITCH_LATER", "what=pair number=5", "TEST_SWITCH_LATER has no field number with these values"),
    ("TEST_SWITCH_LATER", "low=1 number=5", "TEST_SWITCH_LATER has no field low with these values"),
    ("TEST_READINGS", "signed_value=1", "TEST_READINGS has no field signed_value"),
    ("TEST_RESERVED_BYTES", "reserved_3_2=000000", "reserved_3_2 takes 2 bytes, not 3"),
    ("TEST_COLORS", "front=green", "front: 'green' is neither a number nor an enumerator; "),
]


@pytest.mark.parametrize(("what", "assignments", "message"), REFUSED, ids=[f"{what} {text[:60]}" for what, text, _ in REFUSED])
def test_an_impossible_assignment_is_refused_in_one_line_that_says_why(what: str, assignments: str, message: str) -> None:
    one = thing(what, "arm64" if what == "TEST_COLORS" else "x64")
    with pytest.raises(UsageError, match=re.escape(message)) as caught:
        one.assign(*assignments.split())
    assert "\n" not in str(caught.value)


def test_a_thing_without_fields_cannot_be_set() -> None:
    one = thing("HVCALL_VTL_CALL")
    with pytest.raises(UsageError, match="HVCALL_VTL_CALL has no fields"):
        one.assign("code=1")


def test_an_assigner_can_be_used_again() -> None:
    one = thing("sint2")
    assigner = Assigner(one.decoder, one.found)
    for _ in range(2):
        assert assigner.assign(None, [Assignment("vector", "1", 1)])[0] == 1


def all_parts(one: Thing, data: bytes) -> list[Part]:
    """The parts of a value that an assignment can name as a number."""
    layout = one.layout
    assert layout is not None
    parts = Places(one.decoder.schemas, one.found.spec, layout, data).parts
    return [part for part in parts if part.held is None and not (part.inner and not part.inner.width) and not part.field.used]


def named_values(node: Decoded, base: str = "") -> dict[str, str]:
    found = {}
    for child in (*node.slots, *node.fields):
        path = f"{base}{child.name}" if child.name.startswith("[") or not base else f"{base}.{child.name}"
        found[path] = child.raw
        found |= named_values(child, path)
    return found


ASSIGNABLE = [one for one in THINGS if one.layout]


@settings(max_examples=examples(600), deadline=None)
@given(st.sampled_from(ASSIGNABLE), st.data())
def test_the_assigned_value_is_decoded_and_nothing_else_changes(one: Thing, data: st.DataObject) -> None:
    before = data.draw(st.binary(min_size=one.size, max_size=one.size))
    parts = [part for part in all_parts(one, before) if part.width and part.end <= 8 * len(before)]
    if not parts:
        return
    part = data.draw(st.sampled_from(parts))
    value = data.draw(st.integers(0, (1 << part.width) - 1))
    text = value.to_bytes(part.width // 8, "little").hex() if is_bytes(part) else f"{value:#x}"
    if part.region or (is_bytes(part) and isinstance(part.field.size, str)):
        return  # these may change a size as well; the tables above show how
    after = one.assign(f"{part.path}={text}", value=before)
    mask = (1 << part.width) - 1 << part.at
    assert int.from_bytes(after, "little") == int.from_bytes(before, "little") & ~mask | value << part.at
    raw = named_values(one.decode(after)).get(part.path)
    if raw and raw.startswith("0x"):
        assert int(raw, 16) == value


def is_bytes(part: Part) -> bool:
    return not part.field.width and (bool(part.field.switch) or part.field.type in ("", "bytes", "guid"))


@settings(max_examples=examples(300), deadline=None)
@given(st.sampled_from(ASSIGNABLE), st.data())
def test_any_field_can_be_set_from_zero_by_its_name_alone(one: Thing, data: st.DataObject) -> None:
    """Including fields of a variant, which their name then picks; if there are several with that name, the error says so."""
    names = sorted({node.name for node in nodes(one.decode(bytes(one.size))) if not node.name.startswith("[")} - {one.found.name, "rest"})
    name = data.draw(st.sampled_from(names))
    refusals = r"write the full path|is an array|is a struct|neither hex|has no field"
    try:
        found = one.assign(f"{name}=1")
    except UsageError as error:
        if re.search(refusals, str(error)):
            return
        raise
    one.decode(found)
