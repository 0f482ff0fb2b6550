"""The flags of the built-in specs, and guests with some of them, as the tests of flags take them."""

from __future__ import annotations

from hvrepl.analysis.flags import Flags
from hvrepl.catalog.catalog import Catalog
from hvrepl.catalog.opening import open_index
from hvrepl.codec.decode import Decoder
from hvrepl.readers.guests.guest import Given, Guest

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
