"""MSRs and CPUID leaves through devices and from a saved tree, and every reason why they cannot be read."""

from __future__ import annotations

import errno
import os
import struct
from pathlib import Path

import pytest

from hvrepl.catalog.opening import open_index
from hvrepl.errors import FileError
from hvrepl.readers import device as read_device
from hvrepl.readers.device import DEV, Devices, RefusedError, read_cpuid_tool
from tests.paths import DATA

CPUID = open_index().spaces["cpuid"]
TREE = DATA / "dev"
SINT2 = 0x40000092


def tree_of_devices(folder: Path, kind: str, cpus: int = 2) -> Path:
    """cpu/N/KIND as character devices, which a test reads through a function of its own."""
    for cpu in range(cpus):
        (folder / "cpu" / str(cpu)).mkdir(parents=True)
        (folder / "cpu" / str(cpu) / kind).symlink_to("/dev/null")
    return folder


def test_a_register_is_read_at_its_number_in_eight_bytes(tmp_path: Path) -> None:
    asked = []

    def pread(_: int, size: int, offset: int) -> bytes:
        asked.append((size, offset))
        return (0x200F3).to_bytes(8, "little")

    cpus = Devices(tree_of_devices(tmp_path, "msr"), pread).open_msrs()
    assert [device.msr(SINT2) for device in cpus.values()] == [0x200F3] * 2
    assert asked == [(8, SINT2)] * 2
    for device in cpus.values():
        device.close()


@pytest.mark.parametrize(("number", "code"), [(errno.EIO, "EIO"), (errno.ENXIO, "ENXIO"), (errno.EPERM, "EPERM")])
def test_a_register_that_is_refused_says_with_which_error(tmp_path: Path, number: int, code: str) -> None:
    def pread(*_: int) -> bytes:
        raise OSError(number, os.strerror(number))

    cpus = Devices(tree_of_devices(tmp_path, "msr", 1), pread).open_msrs()
    with pytest.raises(RefusedError) as error:
        cpus[0].msr(SINT2)
    assert error.value.code == code
    cpus[0].close()


def test_a_device_that_gives_fewer_bytes_refuses(tmp_path: Path) -> None:
    cpus = Devices(tree_of_devices(tmp_path, "msr", 1)).open_msrs()  # /dev/null has none
    with pytest.raises(RefusedError, match="refused"):
        cpus[0].msr(SINT2)
    cpus[0].close()


REASONS = {
    errno.EACCES: "permission denied: only root may read it",
    errno.EPERM: "not permitted: CAP_SYS_RAWIO is missing, as in a container, or the kernel is locked down",
    errno.ENXIO: "the CPU is offline",
    errno.EIO: "this CPU has no MSRs",
    errno.EMFILE: "Too many open files",
}


@pytest.mark.parametrize(
    ("number", "reason"), REASONS.items(), ids=lambda value: errno.errorcode.get(value, "") if isinstance(value, int) else ""
)
def test_a_device_that_cannot_be_opened_is_explained(tmp_path: Path, number: int, reason: str) -> None:
    def opener(path: Path, _: int) -> int:
        raise OSError(number, os.strerror(number), str(path))

    folder = tree_of_devices(tmp_path, "msr")
    with pytest.raises(FileError) as error:
        Devices(folder, opener=opener).open_msrs()
    assert str(error.value) == f"{folder}/cpu/0/msr: {reason}"
    assert error.value.status == 4


def test_a_cpu_that_is_offline_does_not_keep_the_others_from_being_read(tmp_path: Path) -> None:
    def opener(path: Path, flags: int) -> int:
        if path.parts[-2] == "1":
            raise OSError(errno.ENXIO, "")
        return os.open(path, flags)

    devices = Devices(tree_of_devices(tmp_path, "msr", 3), opener=opener)
    cpus = devices.open_msrs()
    assert (list(cpus), list(devices.failures)) == ([0, 2], [1])
    for device in cpus.values():
        device.close()


WHY_NONE = {
    "module": ("Linux", "x86_64", "no /dev/cpu/*/msr; `modprobe msr` as root loads its module"),
    "arm64": (
        "Linux",
        "aarch64",
        "this machine is aarch64, which has no MSRs: its VP registers are read by hypercalls, which only a kernel can make",
    ),
    "windows": ("Windows", "AMD64", "Windows has no such devices"),
}


@pytest.mark.parametrize(("system", "machine", "reason"), WHY_NONE.values(), ids=WHY_NONE)
def test_the_lack_of_devices_is_explained(monkeypatch: pytest.MonkeyPatch, system: str, machine: str, reason: str) -> None:
    monkeypatch.setattr("platform.system", lambda: system)
    monkeypatch.setattr("platform.machine", lambda: machine)
    monkeypatch.setattr(Devices, "folder", Path("/dev/cpu/none"))
    with pytest.raises(FileError) as error:
        Devices(DEV).open_msrs()
    assert reason.partition("; ")[2] in str(error.value)
    assert reason in str(error.value).replace("/dev/cpu/none", "/dev/cpu")


def test_a_folder_that_is_not_a_saved_tree_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileError, match=r"no .*/cpu/\*/msr; a saved tree has cpu/N/msr and cpu/N/cpuid"):
        Devices(tmp_path).open_msrs()


def test_a_saved_tree_can_have_dev_above_it(tmp_path: Path) -> None:
    (tmp_path / "dev").symlink_to(TREE)
    assert list(Devices(tmp_path).open_msrs()) == [0, 1, 2, 3]


SAVED = {
    "rdmsr": "0x40000092 200f3",
    "no_prefix": "40000092 200F3",
    "padded": "0x40000092 0x00000000000200f3",
    "equals": "0x40000092=0x200f3",
    "colon": "0x40000092: 200f3 # as it was at noon",
}


@pytest.mark.parametrize("line", SAVED.values(), ids=SAVED)
def test_a_saved_register_is_read_as_hex(tmp_path: Path, line: str) -> None:
    (tmp_path / "cpu/0").mkdir(parents=True)
    (tmp_path / "cpu/0/msr").write_text(f"# saved\n\n{line}\n0x40000003 EIO\n")
    cpu = Devices(tmp_path).open_msrs()[0]
    assert cpu.msr(SINT2) == 0x200F3
    for number, code in ((0x40000003, "EIO"), (0x40000004, "ENODATA")):
        with pytest.raises(RefusedError) as error:
            cpu.msr(number)
        assert error.value.code == code


@pytest.mark.parametrize("line", ["0x40000092", "0x40000092 zz", "0x40000092 1 2", "0x40000092 12345678901234567"])
def test_a_line_that_is_not_a_register_is_refused_with_its_place(tmp_path: Path, line: str) -> None:
    (tmp_path / "cpu/0").mkdir(parents=True)
    (tmp_path / "cpu/0/msr").write_text(f"# saved\n{line}\n")
    with pytest.raises(FileError) as error:
        Devices(tmp_path).open_msrs()
    assert str(error.value).startswith(f"{tmp_path}/cpu/0/msr:2: '{line}' is not NUMBER VALUE")


LEAVES = {
    0x40000000: (0x40000002, 0x7263694D, 0x666F736F, 0x76482074),
    0x40000001: (0x31237648, 0, 0, 0),
    0x40000002: (0x4A61, 0xA0000, 0, 0x2AD),
    0x40000080: (0x40000082, 1, 2, 3),
    0x40000100: (0x40000101, 0x4B4D564B, 0x564B4D56, 0x4D),
    0x40000101: (0x1007EFB, 0, 0, 0),
}


@pytest.mark.parametrize("nothing", [(0, 0, 0, 0), (7, 8, 9, 10)], ids=["zeros", "the_last_basic_leaf"])
def test_the_leaves_of_each_interface_are_read_and_what_is_not_there_is_not(tmp_path: Path, nothing: tuple[int, ...]) -> None:
    def pread(_: int, size: int, offset: int) -> bytes:
        assert size == 16
        return struct.pack("<4I", *LEAVES.get(offset, nothing))

    devices = Devices(tree_of_devices(tmp_path, "cpuid"), pread)
    found = devices.read_cpuids([0x40000003, 0x40000080, 0x40000100], CPUID)
    assert [{key[0]: tuple(one.registers.values()) for key, one in leaves.items()} for leaves in found] == [LEAVES, LEAVES]
    assert [next(iter(leaves.values())).cpu for leaves in found] == [0, 1]


def test_a_cpuid_device_that_fails_says_why(tmp_path: Path) -> None:
    folder = tree_of_devices(tmp_path, "cpuid", 1)
    with pytest.raises(FileError, match="cpu/0/cpuid: refused"):
        Devices(folder).read_cpuids([], CPUID)


def test_the_tool_is_asked_where_there_is_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tool = tmp_path / "cpuid"
    tool.write_text("#!/bin/sh\necho 'CPU 0:'\necho '   0x40000000 0x00: eax=0x1 ebx=0x2 ecx=0x3 edx=0x4'\n")
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin:/usr/bin")
    (leaves,) = read_cpuid_tool(CPUID)
    assert dict(leaves[0x40000000, 0].registers) == {"eax": 1, "ebx": 2, "ecx": 3, "edx": 4}
    tool.write_text("#!/bin/sh\necho 'no CPU here' >&2\nexit 1\n")
    with pytest.raises(FileError, match="cpuid -r: no CPU here"):
        read_cpuid_tool(CPUID)
    monkeypatch.setenv("PATH", str(tmp_path / "none"))
    with pytest.raises(FileError, match="the tool cpuid is not installed"):
        read_cpuid_tool(CPUID)


def test_nothing_here_can_write() -> None:
    source = Path(read_device.__file__).read_text()
    assert "O_RDONLY" in source
    assert not any(word in source for word in ("O_WRONLY", "O_RDWR", "pwrite", "write_bytes", "write_text"))
