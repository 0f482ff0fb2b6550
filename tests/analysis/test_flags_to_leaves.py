"""Flags of guests made into CPUID leaves, and what the host decides of them."""

from __future__ import annotations

import pytest

from hvrepl.analysis.flags_to_leaves import EVERYTHING, settle
from tests.analysis.flag_samples import FLAGS, guest

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


def test_a_flag_alone_that_does_not_show_the_interface_makes_no_leaf() -> None:
    assert settle(FLAGS, guest(("hv-vendor-id", "x"), ("hv-no-nonarch-coresharing", "on"))).cpus == {0: {}}
    assert settle(FLAGS, guest(("hv-spinlocks", "0xffffffff"))).values == {}


def test_the_host_decides_all_with_passthrough_and_one_bit_with_auto() -> None:
    assert [one.name for one in settle(FLAGS, guest(("hv-passthrough", "on"))).open] == [EVERYTHING]
    config = settle(FLAGS, guest(("hv-relaxed", "on"), ("hv-no-nonarch-coresharing", "auto")))
    assert config.open[0].name == "HYPERV_CPUID_ENLIGHTMENT_INFO.no_non_architectural_core_sharing"
