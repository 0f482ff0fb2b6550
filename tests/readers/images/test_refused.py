"""Files without memory, or with an unreadable form of it, are recognised by their beginning and refused with a command that helps. All
others are raw."""

from __future__ import annotations

import bz2
import io
import lzma
import os
import re
import shlex
import subprocess
import tarfile
import zipfile
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from hvrepl.errors import FileError, UsageError
from hvrepl.readers.images.formats import FORMATS, open_memory
from hvrepl.readers.images.refused import REFUSED
from tests.at_hand import need
from tests.images.core import PAGE, TIMER, elf, page, write
from tests.program import Ended, call

MEMORY = bytes(PAGE) + page({0: TIMER})
ONE = b"\xff\xff\xff\xff\xff\xff\xff\xff"


def refusal(path: str) -> str:
    with pytest.raises(FileError) as raised:
        open_memory(path)
    text = str(raised.value)
    assert text.startswith(f"{path}: ")
    assert "\n" not in text
    return text.removeprefix(f"{path}: ")


def tar(data: bytes) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as file:
        entry = tarfile.TarInfo("memory.raw")
        entry.size = len(data)
        file.addfile(entry, io.BytesIO(data))
    return out.getvalue()


def zipped(data: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as file:
        file.writestr("memory.raw", data)
    return out.getvalue()


def at(offset: int, magic: bytes, start: bytes = b"") -> bytes:
    """Bytes at an offset, as in a header, followed by a page."""
    return start.ljust(offset, b"\0") + magic + bytes(PAGE)


def fixed_vhd(data: bytes) -> bytes:
    """Microsoft's Virtual Hard Disk Image Format Specification, "Hard Disk Footer Format"."""
    size = len(data).to_bytes(8, "big")
    footer = b"conectix" + b"\0\0\0\2\0\1\0\0" + ONE + bytes(16) + size + size
    return data + footer.ljust(512, b"\0")


# Name of a file, its content, and the refusal.
KINDS: dict[str, tuple[bytes, str]] = {
    "disk.qcow2": (at(0, b"QFI\xfb\0\0\0\3"), "a qcow2 disk image, not memory; `virsh dump --memory-only GUEST FILE`"),
    "disk.vmdk": (at(0, b"KDMV\1\0\0\0"), "a VMware disk image, not memory; `vmrun suspend"),
    "old.vmdk": (at(0, b"COWD\1\0\0\0"), "a VMware disk image, not memory"),
    "text.vmdk": (b"# Disk DescriptorFile\nversion=1\n", "a VMware disk image, not memory"),
    "disk.vhdx": (at(0, b"vhdxfile"), "a Hyper-V disk image, not memory; `Save-VM GUEST`"),
    "dynamic.vhd": (at(0, b"conectix"), "a Hyper-V disk image, not memory"),
    "fixed.vhd": (fixed_vhd(bytes(PAGE)), "a Hyper-V disk image, not memory"),
    "disk.vdi": (
        at(64, b"\x7f\x10\xda\xbe", b"<<< Oracle VM VirtualBox Disk Image >>>\n"),
        "a VirtualBox disk image, not memory; `VBoxManage",
    ),
    "disk.raw": (at(512, b"EFI PART\0\0\1\0", at(510, b"\x55\xaa")[:512]), "a raw disk image, not memory"),
    "cd.iso": (at(32768, b"\1CD001\1"), "a CD or DVD disk image, not memory"),
    "guest.vmgs": (at(0, b"GUESTRTS"), "a guest state file of Hyper-V"),
    "guest.vsv": (bytes(PAGE), "a saved state of Hyper-V before Windows Server 2016, which is not read; start the guest, and `Debug-VM"),
    "hiberfil.sys": (bytes(PAGE), "a Windows hibernation file"),
    **{name: (at(0, name.encode()), "a Windows hibernation file") for name in ("HIBR", "hibr", "WAKE", "wake", "RSTR", "rstr")},
    "app.dmp": (at(0, b"MDMP\x93\xa7"), "a minidump of a Windows process, not the memory of a machine"),
    "guest.save": (at(0, b"LibvirtQemudSave"), "a guest that libvirt saved, which is not read; `virsh restore --paused "),
    "part.save": (at(0, b"LibvirtQemudPart"), "a save by libvirt that was not finished"),
    "stream": (at(0, b"QEVM\0\0\0\3"), "a migration stream of QEMU"),
    "xen.save": (at(0, b"Xen saved domain, xl format\n \0 \r"), "a guest that Xen saved, which is not read; `xl restore -p "),
    "guest.sav": (at(0, b"\x7fVirtualBox SavedState V2.0\n"), "a guest that VirtualBox saved"),
    "sadump": (at(0, b"sadump\0\0"), "a dump by sadump, which is not read; `makedumpfile -x VMLINUX"),
    "bsd": (at(0, b"minidump FreeBSD/amd64"), "a FreeBSD minidump"),
    "memory.aff4": (zipped(MEMORY), "an AFF4 image"),
    "packed.7z": (at(0, b"7z\xbc\xaf\x27\x1c\0\4"), "a 7-Zip archive; `7z x "),
    "packed.rar": (at(0, b"Rar!\x1a\x07\x01\0"), "a RAR archive"),
    "packed.lz4": (at(0, b"\x04\x22\x4d\x18\x64\x40\xa7"), "packed with lz4; `lz4 -m -dk "),
    "packed.Z": (at(0, b"\x1f\x9d\x90"), "packed with compress; `gzip -dk "),
    "secret": (at(0, b"LUKS\xba\xbe\0\2"), "an encrypted volume (LUKS)"),
    "secret.enc": (at(0, b"Salted__"), "encrypted by openssl"),
}


@pytest.mark.parametrize("name", KINDS)
def test_what_is_not_an_image_says_what_it_is(tmp_path: Path, name: str) -> None:
    data, words = KINDS[name]
    assert refusal(write(tmp_path / name, data)).startswith(words)


def test_it_is_refused_wherever_it_is_given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "disk.qcow2", KINDS["disk.qcow2"][0])
    write(tmp_path / "plain", bz2.compress(MEMORY))
    for words in (("scan",), ("scan", "--info"), ("scan", "--base", "0x1000")):
        ended = call(*words, "disk.qcow2")
        assert (ended.status, ended.out) == (4, "")
        assert ended.err.startswith("disk.qcow2: a qcow2 disk image, not memory; ")
    assert call("decode", "page", "@disk.qcow2:0x1000") == Ended(4, "", call("scan", "disk.qcow2").err)
    assert call("decode", "page", "@disk.qcow2") == Ended(2, "", call("scan", "disk.qcow2").err)
    assert "plain: packed with bzip2; `bzip2 -dc plain > plain.out` unpacks it" in call("cpuid", "plain").err


def test_a_bin_is_a_saved_state_only_next_to_its_vsv(tmp_path: Path) -> None:
    path = write(tmp_path / "guest.bin", MEMORY)
    open_memory(path).close()
    write(tmp_path / "guest.vsv", b"")
    assert refusal(path).startswith("a part of a saved state of Hyper-V")


# Beginnings of memory, and files that look like more than they are.
MEMORIES = {
    "zeros": bytes(PAGE),
    "interrupt vectors of real mode": b"\x53\xff\x00\xf0\x53\xff\x00\xf0\xc3\xe2\x00\xf0" + bytes(PAGE),
    "an MBR alone": at(510, b"\x55\xaa"),
    "a program": b"MZ\x90\0\3" + bytes(PAGE),
    "a picture": b"\x89PNG\r\n\x1a\n" + bytes(PAGE),
    "a document": b"%PDF-1.7\n" + bytes(PAGE),
    "two bytes of compress": b"\x1f\x9d\x90" + bytes(PAGE),
    "the name of a footer in its last sector": bytes(PAGE - 512) + b"conectix".ljust(512, b"\0"),
    "noise": os.urandom(7) + b"\0" + os.urandom(PAGE),
}


@pytest.mark.parametrize("name", MEMORIES)
def test_memory_is_raw_whatever_it_begins_with(tmp_path: Path, name: str) -> None:
    with closing(open_memory(write(tmp_path / "memory", MEMORIES[name][:PAGE]))) as memory:
        assert memory.facts.format == "raw"


def test_no_row_is_for_so_little_that_memory_could_begin_with_it() -> None:
    for row in REFUSED:
        assert sum(map(len, row.marks.values())) >= 4 or row.suffix, row.what
        assert not any(one.magic.startswith(row.marks.get(0, b"-")) for one in FORMATS), row.what


def packed_by(tool: str) -> Callable[[bytes], bytes]:
    def pack(data: bytes) -> bytes:
        need(tool)
        return subprocess.run([tool, "-c"], input=data, capture_output=True, check=True).stdout

    return pack


PACKED: dict[str, Callable[[bytes], bytes]] = {
    "memory.raw.xz": lzma.compress,
    "memory.raw.lzma": lambda data: lzma.compress(data, lzma.FORMAT_ALONE),
    "memory.raw.bz2": bz2.compress,
    "memory.raw.lz4": packed_by("lz4"),
    "memory.raw.lzo": packed_by("lzop"),
    "memory.raw.lz": packed_by("lzip"),
    "memory.zip": zipped,
    "memory.tar": tar,
}


@pytest.mark.parametrize("name", [*PACKED, *(f"plain {name.rpartition('.')[2]}" for name in PACKED)])
def test_the_command_that_is_named_unpacks_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.chdir(tmp_path)
    pack = PACKED.get(name) or next(one for key, one in PACKED.items() if key.endswith(f".{name.removeprefix('plain ')}"))
    write(tmp_path / name, pack(MEMORY))
    command = re.search("`(.*)` unpacks it", refusal(name))
    assert command
    need(shlex.split(command[1])[0])
    subprocess.run(command[1], shell=True, check=True, capture_output=True)
    made = [path for path in tmp_path.iterdir() if path.name != name]
    assert [path.read_bytes() for path in made] == [MEMORY]


@pytest.mark.parametrize(
    ("form", "words"), [("qcow2", "a qcow2"), ("vmdk", "a VMware"), ("vdi", "a VirtualBox"), ("vhdx", "a Hyper-V"), ("vpc", "a Hyper-V")]
)
def test_disks_of_qemu_are_refused(tmp_path: Path, form: str, words: str) -> None:
    need("qemu-img")
    for options in ([], ["-o", "subformat=fixed,force_size=on"]) if form == "vpc" else ([],):
        path = str(tmp_path / "disk")
        subprocess.run(["qemu-img", "create", "-q", "-f", form, *options, path, "4M"], check=True)
        assert refusal(path).startswith(f"{words} disk image, not memory")


def test_a_base_is_refused_for_what_has_addresses(tmp_path: Path) -> None:
    path = write(tmp_path / "core", elf([(0, 0x1000, MEMORY)]))
    with pytest.raises(UsageError, match="core: has addresses of its own; --base is only for raw images"):
        open_memory(path, 0x1000)
