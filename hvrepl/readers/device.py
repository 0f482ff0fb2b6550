"""MSRs and CPUID leaves of this machine, or of a saved tree. Only reads; each failure says why, and what would help."""

from __future__ import annotations

import errno
import os
import platform
import re
import stat
import struct
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path

from hvrepl.catalog.model import Space
from hvrepl.catalog.parse_specs import CPUID_REGISTERS
from hvrepl.digits import to_int
from hvrepl.errors import FileError
from hvrepl.patterns import regex
from hvrepl.readers.cpuid import LeafLine, Leaves, read_file
from hvrepl.record import field, mutable

DEV = Path("/dev")
MSR_SIZE = 8
CPU = regex("0|[1-9][0-9]{0,5}")  # the name of its folder
LARGEST_TEXT = 1 << 20  # bytes of one CPU's saved file
LINE = regex(r"(?:0x)?([0-9a-f]{1,8})\s*[\s:=]\s*(?:0x)?(\w+)", re.IGNORECASE | re.ASCII)
MODULES = {"msr": "`modprobe msr` as root loads its module", "cpuid": "`modprobe cpuid` as root loads its module"}


class RefusedError(FileError):
    """One unreadable register. `code` is the name of the error: EIO if the hypervisor refuses it."""

    def __init__(self, code: str) -> None:
        super().__init__(REFUSALS.get(code, code))
        self.code = code


REFUSALS = {"EIO": "refused (EIO)", "ENXIO": "the CPU is offline (ENXIO)", "ENODATA": "not in the saved tree"}


@mutable
class Device:
    """An open character device; offsets in it are register or leaf numbers."""

    descriptor: int
    pread: Callable[[int, int, int], bytes]

    def read(self, offset: int, size: int) -> bytes:
        try:
            data = self.pread(self.descriptor, size, offset)
        except OSError as error:
            raise RefusedError(errno.errorcode.get(error.errno or 0, str(error))) from None
        if len(data) != size:
            raise RefusedError("EIO")
        return data

    def msr(self, number: int) -> int:
        return int.from_bytes(self.read(number, MSR_SIZE), "little")

    def leaf(self, leaf: int) -> tuple[int, ...]:
        return struct.unpack("<4I", self.read(leaf, 16))

    def close(self) -> None:
        os.close(self.descriptor)


@mutable
class Saved:
    """MSRs in a text file: each has a number, or the name of the error that reading it gave."""

    values: Mapping[int, int | str]

    def msr(self, number: int) -> int:
        value = self.values.get(number, "ENODATA")
        if isinstance(value, str):
            raise RefusedError(value)
        return value

    def close(self) -> None:
        pass


@mutable
class Devices:
    """The files cpu/N/msr and cpu/N/cpuid below `root`. The functions that open and read them can be replaced."""

    root: Path
    pread: Callable[[int, int, int], bytes] | None = None
    opener: Callable[[Path, int], int] = os.open
    failures: dict[int, str] = field(default_factory=dict)

    @property
    def folder(self) -> Path:
        folders = [self.root / "cpu", self.root / "dev" / "cpu"]
        return next((folder for folder in folders if folder.is_dir()), folders[0])

    def cpus(self, kind: str) -> list[int]:
        """The numbers of the CPUs that have a file msr or cpuid. FileError, with the reason, if there are none."""
        with suppress(OSError):
            names = (path.name for path in self.folder.iterdir() if (path / kind).exists())
            numbers = sorted(to_int(name) for name in names if CPU.fullmatch(name))
            if numbers:
                return numbers
        raise FileError(f"no {self.folder}/*/{kind}" + self._why_none(kind))

    def _why_none(self, kind: str) -> str:
        if self.root != DEV:
            return "; a saved tree has cpu/N/msr and cpu/N/cpuid"
        machine = platform.machine()
        if machine.lower() in ("aarch64", "arm64"):
            return f": this machine is {machine}, which has {NOT_ON_ARM[kind]}"
        return f"; {MODULES[kind]}" if platform.system() == "Linux" else f": {platform.system()} has no such devices"

    def open(self, cpu: int, kind: str) -> Device | None:
        """The device of a CPU; None for a text file, as in a saved tree. FileError, with the reason, if it cannot be opened."""
        path = self.folder / str(cpu) / kind
        try:
            if not stat.S_ISCHR(path.stat().st_mode):
                return None
            return Device(self.opener(path, os.O_RDONLY), self.pread or os.pread)
        except OSError as error:
            raise FileError(f"{path}: {explain(error)}") from None

    def open_msrs(self) -> dict[int, Device | Saved]:
        """The MSRs of each CPU that can be opened; `failures` says why others cannot. FileError if none can."""
        found: dict[int, Device | Saved] = {}
        for cpu in self.cpus("msr"):
            try:
                device = self.open(cpu, "msr")
                found[cpu] = device or read_saved(self.folder / str(cpu) / "msr")
            except FileError as error:
                self.failures[cpu] = str(error)
        if not found:
            raise FileError(next(iter(self.failures.values())))
        return found

    def read_cpuids(self, numbers: Iterable[int], space: Space) -> list[Leaves]:
        """The hypervisor leaves of each CPU, including those of `numbers` after the largest leaf. FileError if none can be read."""
        known = sorted(numbers)
        return [self.read_cpuid(cpu, known, space) for cpu in self.cpus("cpuid")]

    def read_cpuid(self, cpu: int, numbers: Iterable[int], space: Space) -> Leaves:
        device = self.open(cpu, "cpuid")
        if device is None:
            path = self.folder / str(cpu) / "cpuid"
            return read_file(read_text(path), str(path), space)[0].cpus[0]
        try:
            found = dict(find_leaves(device, numbers, space.interfaces))
        except RefusedError as error:
            raise FileError(f"{self.folder}/{cpu}/cpuid: {error}") from None
        finally:
            device.close()
        return {(leaf, 0): LeafLine(leaf, 0, dict(zip(CPUID_REGISTERS, values, strict=True)), cpu, 0, 0) for leaf, values in found.items()}


NOT_ON_ARM = {"msr": "no MSRs: its VP registers are read by hypercalls, which only a kernel can make", "cpuid": "no CPUID"}


def find_leaves(device: Device, numbers: Iterable[int], interfaces: range) -> Iterator[tuple[int, tuple[int, ...]]]:
    """(leaf, registers) for each leaf of each hypervisor interface."""
    for base in interfaces:
        top, end = device.leaf(base)[0], base + interfaces.step
        if base <= top < end:
            yield from ((leaf, device.leaf(leaf)) for leaf in range(base, top + 1))
            nothing = device.leaf(end - 1)  # the answer for a missing leaf: zeros, or the last basic leaf
            beyond = ((leaf, device.leaf(leaf)) for leaf in numbers if top < leaf < end)
            yield from ((leaf, values) for leaf, values in beyond if values != nothing and any(values))


def explain(error: OSError) -> str:
    """Why a device cannot be opened, and what would help."""
    if error.errno == errno.EACCES:
        return "permission denied: only root may read it"
    if error.errno == errno.EPERM:
        return "not permitted: CAP_SYS_RAWIO is missing, as in a container, or the kernel is locked down"
    if error.errno in (errno.ENXIO, errno.ENODEV):
        return "the CPU is offline"
    if error.errno == errno.EIO:
        return "this CPU has no MSRs"
    return error.strerror or str(error)


def read_saved(path: Path) -> Saved:
    """Lines of `NUMBER VALUE`, both in hex as rdmsr prints them, or `NUMBER EIO`; # begins a comment."""
    values: dict[int, int | str] = {}
    for number, line in enumerate(read_text(path).decode("utf-8", "replace").splitlines(), 1):
        text = line.partition("#")[0].strip()
        if not text:
            continue
        match = LINE.fullmatch(text)
        value = to_value(match[2]) if match else None
        if match is None or value is None:
            raise FileError(f"{path}:{number}: {text[:40]!r} is not NUMBER VALUE, both in hex, nor NUMBER EIO")
        values[int(match[1], 16)] = value
    return Saved(values)


def to_value(text: str) -> int | str | None:
    if text in errno.errorcode.values():
        return text
    return int(text, 16) if re.fullmatch("[0-9a-fA-F]{1,16}", text) else None


def read_text(path: Path) -> bytes:
    """A file of a saved tree. FileError unless it is a small regular file."""
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise FileError(f"{path}: not a regular file")
        with path.open("rb") as file:
            data = file.read(LARGEST_TEXT + 1)
    except OSError as error:
        raise FileError(f"{path}: {error.strerror}") from None
    if len(data) > LARGEST_TEXT:
        raise FileError(f"{path}: larger than {LARGEST_TEXT >> 20} MiB")
    return data


def read_cpuid_tool(space: Space) -> list[Leaves]:
    """The output of Debian's tool cpuid for this machine. FileError if it is missing or fails."""
    import shutil
    import subprocess

    tool = shutil.which("cpuid")
    if tool is None:
        raise FileError("the tool cpuid is not installed")
    done = subprocess.run([tool, "-r"], capture_output=True, check=False)
    if done.returncode:
        raise FileError(f"{tool} -r: {done.stderr.decode('utf-8', 'replace').strip()[:200]}")
    return [leaves for dump in read_file(done.stdout, f"{tool} -r", space) for leaves in dump.cpus]
