"""The flags that Proxmox and KubeVirt turn on by themselves."""

from __future__ import annotations

from hvrepl.analysis.flags_to_leaves import settle
from hvrepl.readers.guests.guest import KUBEVIRT, Given
from hvrepl.record import replace
from tests.analysis.flag_samples import FLAGS, guest


def test_proxmox_turns_flags_on_by_itself() -> None:
    config = settle(FLAGS, guest(windows=11, machine="pc-q35-9.0"))
    assert sorted(config.values) == sorted(
        ["hv-ipi", "hv-relaxed", "hv-reset", "hv-runtime", "hv-spinlocks", "hv-stimer", "hv-synic", "hv-time", "hv-vapic", "hv-vpindex"]
    )
    assert config.values["hv-spinlocks"] == "0x1fff"
    assert "hv-ipi" not in settle(FLAGS, guest(windows=11, machine="pc-q35-3.0")).values
    assert "hv-relaxed" not in settle(FLAGS, guest(windows=6)).values


def test_what_proxmox_does_on_some_hosts_is_open() -> None:
    config = settle(FLAGS, guest(windows=11, machine="pc-q35-11.0+pve2"))
    assert "HYPERV_CPUID_ENLIGHTMENT_INFO.use_vmcs_enlightenments" in [one.name for one in config.open]
    assert "hv-evmcs" not in config.values
    assert len(settle(FLAGS, guest(windows=11, machine="pc-q35-9.0")).open) == 1
    assert len(settle(FLAGS, guest(("hv-evmcs", "off"), windows=11, machine="pc-q35-11.0")).open) == 1


def test_kubevirt_turns_on_what_flags_need_unless_the_machine_turns_it_off() -> None:
    given = replace(guest(("hv-time", "on"), ("hv-stimer", "on")), kind=KUBEVIRT)
    config = settle(FLAGS, given)
    assert sorted(config.values) == ["hv-stimer", "hv-synic", "hv-time", "hv-vpindex"]
    assert "flag_needs" not in [one.code for one in config.findings]
    off = replace(given, flags=(*given.flags, Given("hv-vpindex", "off")))
    assert [(one.code, one.field) for one in settle(FLAGS, off).findings if one.code == "flag_needs"] == [("flag_needs", "hv-synic")]
