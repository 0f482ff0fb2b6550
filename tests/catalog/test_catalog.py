"""The meaning of a name or number on an arch, in the built-in specs together with those of tests/data/specs."""

from __future__ import annotations

from pathlib import Path

import pytest

from hvrepl.catalog.catalog import Catalog, Entry
from hvrepl.catalog.guids import guid_to_number
from hvrepl.catalog.model import Enumerator, Field
from hvrepl.catalog.opening import open_index
from hvrepl.errors import NotFoundError
from tests.catalog.own import write_own
from tests.indexes import TEST_INDEX

CATALOGS = {arch: Catalog(TEST_INDEX, arch) for arch in ("x64", "arm64")}
DISK = int.from_bytes(bytes.fromhex("33221100554477668899aabbccddeeff"), "little")


@pytest.mark.parametrize(
    ("arch", "name", "called", "number"),
    [
        ("x64", "HV_X64_MSR_SINT2", "HV_X64_MSR_SINT2", 0x40000092),
        ("x64", "hv_x64_msr_sint2", "HV_X64_MSR_SINT2", 0x40000092),
        ("x64", "Hv-X64-Msr_Sint2", "HV_X64_MSR_SINT2", 0x40000092),
        ("x64", "HvRegisterSint2", "HV_X64_MSR_SINT2", 0x40000092),
        ("x64", "sint2", "HV_X64_MSR_SINT2", 0x40000092),
        ("arm64", "sint2", "HV_REGISTER_SINT2", 0x000A0002),
        ("arm64", "HvRegisterSint2", "HV_REGISTER_SINT2", 0x000A0002),
        ("x64", "sint0", "HV_X64_MSR_SINT0", 0x40000090),
        ("x64", "sint15", "HV_X64_MSR_SINT15", 0x4000009F),
        ("arm64", "sint15", "HV_REGISTER_SINT15", 0x000A000F),
        ("x64", "guest-id", "HV_X64_MSR_GUEST_OS_ID", 0x40000000),
        ("x64", "GUEST_ID", "HV_X64_MSR_GUEST_OS_ID", 0x40000000),
        ("arm64", "guest-id", "HV_REGISTER_GUEST_OS_ID", 0x00090002),
        ("x64", "simp", "HV_X64_MSR_SIMP", 0x40000083),
        ("arm64", "simp", "HV_REGISTER_SIMP", 0x000A0013),
        ("x64", "page", "HV_MESSAGE_PAGE", None),
        ("arm64", "message", "HV_MESSAGE", None),
        ("x64", "HVMSG_TIMER_EXPIRED", "HVMSG_TIMER_EXPIRED", 0x80000010),
        ("x64", "HvMessageTimerExpired", "HVMSG_TIMER_EXPIRED", 0x80000010),
        ("arm64", "HV_STATUS_ACCESS_DENIED", "HV_STATUS_ACCESS_DENIED", 0x0006),
        ("x64", "HVCALL_POST_MESSAGE", "HVCALL_POST_MESSAGE", 0x005C),
        ("x64", "TEST_RELEASE_MSR", "TEST_X64_MSR_RELEASE", 0x40FF0010),
        ("arm64", "test_release", "TEST_REGISTER_RELEASE", 0x7F000010),
        ("arm64", "test-register1", "TEST_REGISTER1", 0x7F000001),
        ("x64", "test_disk", "TEST_CLASS_DISK", DISK),
        ("x64", "TEST_NAME_X64", "TEST_NAME_X64", 2),
        ("arm64", "TEST_NAME_ARM64", "TEST_NAME_ARM64", 2),
        ("x64", "HvMapGpaFlags", "HV_MAP_GPA_FLAGS", None),
        ("x64", "hvx64registerRip", "HV_X64_REGISTER_RIP", 0x00020010),
        ("x64", "Hv_X64MsrSint2", "HV_X64_MSR_SINT2", 0x40000092),
        ("arm64", "guestid", "HV_REGISTER_GUEST_OS_ID", 0x00090002),
        ("x64", "WHvRegisterSimp", "WHvRegisterSimp", 0x4013),
        ("arm64", "WHvRegisterSimp", "WHvRegisterSipp", 0x000A0013),
        ("x64", "whvregistersint15", "WHvRegisterSint15", 0x400F),
        ("arm64", "WHvRegisterSint15", "WHvRegisterSint15", 0x000A000F),
        ("x64", "WHvX64RegisterRip", "WHvX64RegisterRip", 0x10),
    ],
)
def test_a_name_in_any_spelling_is_found_under_what_heads_it_on_the_arch(arch: str, name: str, called: str, number: int | None) -> None:
    found = CATALOGS[arch].find_name(name)
    assert (found.name, found.number, found.asked, found.arch) == (called, number, name, arch)


@pytest.mark.parametrize(
    ("arch", "name", "called", "was"),
    [
        ("x64", "HV_REGISTER_SINT0", "HV_X64_MSR_SINT0", ["msr 0x40000090 HV_X64_MSR_SINT0"]),
        ("x64", "HvRegisterSint0", "HV_X64_MSR_SINT0", []),
        ("arm64", "HV_REGISTER_SINT0", "HV_REGISTER_SINT0", []),
        ("x64", "HV_X64_MSR_SINT0", "HV_X64_MSR_SINT0", []),
        (
            "x64",
            "HV_REGISTER_CRASH_P1",
            "HV_X64_MSR_CRASH_P1",
            ["msr 0x40000101 HV_X64_MSR_CRASH_P1", "register 0x00000211 HV_REGISTER_GUEST_CRASH_P1"],
        ),
        ("arm64", "HV_REGISTER_CRASH_P1", "HV_REGISTER_GUEST_CRASH_P1", ["register 0x00000211 HV_REGISTER_GUEST_CRASH_P1"]),
        ("x64", "TEST_REGISTER_OLD1", "TEST_REGISTER1", ["register 0x7F000001 TEST_REGISTER1"]),
        ("arm64", "TEST_NAME_UNO", "TEST_NAME_ONE", ["test 0x0001 TEST_NAME_ONE"]),
    ],
)
def test_what_older_headers_called_so_is_named(arch: str, name: str, called: str, was: list[str]) -> None:
    found = CATALOGS[arch].find_name(name)
    assert (found.name, [str(one) for one in found.was]) == (called, was)


PRECEDENCE = """
kind   = "register"
source = ["test:a#b"]
also   = [{also}]

[[address]]
space  = "register"
number = {number}
name   = "{name}"
was    = [{was}]
"""


@pytest.mark.parametrize("newest_first", [True, False], ids=["newest first", "oldest first"])
def test_a_former_name_is_never_chosen_over_what_has_the_name_today(newest_first: bool, tmp_path: Path) -> None:
    specs = [
        PRECEDENCE.format(also="", number=0x7E000000, name="OWN_NOW", was=""),
        PRECEDENCE.format(also='"own-alias"', number=0x7E000001, name="OWN_OTHER", was='"OWN_NOW"'),
        PRECEDENCE.format(also="", number=0x7E000002, name="OWN_THIRD", was='"own-alias", "OWN_NOW"'),
    ]
    catalog = Catalog(open_index(write_own(tmp_path, *(specs if newest_first else reversed(specs)))))
    found = {name: catalog.find_name(name) for name in ("own_now", "own_alias")}
    assert {name: one.name for name, one in found.items()} == {"own_now": "OWN_NOW", "own_alias": "OWN_OTHER"}
    assert {was.name for was in found["own_now"].was} == {"OWN_OTHER", "OWN_THIRD"}
    assert [was.name for was in found["own_alias"].was] == ["OWN_THIRD"]


@pytest.mark.parametrize(
    ("arch", "name", "space", "number"),
    [
        ("x64", "HV_REGISTER_SINT0", "register", 0x000A0000),
        ("x64", "HV_REGISTER_SINT0", "msr", 0x40000090),
        ("x64", "sint2", "register", 0x000A0002),
        ("x64", "sint2", "msr", 0x40000092),
        ("arm64", "sint2", "register", 0x000A0002),
        ("x64", "TestNameOne", "test", 1),
        ("x64", "simp", "whp_register", 0x4013),
        ("arm64", "simp", "whp_register", 0x000A0013),
    ],
)
def test_in_a_space_a_name_stands_for_its_number_there(arch: str, name: str, space: str, number: int) -> None:
    assert CATALOGS[arch].find_name(name, space).number == number


@pytest.mark.parametrize(
    ("arch", "name", "message"),
    [
        ("arm64", "HV_X64_MSR_SINT0", "HV_X64_MSR_SINT0 is x64 only; on arm64: HV_REGISTER_SINT0 (0x000A0000)"),
        ("arm64", "hv-x64-msr-sint15", "hv-x64-msr-sint15 is x64 only; on arm64: HV_REGISTER_SINT15 (0x000A000F)"),
        ("arm64", "TEST_RELEASE_MSR", "TEST_RELEASE_MSR is x64 only; on arm64: TEST_REGISTER_RELEASE (0x7F000010)"),
        ("arm64", "TEST_NAME_X64", "TEST_NAME_X64 is x64 only"),
        ("arm64", "TEST_CPUID_LEAF", "TEST_CPUID_LEAF is x64 only"),
        ("x64", "TEST_NAME_ARM64", "TEST_NAME_ARM64 is arm64 only"),
        ("x64", "sint16", "no such name: sint16; choose from sint0 to sint15"),
        ("arm64", "HV_REGISTER_SINT", "no such name: HV_REGISTER_SINT; choose from HV_REGISTER_SINT0 to HV_REGISTER_SINT15"),
        ("x64", "guets-id", "no such name: guets-id; did you mean guest-id or guest-idle?"),
        ("x64", "HVMSG_TIMER_EXPIERD", "no such name: HVMSG_TIMER_EXPIERD; did you mean HVMSG_TIMER_EXPIRED?"),
        ("arm64", "test-release-msr2", "no such name: test-release-msr2; did you mean test-release?"),
        ("x64", "qqq", "no such name: qqq"),
        ("x64", "", "no such name: "),
        ("x64", "_", "no such name: _"),
        ("arm64", "HvX64MsrNestedSint2", "HvX64MsrNestedSint2 is x64 only; on arm64: HV_REGISTER_NESTED_SINT2 (0x000A1002)"),
        (
            "x64",
            "HV_STATS_AREA_SELF",
            "HV_STATS_AREA_SELF is a value of HV_STATS_AREA_TYPE, not a definition of its own; see `show HV_STATS_AREA_SELF`",
        ),
        (
            "x64",
            "HV_MAP_GPA_NOT_CACHED",
            "HV_MAP_GPA_NOT_CACHED is a field of HV_MAP_GPA_FLAGS, not a definition of its own; see `show HV_MAP_GPA_NOT_CACHED`",
        ),
    ],
)
def test_a_name_that_the_arch_has_not_is_refused(arch: str, name: str, message: str) -> None:
    with pytest.raises(NotFoundError) as caught:
        CATALOGS[arch].find_name(name)
    assert (str(caught.value), caught.value.status) == (message, 3)


@pytest.mark.parametrize(
    ("arch", "space", "number", "called", "others"),
    [
        ("x64", None, 0x40000092, "HV_X64_MSR_SINT2", []),
        ("x64", "msr", 0x40000092, "HV_X64_MSR_SINT2", []),
        ("x64", "MSR", 0x40000092, "HV_X64_MSR_SINT2", []),
        ("x64", "register", 0x000A0002, "HV_X64_MSR_SINT2", []),
        ("arm64", "register", 0x000A0002, "HV_REGISTER_SINT2", []),
        ("arm64", None, 0x000A0002, "HV_REGISTER_SINT2", []),
        ("x64", None, 0x80000010, "HVMSG_TIMER_EXPIRED", []),
        ("x64", "vmbus", 0x0F, "CHANNELMSG_VERSION_RESPONSE", []),
        ("x64", "test", 2, "TEST_NAME_X64", []),
        ("arm64", "test", 2, "TEST_NAME_ARM64", []),
        ("x64", "test", 32, "TEST_NAME_MANY", []),
        ("x64", "test", 1019, "TEST_NAME_MANY", []),
        ("x64", "test", 40, "TEST_NAME_FORTY", []),
        ("x64", "test_class", DISK, "TEST_CLASS_DISK", []),
        ("x64", None, DISK, "TEST_CLASS_DISK", []),
        ("x64", "cpuid", 0x40FF0000, "TEST_CPUID_LEAF", []),
        ("x64", "whp_register", 0x4013, "WHvRegisterSimp", []),
        ("arm64", "whp_register", 0x000A0013, "WHvRegisterSipp", []),
    ],
)
def test_a_number_is_found(arch: str, space: str | None, number: int, called: str, others: list[str]) -> None:
    found = CATALOGS[arch].find_number(number, space)
    assert (found.name, [str(one) for one in found.others]) == (called, others)


@pytest.mark.parametrize("place", [0, 1024, (1 << 32) - 1])
def test_a_range_may_name_each_of_its_numbers(place: int) -> None:
    catalog = CATALOGS["arm64"]
    number = guid_to_number(f"{place:08x}-facb-11e6-bd58-64006a7986d3")
    name = f"HV_VSOCK_PORT_{place}"
    assert catalog.find_number(number).name == name
    assert catalog.find_number(number, "vmbus_class").number == number
    assert (catalog.find_name(name).number, catalog.find_name(name.lower(), "vmbus_class").number) == (number, number)
    row = catalog.find_named("vmbus_class", number)
    assert row
    assert (row.name, row.low, row.high) == (name, number, number)


@pytest.mark.parametrize("name", ["HV_VSOCK_PORT_4294967296", "HV_VSOCK_PORT_01", "HV_VSOCK_PORT_", "TEST_NAME_MANY1"])
def test_a_range_names_no_other_numbers(name: str) -> None:
    with pytest.raises(NotFoundError):
        CATALOGS["x64"].find_name(name)


def test_the_first_space_that_has_a_number_is_chosen_and_the_others_are_named() -> None:
    found = CATALOGS["arm64"].find_number(2)
    assert found.address
    names = {found.address.space: found.name} | {other.space.name: other.name for other in found.others}
    assert list(names) == [name for name in TEST_INDEX.spaces if name in names]
    assert names["vmbus"] == "CHANNELMSG_RESCIND_CHANNELOFFER"
    assert names["test"] == "TEST_NAME_ARM64"


def test_an_aside_space_is_not_another_reading_of_a_number() -> None:
    found = CATALOGS["arm64"].find_number(0x000A0013)
    assert (found.name, found.others) == ("HV_REGISTER_SIMP", ())
    assert "whp_register" not in {other.space.name for other in CATALOGS["x64"].find_number(2).others}


def test_what_lays_a_number_out_is_meant_before_what_only_names_it() -> None:
    assert CATALOGS["x64"].find_number(0x40000004, "msr").spec.layout is None
    found = CATALOGS["x64"].find_number(0x40000004)
    assert (found.name, [other.name for other in found.others]) == ("HYPERV_CPUID_ENLIGHTMENT_INFO", ["HV_X64_MSR_CPU_MGMT_VERSION"])


def test_a_name_gives_way_to_no_layout_of_a_number_of_another_size() -> None:
    found = CATALOGS["x64"].find_number(5)
    assert found.name == "HV_STATUS_INVALID_PARAMETER"
    assert [other.name for other in found.others][:2] == ["HVCALL_UPDATE_HV_PROCESSOR_FEATURES", "CHANNELMSG_OPENCHANNEL"]


def test_a_range_around_a_number_is_not_another_reading_of_it() -> None:
    found = CATALOGS["x64"].find_number(40)
    assert [other.name for other in found.others if other.space.name == "test"] == ["TEST_NAME_FORTY"]


@pytest.mark.parametrize(
    ("arch", "space", "number", "message"),
    [
        ("x64", None, 0x12345678, "nothing has the number 0x12345678 on x64"),
        ("x64", None, 0x4013, "nothing has the number 0x4013 on x64"),
        ("arm64", None, 0x4013, "nothing has the number 0x4013 on arm64"),
        ("x64", "msr", 0x40FF0020, "0x40FF0020 is not a known msr number on x64"),
        ("x64", "test", 31, "0x001F is not a known test number on x64"),
        ("x64", "test", 1020, "0x03FC is not a known test number on x64"),
        ("x64", "test", -1, "0x-001 is not a known test number on x64"),
        ("x64", None, 1 << 200, f"nothing has the number {1 << 200:#x} on x64"),
        ("x64", None, -(1 << 200), f"nothing has the number {-(1 << 200):#x} on x64"),
        ("arm64", None, 0x40000090, "msr 0x40000090 HV_X64_MSR_SINT0 is x64 only; on arm64: HV_REGISTER_SINT0 (0x000A0000)"),
        ("arm64", None, 0x40FF0000, "cpuid 0x40FF0000 TEST_CPUID_LEAF is x64 only"),
        ("arm64", "msr", 0x40000090, "arm64 has no msr numbers; only x64 has them"),
        ("x64", "port", 1, f"no such space: port; the spaces are {', '.join(TEST_INDEX.spaces)}"),
    ],
)
def test_a_number_that_the_arch_has_not_is_refused(arch: str, space: str | None, number: int, message: str) -> None:
    with pytest.raises(NotFoundError) as caught:
        CATALOGS[arch].find_number(number, space)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("arch", "space", "number", "name"),
    [
        ("x64", "test", 2, "TEST_NAME_X64"),
        ("arm64", "test", 2, "TEST_NAME_ARM64"),
        ("x64", "test", 31, None),
        ("arm64", "msr", 0x40000090, None),
    ],
)
def test_the_name_of_a_number_that_a_field_holds_is_never_refused(arch: str, space: str, number: int, name: str | None) -> None:
    row = CATALOGS[arch].find_named(space, number)
    assert (row and row.name) == name


def test_a_number_that_only_the_other_arch_has_is_reported() -> None:
    row = CATALOGS["arm64"].elsewhere("msr", 0x40000090)
    assert row
    assert (row.name, row.arch) == ("HV_X64_MSR_SINT0", "x64")
    assert CATALOGS["arm64"].elsewhere("msr", 0x40FF0020) is None


@pytest.mark.parametrize(("arch", "names"), [("x64", ["black", "red", "grey", "green"]), ("arm64", ["black", "red", "grey"])])
def test_an_arch_adds_its_values_to_a_common_enumeration(arch: str, names: list[str]) -> None:
    spec = CATALOGS[arch].find_name("test-color").spec
    assert [one.name for one in spec.values] == names
    assert spec.values[-1].source == (("test:enumerations#extends",) if arch == "x64" else ("test:enumerations#color",))


@pytest.mark.parametrize(("arch", "size"), [("x64", 8), ("arm64", 16)])
def test_one_name_may_stand_for_another_layout_on_each_arch(arch: str, size: int) -> None:
    spec = CATALOGS[arch].type("TEST_ENTRY")
    assert spec
    assert (spec.arch, spec.size) == (arch, size)
    assert CATALOGS[arch].type("TEST_ENTRY") is spec


@pytest.mark.parametrize("name", ["", "u8", "i64", "bytes", "guid", "space:test"])
def test_a_plain_type_is_not_a_spec(name: str) -> None:
    assert CATALOGS["x64"].type(name) is None


@pytest.mark.parametrize(
    ("arch", "field", "value", "name"),
    [
        ("x64", Field("f", type="TEST_COLOR"), 1, "red"),
        ("x64", Field("f", type="TEST_COLOR"), 2, "green"),
        ("arm64", Field("f", type="TEST_COLOR"), 2, ""),
        ("x64", Field("f", type="TEST_COLOR"), 31, "grey"),
        ("x64", Field("f", type="TEST_TAKEN"), 2, "own"),
        ("x64", Field("f", type="TEST_TAKEN"), 0x3F, ""),
        ("arm64", Field("f", type="TEST_TAKEN"), 0x40, "TEST_NAME_ONE"),
        ("x64", Field("f", type="TEST_TAKEN"), 0x60, ""),
        ("x64", Field("f", type="TEST_TAKEN"), 0x67, "TEST_NAME_FORTY"),
        ("x64", Field("f", type="TEST_TAKEN"), 0x81, "red"),
        ("x64", Field("f", type="TEST_TAKEN"), 0x9F, "grey"),
        ("x64", Field("f", type="TEST_COLOR", values=(Enumerator(1, 1, "own"),)), 1, "own"),
        ("x64", Field("f", type="space:test"), 2, "TEST_NAME_X64"),
        ("arm64", Field("f", type="space:test"), 2, "TEST_NAME_ARM64"),
        ("x64", Field("f", type="space:test", values=(Enumerator(7, 7, "seven"),)), 7, "seven"),
        ("x64", Field("f", type="space:test"), 7, ""),
        ("x64", Field("f", type="space:test_class"), DISK, "TEST_CLASS_DISK"),
        ("x64", Field("f"), 1, ""),
    ],
)
def test_the_value_of_a_field_has_a_name(arch: str, field: Field, value: int, name: str) -> None:
    assert CATALOGS[arch].enumerator(field, value) == name


def test_the_numbers_of_a_space_are_an_enumeration() -> None:
    field = Field("f", type="space:test", values=(Enumerator(7, 7, "seven"),))
    found = {one.name: (one.low, one.high, one.also) for one in CATALOGS["arm64"].enumerators(field)}
    assert found == {
        "seven": (7, 7, ()),
        "TEST_NAME_NONE": (0, 0, ()),
        "TEST_NAME_ONE": (1, 1, ("TestNameOne",)),
        "TEST_NAME_ARM64": (2, 2, ()),
        "TEST_NAME_MANY": (32, 1019, ()),
        "TEST_NAME_FORTY": (40, 40, ()),
    }


@pytest.mark.parametrize(
    ("space", "number", "name"),
    [
        ("test", 1, "TEST_CASE_OF"),
        ("test", 7, "TEST_CASE_OF"),
        ("test", 0, None),
        ("register", 0x7F000001, "TEST_REGISTER{n}"),
        ("register", 0x7E000000, None),
        ("hypercall", 0x7F00, None),
        ("message", 0x80000010, "HV_TIMER_MESSAGE_PAYLOAD"),
    ],
)
def test_the_payload_of_a_number_is_found(space: str, number: int, name: str | None) -> None:
    spec = CATALOGS["x64"].case_of(space, number)
    assert (spec and spec.name) == name


def test_the_payloads_of_a_space_are_listed() -> None:
    assert [(number, spec.name) for number, spec in CATALOGS["x64"].cases("test")] == [(1, "TEST_CASE_OF"), (7, "TEST_CASE_OF")]


CASE = """
kind    = "struct"
name    = "OWN_CASE"
case_of = ["{of}"]
source  = ["test:a#b"]

[layout]
fields = [
  {{ name = "all", type = "u32" }},
]
"""
NUMBERED = """
kind   = "names"
space  = "status"
source = ["test:a#b"]
names  = [
  { number = 0x7F01, name = "OWN_STATUS" },
]
"""


def test_a_payload_of_a_name_with_another_number_on_each_arch_belongs_to_both(tmp_path: Path) -> None:
    write_own(tmp_path, NUMBERED, arch="x64")
    (tmp_path / "arm64").mkdir()
    (tmp_path / "arm64" / "own.toml").write_text(NUMBERED.replace("0x7F01", "0x7F02"))
    (tmp_path / "common").mkdir()
    (tmp_path / "common" / "own.toml").write_text(CASE.format(of="OWN_STATUS"))
    catalogs = [Catalog(open_index(tmp_path), arch) for arch in ("x64", "arm64")]
    assert [[number for number, _ in catalog.cases("status")] for catalog in catalogs] == [[0x7F01], [0x7F02]]


def test_a_payload_of_an_array_element_belongs_to_that_element(tmp_path: Path) -> None:
    catalog = Catalog(open_index(write_own(tmp_path, CASE.format(of="HV_REGISTER_SINT3"))))
    assert [number for number, _ in catalog.cases("register")] == [0x000A0003]


def test_what_a_lone_number_may_be_comes_in_the_order_of_rank() -> None:
    ranks = [spec.lone.rank for spec in CATALOGS["x64"].lone() if spec.lone]
    assert ranks == sorted(ranks)
    assert "TEST_X64_MSR_RELEASE" in {spec.name for spec in CATALOGS["arm64"].lone()}


@pytest.mark.parametrize("arch", ["x64", "arm64"])
def test_a_list_has_a_line_for_each_number_and_element(arch: str) -> None:
    space = TEST_INDEX.spaces["register"]
    found = {entry.name: entry for entry in CATALOGS[arch].entries("register")}
    assert all(entry.space == space for entry in found.values())
    assert found["TEST_REGISTER1"] == Entry(
        "TEST_REGISTER1",
        "register",
        "common",
        "test register 1",
        space,
        0x7F000001,
        0x7F000001,
        also=("test-register1",),
        was=("TEST_REGISTER_OLD1",),
    )
    assert found["HV_REGISTER_SINT15"].low == 0x000A000F
    assert set(found["HV_REGISTER_SINT2"].also) == {"HvRegisterSint2", "sint2", "HV_MSR_SINT2"}


def test_the_list_of_everything_includes_specs_without_a_number() -> None:
    entries = list(CATALOGS["x64"].entries())
    assert {entry.space.name for entry in entries if entry.space} == set(TEST_INDEX.spaces)
    plain = {entry.name: entry for entry in entries if entry.space is None}
    assert plain["HV_MESSAGE_PAGE"].also == ("message-page", "page", "simp-page")
    assert plain["HV_MESSAGE_PAGE"].low is None
    assert [entry.arch for entry in entries if entry.name == "TEST_ENTRY"] == ["arm64", "x64"]
    assert [entry.arch for entry in entries if entry.name == "HV_X64_MSR_SINT0"] == ["x64"]


def test_a_cpuid_leaf_that_a_register_mirrors_is_headed_by_what_was_asked_for(tmp_path: Path) -> None:
    leaf = """
kind   = "cpuid"
width  = 128
source = ["test:a#b"]

[[address]]
space  = "cpuid"
number = 0x40FF0009
name   = "OWN_LEAF"

[[address]]
space  = "register"
number = 0x7E000009
name   = "OWN_LEAF_REGISTER"

[layout]
fields = [
  { bits = "edx:eax", name = "all" },
]
"""
    index = open_index(write_own(tmp_path, leaf))
    x64, arm64 = Catalog(index, "x64"), Catalog(index, "arm64")
    assert x64.find_name("own-leaf").name == "OWN_LEAF"
    assert x64.find_name("own-leaf-register").name == "OWN_LEAF_REGISTER"
    assert x64.find_number(0x7E000009).name == "OWN_LEAF_REGISTER"
    assert arm64.find_name("own-leaf-register").name == "OWN_LEAF_REGISTER"
    with pytest.raises(NotFoundError, match=r"^own-leaf is x64 only; on arm64: OWN_LEAF_REGISTER \(0x7E000009\)$"):
        arm64.find_name("own-leaf")


def test_a_catalog_of_the_other_arch_shares_the_index() -> None:
    x64 = CATALOGS["x64"]
    assert x64.for_arch("x64") is x64
    assert x64.for_arch("arm64").index is x64.index
    assert x64.for_arch("arm64").arch == "arm64"


SPELLED_ALIKE = """\
kind   = "names"
space  = "msr"
source = ["test:own#alike"]
names  = [
  { number = 0x40ff1000, name = "OWN_AB_C" },
  { number = 0x40ff1001, name = "OWN_A_BC", also = ["own_d_e"], was = ["own_a_b_c_d"] },
  { number = 0x40ff1002, name = "OWN_ABCD" },
]
"""


def test_where_several_names_are_one_but_for_underscores_none_is_chosen(tmp_path: Path) -> None:
    catalog = Catalog(open_index(write_own(tmp_path, SPELLED_ALIKE, arch="x64")))
    with pytest.raises(NotFoundError, match="without its underscores it matches OWN_AB_C and OWN_A_BC"):
        catalog.find_name("OwnAbc")
    assert catalog.find_name("own-ab-c").name == "OWN_AB_C"
    assert catalog.find_name("OwnDe").name == "OWN_A_BC"
    assert catalog.find_name("OwnAbcd").name == "OWN_ABCD"  # older names do not count


def test_an_enumeration_that_is_asked_for_is_a_word_and_as_a_type_it_is_none() -> None:
    catalog = CATALOGS["x64"]
    spec = catalog.find_name("HV_SCHEDULER_TYPE").spec
    assert spec.layout
    assert [(field.name, field.width, field.type) for field in spec.layout.fields] == [("value", 32, "HV_SCHEDULER_TYPE")]
    of_a_field = catalog.type("HV_SCHEDULER_TYPE")
    assert of_a_field
    assert of_a_field.layout is None


@pytest.mark.parametrize(
    ("kind", "name"), [("struct", "HV_MESSAGE"), ("word", "HV_STATUS"), ("enumeration", "HV_SCHEDULER_TYPE"), ("page", "HV_MESSAGE_PAGE")]
)
def test_the_list_of_a_kind_has_nothing_else(kind: str, name: str) -> None:
    entries = list(CATALOGS["x64"].entries(kind=kind))
    assert {entry.kind for entry in entries} == {kind}
    assert name in [entry.name for entry in entries]


def test_names_have_a_number_and_no_layout() -> None:
    names = {entry.name for entry in CATALOGS["x64"].entries(kind="names")}
    assert {"HV_STATUS_ACCESS_DENIED", "HV_X64_REGISTER_RIP"} <= names
    assert names.isdisjoint({"HV_X64_MSR_SINT2", "HVCALL_POST_MESSAGE", "HV_MESSAGE"})
