"""Recognises files without memory, or with memory in an unreadable form, by their first bytes, and says how to make them readable.

Rows are for files that could be taken for an image of memory, and for anything that packs or encrypts one. Memory never begins like one of
them: a raw image can begin with anything, most often with zeros or real-mode interrupt vectors, so a mark has at least four bytes, or
fewer together with a suffix. Documents, pictures and programs have no rows: a scan searches them quickly and in vain, and memory that
begins at a page of such a file is still memory.
"""

from __future__ import annotations

import os
from contextlib import closing

from hvrepl.errors import FileError
from hvrepl.readers.images.source import Source, open_source, read
from hvrepl.readers.images.unpacked import plain_name
from hvrepl.record import field, record

FOOTER = 512  # bytes at the end of a fixed VHD
# Offsets in the footer of a VHD (Microsoft's Virtual Hard Disk Image Format Specification): the offset of data, which a fixed one does not
# have, and the size of the disk.
VHD_DATA, VHD_SIZE = slice(16, 24), slice(48, 56)
RUNNING = "writes the memory of a running guest"


@record
class Refused:
    """`marks`: offset → the bytes there. `suffix`: the end of its name, as a further condition or the only one. {path} in `helps` becomes
    the file's quoted name.

    `tool` unpacks it with -dk to a file next to it if its name ends with `suffix_of`, otherwise with -dc.
    """

    what: str
    helps: str = ""
    marks: dict[int, bytes] = field(default_factory=dict)
    suffix: str = ""
    tool: str = ""
    suffix_of: str = ""

    def fits(self, source: Source, start: bytes) -> bool:
        if self.suffix and not plain_name(source).lower().endswith(self.suffix):
            return False
        return all(has_at(source, start, at, magic) for at, magic in self.marks.items())

    def say(self, path: str) -> str:
        """Its description, and what helps: commands that can be typed as they are."""
        from shlex import quote

        name = quote(path)
        if self.tool and path.lower().endswith(self.suffix_of):
            return f"{self.what}; `{self.tool} -dk {name}` unpacks it"
        if self.tool:
            return f"{self.what}; `{self.tool} -dc {name} > {quote(f'{path}.out')}` unpacks it"
        return "; ".join(filter(None, (self.what, self.helps.replace("{path}", name))))


def has_at(source: Source, start: bytes, offset: int, magic: bytes) -> bool:
    """Whether bytes are at an offset; of a stream only the beginning is compared, as it would have to be read twice."""
    end = offset + len(magic)
    if end <= len(start) or source.size is None:
        return start[offset:end] == magic
    return read(source, offset, len(magic)) == magic


def disk(of: str, helps: str, marks: dict[int, bytes]) -> Refused:
    return Refused(f"{of} disk image, not memory", helps, marks)


# virsh(1); QEMU's docs/system/monitor; VMware's vmrun; Microsoft's Hyper-V module; VirtualBox's manual; xl(1).
OF_QEMU = f"`virsh dump --memory-only GUEST FILE`, or `dump-guest-memory FILE` in QEMU's monitor, {RUNNING}"
OF_VMWARE = "`vmrun suspend GUEST.vmx` writes the guest's memory into a .vmem file"
OF_HYPER_V = "`Save-VM GUEST` writes the guest's memory into a .vmrs file"
OF_VIRTUALBOX = f"`VBoxManage debugvm GUEST dumpvmcore --filename FILE` {RUNNING}"
OF_ANY = "take an image of the memory of the running machine"
CRASH_IT = "start the guest, and `Debug-VM GUEST -InjectNonMaskableInterrupt -Force` makes it write a dump, if it is set up for that"
ZIP = {0: b"PK\3\4"}
VHD = disk("a Hyper-V", OF_HYPER_V, {0: b"conectix"})

REFUSED = (
    # Disks. QEMU: block/qcow2.h, block/qed.h, block/vmdk.c, block/vdi.c, block/vhdx.h; VMDK also its descriptor, which is text.
    disk("a qcow2", OF_QEMU, {0: b"QFI\xfb"}),
    disk("a QED", OF_QEMU, {0: b"QED\0"}),
    disk("a VMware", OF_VMWARE, {0: b"KDMV"}),
    disk("a VMware", OF_VMWARE, {0: b"COWD"}),
    disk("a VMware", OF_VMWARE, {0: b"\xbe\xba\xfe\xca\0\0\0\0"}),
    disk("a VMware", OF_VMWARE, {0: b"# Disk DescriptorFile"}),
    disk("a Hyper-V", OF_HYPER_V, {0: b"vhdxfile"}),
    VHD,
    disk("a VirtualBox", OF_VIRTUALBOX, {0: b"<<< ", 64: b"\x7f\x10\xda\xbe"}),
    disk("a raw", OF_ANY, {510: b"\x55\xaa", 512: b"EFI PART\0\0\1\0"}),  # UEFI's GPT; one with an MBR alone looks like memory
    disk("a CD or DVD", OF_ANY, {32768: b"\1CD001\1"}),
    Refused(  # pve-qemu's vma_spec.txt
        "a Proxmox backup of disks, not memory",
        f"`dump-guest-memory FILE` in `qm monitor VMID` {RUNNING}",
        {0: b"VMA\0\0\0\0\1"},
    ),
    # Hyper-V. OpenVMM: vm/vmgs/vmgs_format.
    Refused("a guest state file of Hyper-V (firmware variables and the TPM), not memory", OF_HYPER_V, {0: b"GUESTRTS"}),
    Refused("a saved state of Hyper-V before Windows Server 2016, which is not read", CRASH_IT, suffix=".vsv"),
    # Windows. PO_MEMORY_IMAGE of its symbols: once it has resumed, the header of the file is zeroed.
    *(
        Refused(
            "a Windows hibernation file, whose pages are compressed",
            "`Hibr2Bin /PLATFORM X64 /MAJOR 10 /MINOR 0 /INPUT {path} /OUTPUT memory.raw` unpacks one of Windows 10 or later",
            {0: magic} if magic else {},
            "" if magic else "hiberfil.sys",
        )
        for magic in (b"HIBR", b"hibr", b"WAKE", b"wake", b"RSTR", b"rstr", b"")
    ),
    Refused(  # DUMP_HEADER32
        "the MEMORY.DMP of a 32-bit Windows, which is not read",
        "`!db ADDRESS L1000` in WinDbg prints a page of it",
        {0: b"PAGEDUMP"},
    ),
    Refused(  # MINIDUMP_HEADER of minidumpapiset.h
        "a minidump of a Windows process, not the memory of a machine",
        r"after `reg add HKLM\SYSTEM\CurrentControlSet\Control\CrashControl /v CrashDumpEnabled /t REG_DWORD /d 1 /f` "
        "the next crash writes all of it",
        {0: b"MDMP"},
    ),
    # Saved guests. libvirt: src/qemu/qemu_saveimage.h and libxl's; QEMU: migration/qemu-file.h; Xen: tools/xl/xl.h; VirtualBox: SSM.cpp.
    Refused(
        "a guest that libvirt saved, which is not read",
        "`virsh restore --paused {path}` starts it, and `virsh dump --memory-only GUEST FILE` then writes its memory",
        {0: b"LibvirtQemudSave"},
    ),
    Refused("a save by libvirt that was not finished", f"`virsh dump --memory-only GUEST FILE` {RUNNING}", {0: b"LibvirtQemudPart"}),
    Refused(
        "a guest that libvirt saved, which is not read",
        "`virsh restore --paused {path}` starts it, and `xl dump-core GUEST FILE` then writes its memory",
        {0: b"libvirt-xml\n \0 \r"},
    ),
    Refused(
        "a migration stream of QEMU, as `virsh dump` writes without --memory-only",
        'start QEMU with the guest\'s options and `-incoming "exec:cat {path}"`; `dump-guest-memory FILE` in its monitor writes the memory',
        {0: b"QEVM"},
    ),
    Refused(
        "a guest that Xen saved, which is not read",
        "`xl restore -p {path}` starts it, and `xl dump-core GUEST FILE` then writes its memory",
        {0: b"Xen saved domain, xl format\n \0 \r"},
    ),
    Refused("a guest that VirtualBox saved, which is not read", f"start it, and {OF_VIRTUALBOX}", {0: b"\x7fVirtualBox SavedState V"}),
    # Dumps of other systems. makedumpfile: sadump_mod.h; FreeBSD: minidump.h of each machine; crash: lkcd_dump_v8.h, s390_dump.c.
    Refused("a dump by sadump, which is not read", "`makedumpfile -x VMLINUX {path} FILE` makes a vmcore of it", {0: b"sadump\0\0"}),
    Refused(
        "a FreeBSD minidump, which is not read",
        "after `sysctl debug.minidump=0` the next crash writes all of the memory",
        {0: b"minidump FreeBSD/"},
    ),
    Refused("an old diskdump, which is not read", "`rd -p ADDRESS 512` in crash prints a page of it", {0: b"DISKDUMP"}),
    Refused(
        "an LKCD dump, which is not read", "`rd -p ADDRESS 512` in crash prints a page of it", {0: b"\xed\x23\x8f\x61\x73\x01\x19\xa8"}
    ),
    Refused("the memory of an s390 machine, on which Hyper-V does not run", "", {0: b"\xa8\x19\x01\x73\x61\x8f\x23\xfd"}),
    # Images of forensics. libewf's format documents; AFF4 is a zip file.
    *(
        Refused("an EnCase image, which is not read", "`ewfexport -u -f raw -t {path}.out {path}` unpacks it", {0: magic})
        for magic in (b"EVF\x09\x0d\x0a\xff\0", b"EVF2\r\n\x81\0")
    ),
    Refused("an AFF4 image, which is not read", "`winpmem_mini_x64.exe memory.raw` takes a raw one instead", ZIP, ".aff4"),
    # Archives, and streams that are packed; gzip and zstd are read.
    *(Refused("a zip archive", "`unzip {path}` unpacks it", marks) for marks in (ZIP, {0: b"PK\7\x08PK\3\4"})),
    Refused("a 7-Zip archive", "`7z x {path}` unpacks it", {0: b"7z\xbc\xaf\x27\x1c"}),
    Refused("a RAR archive", "`unrar x {path}` unpacks it", {0: b"Rar!\x1a\x07"}),
    Refused("a Windows cabinet", "`7z x {path}` unpacks it", {0: b"MSCF\0\0\0\0"}),
    Refused("a tar archive", "`tar -xf {path}` unpacks it", {257: b"ustar"}),
    Refused("packed with xz", marks={0: b"\xfd7zXZ\0"}, tool="xz", suffix_of=".xz"),
    Refused("packed with lzma", marks={0: b"\x5d\0\0", 5: b"\xff" * 8}, tool="xz", suffix_of=".lzma"),
    Refused("packed with bzip2", marks={0: b"BZh", 4: b"\x31\x41\x59\x26\x53\x59"}, tool="bzip2", suffix_of=".bz2"),
    *(  # without -m it writes to stdout unless that is a terminal
        Refused("packed with lz4", marks={0: magic}, tool="lz4 -m", suffix_of=".lz4")
        for magic in (b"\x04\x22\x4d\x18", b"\x02\x21\x4c\x18")
    ),
    Refused("packed with lzip", marks={0: b"LZIP\1"}, tool="lzip", suffix_of=".lz"),
    Refused("packed with lzop", marks={0: b"\x89LZO\0\x0d\x0a\x1a\x0a"}, tool="lzop", suffix_of=".lzo"),
    Refused("packed with compress", marks={0: b"\x1f\x9d"}, suffix=".z", tool="gzip", suffix_of=".z"),
    Refused("packed with lrzip", "`lrzip -d {path}` unpacks it", {0: b"LRZI"}),
    Refused("packed with snappy", "`python3 -m snappy -d {path} memory.raw` unpacks it", {0: b"\xff\x06\0\0sNaPpY"}),
    # What is encrypted. cryptsetup's LUKS formats; openssl-enc(1).
    Refused("an encrypted volume (LUKS)", "`cryptsetup open {path} NAME` makes it /dev/mapper/NAME", {0: b"LUKS\xba\xbe"}),
    Refused(
        "encrypted by openssl",
        "`openssl enc -d -in {path} -out memory.raw`, with the cipher and the options it was made with, decrypts it",
        {0: b"Salted__"},
    ),
)
LONGEST = 576  # bytes of the beginning, which contain nearly all marks


def find_refused(source: Source) -> Refused | None:
    """The row of an unreadable file; None for a file that may be memory."""
    start = read(source, 0, LONGEST)
    found = next((one for one in REFUSED if one.fits(source, start)), None)
    if found:
        return found
    if is_saved_bin(plain_name(source)):
        return Refused("a part of a saved state of Hyper-V before Windows Server 2016, which is not read", CRASH_IT)
    return VHD if is_fixed_vhd(source) else None


def say_refused(path: str) -> str:
    """The description of an unreadable file and what helps; "" for any other, and for one that cannot be opened."""
    try:
        with closing(open_source(path)) as source:
            found = find_refused(source)
    except FileError:
        return ""
    return found.say(path) if found else ""


def is_saved_bin(path: str) -> bool:
    """Whether it is a .bin next to a .vsv, which together are a saved state; otherwise a .bin can be anything."""
    stem, suffix = os.path.splitext(path)
    return suffix.lower() == ".bin" and any(os.path.exists(stem + one) for one in (".vsv", ".VSV"))


def is_fixed_vhd(source: Source) -> bool:
    """Whether it is a disk with the footer of a VHD; the bytes before the footer are the same as in a raw disk."""
    size = source.size
    if size is None or size % FOOTER or size <= FOOTER:
        return False
    footer = read(source, size - FOOTER, FOOTER)
    is_whole = int.from_bytes(footer[VHD_SIZE], "big") == size - FOOTER
    return footer.startswith(b"conectix") and footer[VHD_DATA] == b"\xff" * 8 and is_whole
