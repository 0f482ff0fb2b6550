"""Proxmox's configurations."""

from __future__ import annotations

from tests.paths import DATA
from tests.readers.guests.reading import flags, read


def test_proxmox_turns_flags_on_by_the_version_of_windows() -> None:
    (guest,) = read((DATA / "qemu" / "101.conf").read_text())
    assert (guest.windows, guest.machine, flags(guest)) == (11, "pc-q35-9.0", {"hv-tlbflush": "on"})
    (guest,) = read("ostype: l26\ncpu: host\n")
    assert (guest.windows, guest.flags) == (0, ())
    (guest,) = read("ostype: w2k8\nbios: ovmf\n")
    assert guest.windows == 0
    (guest,) = read("ostype: win10\nhostpci0: 01:00,x-vga=1\ncpu: host,hidden=1\n")
    assert (flags(guest), guest.hides_kvm) == ({"hv-vendor-id": "proxmox"}, True)


def test_a_model_of_proxmoxs_own_can_have_flags_that_are_not_here() -> None:
    assert [one.code for one in read("ostype: win10\ncpu: custom-mine\n")[0].remarks] == ["flags_elsewhere"]


def test_a_cpu_among_the_args_of_proxmox_counts_alone() -> None:
    (guest,) = read("ostype: win10\nargs: -cpu host,hv-time,kvm=off\n")
    assert (guest.windows, flags(guest)) == (0, {"hv-time": "on"})
    (guest,) = read("ostype: win10\ncpu: host\nargs: -cpu host,hv-time -cpu host,hv-ipi\n")
    assert (guest.windows, flags(guest)) == (0, {"hv-ipi": "on"})


def test_other_args_of_proxmox_add_to_its_flags() -> None:
    (guest,) = read("ostype: win10\ncpu: host,flags=+hv-evmcs\nargs: -global host-x86_64-cpu.hv-time=on -readconfig /etc/more.cfg\n")
    assert (guest.windows, flags(guest)) == (10, {"hv-time": "on", "hv-evmcs": "on"})
    assert [one.code for one in guest.remarks] == ["flags_elsewhere"]


def test_a_part_of_a_configuration_is_known_by_the_cpu_in_its_args() -> None:
    (guest,) = read("hostpci0: 0000:06:00.0,pcie=1,x-vga=1\ncpu: host,hidden=1\nargs: -cpu host,kvm=on,hv_vapic,hv_vendor_id=proxmox\n")
    assert (flags(guest), guest.accelerator) == ({"hv-vapic": "on", "hv-vendor-id": "proxmox"}, "kvm")
