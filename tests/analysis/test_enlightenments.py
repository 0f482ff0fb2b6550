"""QEMU's flags: what they put into CPUID leaves and back, and what is found to be wrong with a set of them."""

from __future__ import annotations

import pytest

from hvrepl.analysis.cpus import Reading
from hvrepl.analysis.flags import Flags
from hvrepl.analysis.flags_to_leaves import EVERYTHING, settle
from hvrepl.analysis.leaves_to_flags import explain
from hvrepl.catalog.catalog import Catalog
from hvrepl.catalog.opening import open_index
from hvrepl.codec.decode import Decoder
from hvrepl.readers.guests.formats import read_guests
from hvrepl.readers.guests.guest import KUBEVIRT, Given, Guest
from hvrepl.record import replace
from hvrepl.render.flag_forms import WRITERS, unwritable

FLAGS = Flags(Decoder(Catalog(open_index())))
SAMPLES = {"number": "0x1234", "text": "Some Vendor", "switch": "on", "auto": "on"}
WITHOUT_LEAVES = ("hv-passthrough", "hv-enforce-cpuid")
NEEDED = "hv-relaxed"  # without which those that do not show the interface by themselves show nothing


def guest(*given: tuple[str, str], machine: str = "pc-q35-9.0", **fields: object) -> Guest:
    return Guest("test", flags=tuple(Given(*one) for one in given), machine=machine, arch="x86_64", accelerator="kvm", **fields)  # type: ignore[arg-type]


def with_needs(name: str) -> dict[str, str]:
    """A flag with all that it needs, and what that needs."""
    flag = FLAGS[name]
    sample = SAMPLES[flag.reads]
    found = {name: str(int(sample, 16) & 0xFF) if flag.reads == "number" and flag.off is None else sample}
    for need in flag.needs:
        found |= with_needs(need)
    return found


@pytest.mark.parametrize("name", [name for name in FLAGS.specs if name not in WITHOUT_LEAVES])
def test_flags_make_leaves_that_only_these_flags_give(name: str) -> None:
    wanted = {NEEDED: "on"} | with_needs(name)
    config = settle(FLAGS, guest(*wanted.items()))
    assert config.values == wanted
    explained = explain(FLAGS, config.cpus)
    assert explained.values == wanted
    assert (explained.unexplained, explained.findings) == ((), ())
    assert not any(explained.missing.values())


def test_a_vendor_that_cannot_be_written_is_what_no_flag_gives() -> None:
    leaves = settle(FLAGS, guest(("hv-relaxed", "on"), ("hv-vendor-id", "a;b"))).cpus
    assert list(explain(FLAGS, leaves).values.values()) == ["on", "a;b"]
    first = leaves[0][0x40000000, 0].registers
    leaves[0][0x40000000, 0] = Reading(first | {"ebx": int.from_bytes(b"a,b", "little")})
    explained = explain(FLAGS, leaves)
    assert list(explained.values.values()) == ["on"]
    assert [part.name for _, part in explained.unexplained] == ["vendor"]


def test_all_flags_together_come_back() -> None:
    wanted = {key: value for name in FLAGS.specs if name not in WITHOUT_LEAVES for key, value in with_needs(name).items()}
    explained = explain(FLAGS, settle(FLAGS, guest(*wanted.items())).cpus)
    assert explained.values == wanted
    assert explained.unexplained == ()


@pytest.mark.parametrize("form", WRITERS)
def test_flags_that_are_written_are_read_again(form: str) -> None:
    wanted = {key: value for name in FLAGS.specs for key, value in with_needs(name).items() if name != "hv-passthrough"}
    text = WRITERS[form](wanted, FLAGS)
    text = f"<domain><name>x</name>{text}</domain>" if form == "libvirt" else f"ostype: l26\n{text}\n" if form == "proxmox" else text
    (found,) = read_guests(text.encode(), "it", FLAGS.paths) or [guest()]
    left = {one.field for one in unwritable(wanted, FLAGS, form)}
    assert settle(FLAGS, found).values == {name: value for name, value in wanted.items() if name not in left}
    assert bool(left) == (form == "libvirt")


VERSIONS = {"pc-q35-6.1": 7100, "pc-q35-6.2": 14393, "pc-i440fx-5.1+pve0": 7100, "pc-q35-11.0+pve2": 14393, "pc-2.4": 7100}


@pytest.mark.parametrize("machine", VERSIONS)
def test_an_old_machine_type_reports_the_older_version(machine: str) -> None:
    config = settle(FLAGS, guest(("hv-relaxed", "on"), machine=machine))
    assert config.cpus[0][0x40000002, 0].registers["eax"] == VERSIONS[machine]
    assert [one.name for one in config.open] == ["cpuid:0x40000101"]


def test_a_machine_type_without_a_version_leaves_that_open_unless_qemu_has_one() -> None:
    given = guest(("hv-relaxed", "on"), machine="q35")
    assert any(one.name == "HYPERV_CPUID_VERSION.build_number" for one in settle(FLAGS, given).open)
    assert [one.name for one in settle(FLAGS, given, "5.2").open] == ["cpuid:0x40000101"]
    assert settle(FLAGS, given, "5.2").cpus[0][0x40000002, 0].registers["eax"] == 7100


def test_synic_of_an_old_machine_type_has_no_messages() -> None:
    given = (("hv-synic", "on"), ("hv-vpindex", "on"))
    assert settle(FLAGS, guest(*given)).cpus[0][0x40000003, 0].registers["ebx"] == 0x30
    assert settle(FLAGS, guest(*given, machine="pc-q35-3.0")).cpus[0][0x40000003, 0].registers["ebx"] == 0


# Leaves as QEMU makes them of flags: hyperv_fill_cpuids by hand.
MADE = {
    ("hv-relaxed",): {0x40000000: 0x40000005, 0x40000003: 0x20, 0x40000004: 0x20},
    ("hv-vapic",): {0x40000003: 0x30, 0x40000004: 0x08},
    ("hv-vapic", "hv-avic"): {0x40000003: 0x30, 0x40000004: 0x200},
    ("hv-time", "hv-vpindex", "hv-synic", "hv-stimer"): {0x40000003: 0x26E, 0x40000004: 0},
    ("hv-vapic", "hv-evmcs"): {0x40000000: 0x4000000A, 0x40000004: 0x4008, 0x4000000A: 0x101, 0x40000006: 0, 0x40000009: 0},
    ("hv-emsr-bitmap",): {0x40000000: 0x4000000A, 0x4000000A: 0x80000},
    ("hv-syndbg", "hv-relaxed", "hv-synic", "hv-vpindex"): {0x40000000: 0x40000082, 0x40000080: 0, 0x40000081: 0x31235356, 0x40000082: 2},
}


@pytest.mark.parametrize("names", MADE, ids=",".join)
def test_leaves_are_those_that_qemu_fills(names: tuple[str, ...]) -> None:
    leaves = settle(FLAGS, guest(*((name, "on") for name in names))).cpus[0]
    assert {number: leaves[number, 0].registers["eax"] for number in MADE[names]} == MADE[names]


def test_a_guest_that_hides_kvm_has_no_leaves_of_kvm() -> None:
    config = settle(FLAGS, guest(("hv-relaxed", "on"), hides_kvm=True))
    assert max(leaf for leaf, _ in config.cpus[0]) == 0x40000005
    assert config.open == ()


def codes(*given: tuple[str, str], version: str = "", **fields: object) -> list[tuple[str, str]]:
    found = settle(FLAGS, guest(*given, **fields), version).findings  # type: ignore[arg-type]
    return [(one.code, one.field) for one in found if one.code != "flag_missing"]


def test_what_is_wrong_is_found() -> None:
    assert codes(("hv-relaxed", "on")) == []
    assert codes(("hv-stimer", "on"), ("hv-time", "on")) == [("flag_needs", "hv-stimer")]
    assert codes(("hv-synic", "on")) == [("flag_needs", "hv-synic")]
    assert codes(("hv-nonsense", "on")) == [("flag_unknown", "hv-nonsense"), ("flags_none", "")]
    assert codes(("hv-relaxed", "maybe")) == [("flag_value", "hv-relaxed"), ("flags_none", "")]
    assert codes(("hv-spinlocks", "many"), ("hv-relaxed", "on")) == [("flag_value", "hv-spinlocks")]
    assert codes(("hv-version-id-major", "70000"), ("hv-relaxed", "on")) == [("flag_value", "hv-version-id-major")]
    assert codes(("hv-version-id-snumber", "16777215"), ("hv-relaxed", "on")) == []
    assert codes(("hv-relaxed", "on"), ("hv-vendor-id", "a,b")) == [("flag_value", "hv-vendor-id")]
    assert codes(("hv-vendor-id", "x")) == [("flags_none", "")]
    assert codes(("hv-relaxed", "on"), ("hv-crash", "on")) == [("flag_caution", "hv-crash")]
    assert codes(("hv-reenlightenment", "on")) == [("flag_wants", "hv-reenlightenment")]
    assert codes(*((name, "on") for name in ("hv-syndbg", "hv-relaxed", "hv-synic", "hv-vpindex"))) == [
        ("flag_caution", "hv-syndbg"),
        ("flag_wants", "hv-syndbg"),
    ]
    assert codes(("hv-xmm-input", "on"), version="6.2") == [("flag_too_new", "hv-xmm-input")]
    assert codes(("hv-xmm-input", "on"), version="7.1") == []
    assert codes(("hv-synic", "on"), machine="pc-q35-3.0") == []
    assert codes(("hv-synic", "on"), machine="pc-q35-3.1") == [("flag_needs", "hv-synic")]
    assert codes(("hv-vapic", "on"), ("hv-evmcs", "on"), nested="svm") == [("flag_caution", "hv-evmcs")]
    assert codes(("hv-vapic", "on"), ("hv-evmcs", "on"), nested="vmx") == []
    assert codes(("hv-passthrough", "on"), ("hv-time", "on")) == [("flag_caution", "hv-passthrough"), ("flag_overridden", "hv-passthrough")]


def test_passthrough_does_not_override_what_it_does_not_turn_on() -> None:
    found = settle(FLAGS, guest(("hv-passthrough", "on"), ("hv-syndbg", "on"), ("hv-time", "on"))).findings
    assert [one.text for one in found if one.code == "flag_overridden"] == ["hv-passthrough overrides hv-time"]


SPINLOCKS = {"010": "0x8", "10": "0xa", "0x10": "0x10", "0": "0x0", "08": None, "-1": None, "4K": None}


@pytest.mark.parametrize("text", SPINLOCKS)
def test_a_number_is_read_as_qemu_reads_it(text: str) -> None:
    assert settle(FLAGS, guest(("hv-spinlocks", text))).values.get("hv-spinlocks") == SPINLOCKS[text]


def test_without_kvm_nothing_is_advised_and_its_interface_is_not_named() -> None:
    given = guest(("hv-relaxed", "on"))
    assert [one.code for one in settle(FLAGS, replace(given, accelerator="tcg")).findings] == ["flag_no_kvm"]
    for other in (replace(guest(), accelerator=""), guest(hides_kvm=True)):
        assert [one.text for one in settle(FLAGS, other).findings] == ["none of QEMU's Hyper-V flags is on"]
    assert settle(FLAGS, guest()).findings[0].text.startswith("the guest sees KVM's own interface alone")


def test_kubevirt_turns_on_what_flags_need_unless_the_machine_turns_it_off() -> None:
    given = replace(guest(("hv-time", "on"), ("hv-stimer", "on")), kind=KUBEVIRT)
    config = settle(FLAGS, given)
    assert sorted(config.values) == ["hv-stimer", "hv-synic", "hv-time", "hv-vpindex"]
    assert "flag_needs" not in [one.code for one in config.findings]
    off = replace(given, flags=(*given.flags, Given("hv-vpindex", "off")))
    assert [(one.code, one.field) for one in settle(FLAGS, off).findings if one.code == "flag_needs"] == [("flag_needs", "hv-synic")]


def test_a_flag_alone_that_does_not_show_the_interface_makes_no_leaf() -> None:
    assert settle(FLAGS, guest(("hv-vendor-id", "x"), ("hv-no-nonarch-coresharing", "on"))).cpus == {0: {}}
    assert settle(FLAGS, guest(("hv-spinlocks", "0xffffffff"))).values == {}


def test_the_host_decides_all_with_passthrough_and_one_bit_with_auto() -> None:
    assert [one.name for one in settle(FLAGS, guest(("hv-passthrough", "on"))).open] == [EVERYTHING]
    config = settle(FLAGS, guest(("hv-relaxed", "on"), ("hv-no-nonarch-coresharing", "auto")))
    assert config.open[0].name == "HYPERV_CPUID_ENLIGHTMENT_INFO.no_non_architectural_core_sharing"


def missing(**fields: object) -> set[str]:
    found = settle(FLAGS, guest(("hv-relaxed", "on"), **fields)).findings  # type: ignore[arg-type]
    return {one.field for one in found if one.code == "flag_missing"}


def test_what_is_advised_depends_on_the_guest_and_on_qemu() -> None:
    assert "hv-stimer" in missing()
    assert "hv-evmcs" not in missing()
    assert {"hv-evmcs", "hv-emsr-bitmap"} <= missing(nested="vmx")
    assert "hv-emsr-bitmap" in missing(nested="svm")
    assert "hv-evmcs" not in missing(nested="svm")
    assert "hv-xmm-input" in missing(version="7.2")
    assert "hv-xmm-input" not in missing(version="7.0")
    assert missing().isdisjoint(
        {"hv-syndbg", "hv-passthrough", "hv-enforce-cpuid", "hv-crash", "hv-vendor-id", "hv-no-nonarch-coresharing"}
    )


def test_proxmox_turns_flags_on_by_itself() -> None:
    config = settle(FLAGS, guest(windows=11, machine="pc-q35-9.0"))
    assert sorted(config.values) == sorted(
        ["hv-ipi", "hv-relaxed", "hv-reset", "hv-runtime", "hv-spinlocks", "hv-stimer", "hv-synic", "hv-time", "hv-vapic", "hv-vpindex"]
    )
    assert config.values["hv-spinlocks"] == "0x1fff"
    assert "hv-ipi" not in settle(FLAGS, guest(windows=11, machine="pc-q35-3.0")).values
    assert "hv-relaxed" not in settle(FLAGS, guest(windows=6)).values


def test_a_later_flag_counts_and_off_takes_it_away() -> None:
    assert settle(FLAGS, guest(("hv-relaxed", "on"), ("hv-relaxed", "off"))).values == {}
    assert settle(FLAGS, guest(("hv-apicv", "on"))).values == {"hv-avic": "on"}


def test_what_proxmox_does_on_some_hosts_is_open() -> None:
    config = settle(FLAGS, guest(windows=11, machine="pc-q35-11.0+pve2"))
    assert "HYPERV_CPUID_ENLIGHTMENT_INFO.use_vmcs_enlightenments" in [one.name for one in config.open]
    assert "hv-evmcs" not in config.values
    assert len(settle(FLAGS, guest(windows=11, machine="pc-q35-9.0")).open) == 1
    assert len(settle(FLAGS, guest(("hv-evmcs", "off"), windows=11, machine="pc-q35-11.0")).open) == 1


def test_flags_that_libvirt_chooses_or_that_are_elsewhere_are_not_missed() -> None:
    config = settle(FLAGS, guest(left="libvirt chooses"))
    assert ([one.name for one in config.open], [one.code for one in config.findings]) == ([EVERYTHING], ["flag_mode"])
    (found,) = read_guests(b'kvm -cpu "host,hv-relaxed,$MORE"', "it", FLAGS.paths) or []
    assert [one.code for one in settle(FLAGS, found).findings] == ["flags_elsewhere"]
