"""Proxmox's configurations (/etc/pve/qemu-server/ID.conf) → guests."""

from __future__ import annotations

import re
from collections.abc import Mapping

from hvrepl.digits import to_int
from hvrepl.readers.guests.guest import ELSEWHERE, PROXMOX, Given, Guest, Remark
from hvrepl.readers.guests.options import options_in, read_cpu, read_keys, read_options, split_shell
from hvrepl.record import replace
from hvrepl.wording import shorten

OLD_WINDOWS = {"wxp": 5, "w2k": 5, "w2k3": 5, "w2k8": 6, "wvista": 6}
FIRST_OF_UEFI = 8  # the first version of Windows for which Proxmox turns on flags under OVMF
HIDDEN_VENDOR = "proxmox"  # of a guest whose screen is a graphics card of the host's (PVE/QemuServer/CPUConfig.pm)


def read_proxmox(text: str) -> Guest:
    """The current configuration, without snapshots. `args` come last, and a -cpu in them replaces all other flags."""
    keys = keys_of(text)
    cpu = read_keys(keys.get("cpu", ""), "cputype")
    guest = Guest(
        PROXMOX,
        keys.get("name", ""),
        machine=read_keys(keys.get("machine", ""), "type").get("type", ""),
        arch=keys.get("arch", "x86_64"),
        accelerator="tcg" if keys.get("kvm") == "0" else "kvm",
        hides_kvm=cpu.get("hidden") == "1",
        windows=windows_of(keys),
    )
    options = list(options_in(split_shell(keys.get("args", ""))))
    if any(option == "cpu" for option, _ in options):
        return read_options(replace(guest, windows=0), options)
    guest = read_cpu(guest, "," + cpu.get("flags", "").replace(";", ","))
    if cpu.get("cputype", "").startswith("custom-"):
        said = f"{shorten(cpu['cputype'])} can have flags of its own, in cpu-models.conf, which are not here"
        guest = replace(guest, remarks=(*guest.remarks, Remark(ELSEWHERE, "", said)))
    is_screen = any(re.search(r"\bx-vga=(?:1|on|yes)\b", value) for key, value in keys.items() if key.startswith("hostpci"))
    vendor = cpu.get("hv-vendor-id") or (HIDDEN_VENDOR if is_screen and guest.windows else "")
    guest = replace(guest, flags=(*guest.flags, Given("hv-vendor-id", vendor))) if vendor else guest
    return read_options(guest, options, cpu.get("cputype", ""))


def keys_of(text: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for line in text.split("\n"):
        if line.startswith("["):  # the first snapshot
            break
        key, colon, value = line.partition(":")
        if colon and not line.startswith("#"):
            found[key.strip()] = value.strip()
    return found


def windows_of(keys: Mapping[str, str]) -> int:
    """The version of Windows for which Proxmox turns on flags, or 0."""
    ostype = keys.get("ostype", "")
    version = re.fullmatch(r"win(\d{1,3})", ostype)
    windows = to_int(version[1]) if version else OLD_WINDOWS.get(ostype, 0)
    return 0 if keys.get("bios") == "ovmf" and windows < FIRST_OF_UEFI else windows
