"""What is found to be wrong with the flags of a guest."""

from __future__ import annotations

from hvrepl.analysis.flags_to_leaves import EVERYTHING, settle
from hvrepl.readers.guests.formats import read_guests
from hvrepl.record import replace
from tests.analysis.flag_samples import FLAGS, guest


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


def test_without_kvm_nothing_is_advised_and_its_interface_is_not_named() -> None:
    given = guest(("hv-relaxed", "on"))
    assert [one.code for one in settle(FLAGS, replace(given, accelerator="tcg")).findings] == ["flag_no_kvm"]
    for other in (replace(guest(), accelerator=""), guest(hides_kvm=True)):
        assert [one.text for one in settle(FLAGS, other).findings] == ["none of QEMU's Hyper-V flags is on"]
    assert settle(FLAGS, guest()).findings[0].text.startswith("the guest sees KVM's own interface alone")


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


def test_flags_that_libvirt_chooses_or_that_are_elsewhere_are_not_missed() -> None:
    config = settle(FLAGS, guest(left="libvirt chooses"))
    assert ([one.name for one in config.open], [one.code for one in config.findings]) == ([EVERYTHING], ["flag_mode"])
    (found,) = read_guests(b'kvm -cpu "host,hv-relaxed,$MORE"', "it", FLAGS.paths) or []
    assert [one.code for one in settle(FLAGS, found).findings] == ["flags_elsewhere"]
