"""VMware's .vmem with its .vmss or .vmsn, and memory within one; without either, addresses above 3 GiB are not invented."""

from __future__ import annotations

import shutil
from contextlib import closing
from pathlib import Path

import pytest

from hvrepl.errors import FileError
from hvrepl.readers.images.formats import open_memory, read_at
from tests.fuzz import amount, sampled
from tests.images import vmware
from tests.images.core import PAGE, write
from tests.images.source import is_part, pages_in, pokes, read_all
from tests.images.vmware import block, regions, state, tag
from tests.paths import DATA

A, B, C, D = (bytes([number]) * PAGE for number in (1, 2, 3, 4))
HIGH = 1 << 32
WITH_HOLE = regions([(0, 0, 2), (HIGH // PAGE, 2, 2)])
TRUTH = {0: A, PAGE: B, HIGH: C, HIGH + PAGE: D}
CPU = block("gpregs", bytes(100), 0, padding=3) + tag("rip", 0x1000, 0, width=8)


def all_of(path: str) -> tuple[dict[int, bytes], str]:
    with closing(open_memory(path)) as memory:
        return pages_in(memory)


def pages_of(path: str) -> dict[int, bytes]:
    found, said = all_of(path)
    assert not said
    return found


def guest(
    folder: Path, groups: dict[str, bytes], *, memory: bytes = A + B + C + D, end: str = ".vmss", magic: bytes = vmware.SUSPENDED
) -> str:
    write(folder / f"guest{end}", state(groups, magic))
    return write(folder / "guest.vmem", memory)


@pytest.mark.parametrize("end", [".vmss", ".vmsn"])
@pytest.mark.parametrize("magic", [vmware.SUSPENDED, vmware.RESTORED, vmware.PARTIAL])
def test_memory_is_where_its_state_says(tmp_path: Path, end: str, magic: bytes) -> None:
    path = guest(tmp_path, {"Checkpoint": b"", "cpu": CPU, "memory": tag("align_mask", 0xFFFF) + WITH_HOLE}, end=end, magic=magic)
    assert pages_of(path) == pages_of(path.replace(".vmem", end)) == TRUTH
    assert read_at(path, HIGH, 1) == b"\3"
    with pytest.raises(FileError, match=r"has nothing at 0x2000; it has 0x0-0x1fff, 0x100000000-0x100001fff$"):
        read_at(path, 0x2000, 1)


def test_states_that_others_wrote_are_read(tmp_path: Path) -> None:
    for name in ("hole.vmem", "hole.vmss"):
        shutil.copy(DATA / "images" / name, tmp_path)
    for name in ("hole.vmem", "hole.vmss"):
        assert read_at(str(tmp_path / name), HIGH, 4) == b"\x10\0\0\x80"


def test_a_state_without_regions_has_memory_from_0_on(tmp_path: Path) -> None:
    assert pages_of(guest(tmp_path, {"memory": tag("align_mask", 0xFFFF)})) == {0: A, PAGE: B, 2 * PAGE: C, 3 * PAGE: D}
    assert list(pages_of(guest(tmp_path, {"memory": b"", "Checkpoint": tag("Platform", 3)}))) == [
        (2 << 30) + at for at in (0, PAGE, 2 * PAGE, 3 * PAGE)
    ]


def test_regions_need_not_ascend(tmp_path: Path) -> None:
    path = guest(tmp_path, {"memory": regions([(HIGH // PAGE, 0, 1), (5, 1, 3)])})
    assert pages_of(path) == {HIGH: A, 5 * PAGE: B, 6 * PAGE: C, 7 * PAGE: D}
    with closing(open_memory(path)) as memory:
        assert [one.address for one in memory.ranges()] == [5 * PAGE, HIGH]


@pytest.mark.parametrize("magic", [vmware.SUSPENDED, vmware.OLD], ids=["64 bits", "32 bits"])
def test_memory_within_a_state_is_read(magic: bytes) -> None:
    inside = block("Memory", A + B + C + D, 0, 0, padding=123, magic=magic)
    assert read_all(state({"memory": WITH_HOLE + inside}, magic)) == (TRUTH, "")
    assert read_all(state({"memory": inside + WITH_HOLE}, magic), is_sized=False) == (TRUTH, "")
    assert read_all(state({"memory": inside}, magic))[0] == {0: A, PAGE: B, 2 * PAGE: C, 3 * PAGE: D}


def test_a_vmem_without_a_state_has_no_address_above_3_gib(tmp_path: Path) -> None:
    low, size = 3 << 30, 5 << 30
    path = tmp_path / "guest.vmem"
    with path.open("wb") as file:
        file.truncate(size)
        file.seek(low - PAGE)
        file.write(A + B)
    with closing(open_memory(str(path))) as memory:
        assert (memory.size, memory.facts.unplaced) == (size, low)
        assert [(one.address, one.end) for one in memory.ranges()] == [(0, low)]
        found = {address: bytes(piece) for address, piece, _ in memory.chunks() if any(piece)}
    assert any(address <= low < address + len(data) for address, data in found.items())
    with pytest.raises(FileError, match=r"it has 0x0-0xbfffffff; it lacks the addresses above 3 GiB; put its \.vmss or "):
        read_at(str(path), low, 1)
    with closing(open_memory(str(path), base=0)) as memory:  # the user knows better where it begins
        assert memory.facts.unplaced is None
        assert memory.read(low, 1) == b"\2"


def test_a_small_vmem_needs_no_state(tmp_path: Path) -> None:
    path = write(tmp_path / "guest.VMEM", A + B[:5])
    with closing(open_memory(path)) as memory:
        assert (memory.facts.missing, memory.facts.unplaced) == ("", None)
        with pytest.raises(FileError, match="ends in the middle of a page; its last 5 bytes are not searched"):
            list(memory.chunks())


def test_a_truncated_vmem_gives_what_is_there_and_says_so(tmp_path: Path) -> None:
    whole = A + B + C + D
    for size in range(1, len(whole), 500):
        path = guest(tmp_path, {"memory": WITH_HOLE}, memory=whole[:size])
        found, said = all_of(path)
        assert said == f"is truncated: {len(whole) - size} bytes of the memory in it are missing"
        assert is_part(found, TRUTH)
        assert sum(map(len, found.values())) == size


STATE = state({"cpu": CPU, "memory": WITH_HOLE})


def test_a_truncated_state_says_so_wherever_it_ends(tmp_path: Path) -> None:
    path = write(tmp_path / "guest.vmem", A + B + C + D)
    for size in range(4, len(STATE)):
        write(tmp_path / "guest.vmss", STATE[:size])
        for name in (path, path.replace(".vmem", ".vmss")):
            with pytest.raises(FileError, match=r"guest.vmss: a saved state of VMware that ends before it says where its memory is$"):
                open_memory(name)


def test_memory_within_a_state_that_is_truncated_is_read_as_far_as_it_goes() -> None:
    data = state({"memory": WITH_HOLE + block("Memory", A + B + C + D, 0, 0)})
    start = len(data) - 4 * PAGE - 2
    for size in range(4, len(data), 97):
        found, said = read_all(data[:size])
        assert said
        assert is_part(found, {} if size < start else TRUTH if size > start else {})
        if size > start:
            assert said == f"is truncated: {start + 4 * PAGE - size} bytes of the memory in it are missing"


@sampled
def test_a_damaged_state_is_a_line_or_memory_and_never_more() -> None:
    data = state({"memory": WITH_HOLE + block("Memory", A + B + C + D, 0, 0)})
    for width in (1, 4, 8):
        for _, poked in pokes(data, range(4, len(data) - 4 * PAGE - 2, amount(3, 1)), width):
            found, _ = read_all(poked)
            assert sum(map(len, found.values())) <= len(data)


REFUSED = {
    "no memory": (state({"cpu": CPU}), "a saved state of VMware that says nothing about memory"),
    "no vmem": (STATE, "a saved state of VMware; the memory belongs in image.vmem next to it, which is missing"),
    "packed": (state({"memory": block("Memory", A, 0, 0, size=62)}), "a saved state of VMware with compressed memory, which is not read"),
    "half a region": (
        state({"memory": tag("regionsCount", 1) + tag("regionPPN", 0, 0)}),
        "a saved state of VMware with a damaged header: region 0 of 1",
    ),
    "regions at the same addresses": (
        state({"memory": regions([(0, 0, 2), (1, 2, 2)])}),
        "a saved state of VMware with a damaged header: its regions of memory overlap",
    ),
    "regions at the same place": (
        state({"memory": regions([(0, 0, 2), (4, 1, 2)])}),
        "a saved state of VMware with a damaged header: its regions of memory overlap",
    ),
    "many regions": (
        state({"memory": tag("regionsCount", 1 << 31)}),
        "a saved state of VMware with a damaged header: 2147483648 regions of memory",
    ),
    "many groups": (vmware.SUSPENDED + b"\xff" * 100, "a saved state of VMware with a damaged header: 4294967295 groups"),
    "tags without end": (
        state({"memory": b"\0\1x" * (1 << 19)}),
        "a saved state of VMware with a damaged header: more than 131072 tags in a group",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_state_that_cannot_be_read_says_why(name: str) -> None:
    data, reason = REFUSED[name]
    assert read_all(data) == ({}, reason)
