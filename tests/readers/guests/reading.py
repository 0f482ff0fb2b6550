"""What the tests of all formats read with: some flags with their paths, as specs have them."""

from __future__ import annotations

from hvrepl.readers.guests.formats import read_guests
from hvrepl.readers.guests.guest import Guest, Paths

PATHS: dict[str, Paths] = {
    "libvirt": {
        "hv-relaxed": "features/hyperv/relaxed",
        "hv-spinlocks": "features/hyperv/spinlocks@retries",
        "hv-stimer": "features/hyperv/stimer",
        "hv-stimer-direct": "features/hyperv/stimer/direct",
        "hv-time": "clock/timer[@name='hypervclock']",
        "hv-crash": "devices/panic[@model='hyperv']",
        "hv-passthrough": "features/hyperv[@mode='passthrough']",
    },
    "kubevirt": {
        "hv-relaxed": "features.hyperv.relaxed",
        "hv-spinlocks": "features.hyperv.spinlocks@spinlocks=4096",
        "hv-stimer": "features.hyperv.synictimer",
        "hv-stimer-direct": "features.hyperv.synictimer.direct",
        "hv-time": "clock.timer.hyperv",
    },
}


def read(text: str | bytes) -> list[Guest]:
    found = read_guests(text if isinstance(text, bytes) else text.encode(), "it", PATHS.__getitem__)
    assert found is not None
    return found


def flags(guest: Guest) -> dict[str, str]:
    return {one.name: one.value for one in guest.flags}
