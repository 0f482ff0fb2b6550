"""Which texts start a guest, and what is refused."""

from __future__ import annotations

import subprocess
import sys

import pytest

from hvrepl.errors import UsageError
from hvrepl.readers.guests import formats
from hvrepl.readers.guests.formats import kind_of_guest, read_guests
from tests.paths import PACKAGE
from tests.readers.guests.reading import PATHS, read

OTHERS = (
    "CPUID 40000003: 00003FFF-002BB9FF-00000002-10FFFBF2",
    "kvm: exiting hardware virtualization",
    "qemu: hello",
    "hv-time",
    "<cpu/>",
    "",
)


@pytest.mark.parametrize("text", OTHERS)
def test_another_text_starts_no_guest(text: str) -> None:
    assert kind_of_guest(text) == ""
    assert read_guests(text.encode(), "it", PATHS.__getitem__) is None


REFUSED = {
    "<domain><name>x</name": "damaged XML",
    "<!DOCTYPE d [<!ENTITY a 'b'>]><domain><name>&a;</name></domain>": "with a DTD or entities",
    "<!DOCTYPE d SYSTEM 'file:///etc/passwd'><domain><name>x</name></domain>": "with a DTD or entities",
    "<domain><nothing/></domain>": "not a libvirt domain",
    '{"apiVersion": "kubevirt.io/v1", ': "damaged JSON",
    '{"apiVersion": "kubevirt.io/v1", "spec": {}}': "no KubeVirt machine",
    '{"apiVersion": "kubevirt.io/v1", "a": ' + "[" * 100_000: "damaged JSON",
}


@pytest.mark.parametrize("text", REFUSED, ids=REFUSED.values())
def test_what_cannot_be_read_is_refused_in_one_line(text: str) -> None:
    with pytest.raises(UsageError, match=REFUSED[text]) as raised:
        read(text)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("text", ["<domain><name>x</name></domain>", "apiVersion: kubevirt.io/v1"])
def test_a_file_that_is_far_too_long_for_a_guest_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="more than 4 MiB"):
        read(text + " " * (4 << 20))


def test_guests_without_number_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(formats, "MOST_GUESTS", 2)
    with pytest.raises(UsageError, match="3 guests; at most 2"):
        read("kvm -m 1\n" * 3)


LOADED = """import sys
from hvrepl.readers.guests.formats import read_guests
read_guests(sys.argv[1].encode(), "it", lambda _: {})
print(*sorted(name.rpartition(".")[2] for name in sys.modules if name.startswith("hvrepl.readers.guests.")))"""
READERS = {"0x200f3": "formats guest", "ostype: win11": "formats guest options proxmox", "kvm -cpu host": "formats guest options qemu"}


@pytest.mark.parametrize("text", READERS)
def test_a_text_loads_the_reader_of_its_own_format_alone(text: str) -> None:
    done = subprocess.run([sys.executable, "-c", LOADED, text], cwd=PACKAGE.parent, capture_output=True, text=True, check=True, timeout=60)
    assert done.stdout.strip() == READERS[text]
