"""CPUID dumps in every form that tools print, of one CPU or several; damage is reported."""

from __future__ import annotations

from functools import partial
from itertools import product
from time import perf_counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hvrepl.catalog.opening import open_index
from hvrepl.catalog.parse_specs import join_registers
from hvrepl.errors import UsageError
from hvrepl.readers import cpuid as read_cpuid
from hvrepl.readers.cpuid import FORMS, Leaves, find_leaves, to_text
from tests.each import each
from tests.paths import DATA

DATA = DATA / "cpuid"
CPUID = open_index().spaces["cpuid"]
read_dump = partial(read_cpuid.read_dump, space=CPUID)
read_file = partial(read_cpuid.read_file, space=CPUID)
REGISTERS = {"eax": 0x3FFF, "ebx": 0x2BB9FF, "ecx": 2, "edx": 0x10FFFBF2}

# Leaf 0x40000003 in each tool's form: form → line.
LINES = {
    "instlatx64": "CPUID 40000003: 00003FFF-002BB9FF-00000002-10FFFBF2",
    "instlatx64_with_subleaf": "CPUID 40000003:00 = 00003FFF-002BB9FF-00000002-10FFFBF2",
    "aida64": "CPUID 40000003: 00003FFF-002BB9FF-00000002-10FFFBF2 [SL 00]",
    "cpu_z": "CPUID 0x40000003\t0x00003FFF\t0x002BB9FF\t0x00000002\t0x10FFFBF2\tSL 0x00",
    "rjcp_xml": '<register eax="40000003" ecx="00000000">00003FFF,002BB9FF,00000002,10FFFBF2</register>',
    "debian": "   0x40000003 0x00: eax=0x00003fff ebx=0x002bb9ff ecx=0x00000002 edx=0x10fffbf2",
    "kcpuid": "0x40000003: EAX=0x00003fff, EBX=0x002bb9ff, ECX=0x00000002, EDX=0x10fffbf2",
    "illumos": "do_cpuid: cpuid leaf=0x40000003, eax=0x00003fff, ebx=0x002bb9ff, ecx=0x00000002 , edx=0x10fffbf2 ",
    "openvmm_probe": "leaf 0x40000003: left through IoPortAccess(0xe9) — eax=0x00003fff ebx=0x002bb9ff ecx=0x00000002 edx=0x10fffbf2",
    "x86info": "eax in: 0x40000003, eax = 00003fff ebx = 002bb9ff ecx = 00000002 edx = 10fffbf2",
    "libvirt": "<cpuid eax_in='0x40000003' ecx_in='0x00' eax='0x00003fff' ebx='0x002bb9ff' ecx='0x00000002' edx='0x10fffbf2'/>",
    "json": '{"leaf": "0x40000003", "subleaf": "0x0", "eax": "0x3fff", "ebx": "0x2bb9ff", "ecx": 2, "edx": 285211634}',
    "json_by_leaf": '"0x40000003": {"eax": 16383, "ebx": "0x2bb9ff", "ecx": 2, "edx": 285211634}',
    "xen": "  40000003:ffffffff -> 00003fff:002bb9ff:00000002:10fffbf2",
    "virtualbox": "00:00:01.234567 Gst: 40000003/0000  00003fff 002bb9ff 00000002 10fffbf2",
    "columns": "40000003 00003fff 002bb9ff 00000002 10fffbf2",
    "columns_padded_with_blanks": "  40000003      3fff   2bb9ff        2 10fffbf2",
    "columns_with_subleaf": "40000003 0     3fff   2bb9ff        2 10fffbf2",
    "behind_a_log_prefix": "[    0.1] foo: cpuid leaf 0x40000003 eax=3fff ebx=2bb9ff ecx=2 edx=10fffbf2",
}
CASES = {"as_it_is": str, "upper": lambda line: line.upper().replace("0X", "0x"), "lower": str.lower}


@each(product(LINES, CASES, ["", "\r"]))
def test_a_leaf_is_read_in_every_form(name: str, case: str, end: str) -> None:
    found = list(find_leaves(CASES[case](LINES[name]) + end))
    assert [(one.leaf, one.subleaf, dict(one.registers), one.remark) for one in found] == [(0x40000003, 0, REGISTERS, "")]


@pytest.mark.parametrize("line", LINES.values(), ids=LINES)
def test_the_place_of_a_leaf_is_told(line: str) -> None:
    (one,) = find_leaves(line)
    assert 0 <= one.start < one.end <= len(line)
    assert "40000003" in line[one.start : one.end]


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.example)
def test_every_form_has_a_line_here(form) -> None:  # type: ignore[no-untyped-def]
    assert any(form.pattern.search(line) for line in LINES.values())


@pytest.mark.parametrize("line", LINES.values(), ids=LINES)
def test_a_leaf_that_comes_again_is_another_cpu(line: str) -> None:
    dumps = read_dump(f"{line}\n{line}\r\n{line}\n")
    assert [[(one.cpu, dict(one.registers)) for one in leaves.values()] for leaves in dumps] == [[(cpu, REGISTERS)] for cpu in range(3)]


HEADINGS = {
    "debian": "CPU {}:",
    "aida64": "------[ Logical CPU #{} ]------",
    "x86info": "CPU #{}",
    "cpu_z": "CPU Thread {}",
    "xml": '<processor id="{}">',
}


@pytest.mark.parametrize("heading", HEADINGS.values(), ids=HEADINGS)
def test_a_heading_begins_another_cpu_and_numbers_it(heading: str) -> None:
    text = "\n".join(f"{heading.format(cpu)}\n{LINES['debian']}" for cpu in (4, 7))
    assert [next(iter(leaves.values())).cpu for leaves in read_dump(text)] == [4, 7]


PRINT = {
    "debian": "   0x{0:08x} 0x{1:02x}: eax=0x{2:08x} ebx=0x{3:08x} ecx=0x{4:08x} edx=0x{5:08x}",
    "rjcp_xml": '<register eax="{0:08X}" ecx="{1:08X}">{2:08X},{3:08X},{4:08X},{5:08X}</register>',
    "xen": "  {0:08x}:{1:08x} -> {2:08x}:{3:08x}:{4:08x}:{5:08x}",
    "aida64": "CPUID {0:08X}: {2:08X}-{3:08X}-{4:08X}-{5:08X} [SL {1:02X}]",
}


def values(*eaxs: int) -> str:
    return "".join(PRINT["debian"].format(0x40000000 + place, 0, eax, 0, 0, 0) + "\n" for place, eax in enumerate(eaxs))


A, B = values(5, 1), values(5, 2)
MACHINES = {
    "two_of_cpuid_1": (f"CPU:\n{A}CPU:\n{B}", [1, 1]),
    "the_same_again": (f"CPU:\n{A}CPU:\n{A}", [2]),
    "numbers_begin_again": (f"CPU 0:\n{A}CPU 1:\n{A}\nhost b\nCPU 0:\n{A}CPU 1:\n{A}", [2, 2]),
    "one_cpu_differs": (f"CPU 0:\n{A}CPU 1:\n{B}", [2]),
    "no_heading": (f"host a\n{A}host b\n{B}", [1, 1]),
    "no_heading_and_alike": (f"{A}{A}", [2]),
    "numbered_then_not": (f"CPU 0:\n{A}CPU 1:\n{A}CPU:\n{B}", [2, 1]),
    "not_then_numbered": (f"CPU:\n{A}CPU 0:\n{B}CPU 1:\n{B}", [1, 2]),
    "a_cpu_in_two_places": (f"CPU 0:\n{values(5)}CPU 1:\n{values(5)}CPU 0:\n{PRINT['debian'].format(0x40000003, 0, 1, 2, 3, 4)}", [2]),
    "named_in_each_line": (
        "".join(f"cpu{cpu}: cpuid 4000000{leaf} {run},2,3,4\n" for run in (1, 2) for leaf in (1, 2) for cpu in (0, 1)),
        [2, 2],
    ),
    "a_dump_that_lacks_a_leaf": (f"CPU 0:\n{values(5)}CPU 0:\n{values(5, 2)}", [1, 1]),
    "only_the_processor_differs": (
        f"CPU:\n{A}cpuid leaf=0x1, eax=1, ebx=1, ecx=1, edx=1\nCPU:\n{A}cpuid leaf=0x1, eax=1, ebx=2, ecx=1, edx=1",
        [2],
    ),
}


@pytest.mark.parametrize(("text", "cpus"), MACHINES.values(), ids=MACHINES)
def test_machines_are_kept_apart(text: str, cpus: list[int]) -> None:
    dumps = read_cpuid.read_machines(text, CPUID)
    assert [len(dump.cpus) for dump in dumps] == cpus
    assert [[next(iter(leaves.values())).cpu for leaves in dump.cpus] for dump in dumps] == [list(range(count)) for count in cpus]


def test_a_machine_has_the_line_on_which_it_begins() -> None:
    assert [dump.line for dump in read_cpuid.read_machines(f"# two\nCPU:\n{A}CPU:\n{B}", CPUID)] == [2, 5]


def test_subleaves_are_kept_apart() -> None:
    text = "\n".join(PRINT["debian"].format(0x40000003, subleaf, 7 + subleaf, 0, 0, 0) for subleaf in range(3))
    (leaves,) = read_dump(text)
    assert {key: one.registers["eax"] for key, one in leaves.items()} == {(0x40000003, subleaf): 7 + subleaf for subleaf in range(3)}


def test_lines_that_name_their_cpu_are_gathered_by_it() -> None:
    lines = [f"cpu{cpu}: cpuid 4000000{leaf} 1,2,3,4" for leaf in (1, 2) for cpu in (0, 1)]
    assert [list(leaves) for leaves in read_dump("\n".join(lines))] == [[(0x40000001, 0), (0x40000002, 0)]] * 2


def test_json_over_many_lines_is_read() -> None:
    second = '{"leaf": "0x40000004", "eax": 1, "ebx": 0, "ecx": 2, "edx": 5}'
    text = f'{{"cpuid": [\n  {{"leaf": "0x40000003",\n   "eax": "0x3fff",\n   "ebx": 0, "ecx": 2, "edx": 5\n  }}, {second}\n]}}'
    (leaves,) = read_dump(text)
    assert {key: one.registers["eax"] for key, one in leaves.items()} == {(0x40000003, 0): 0x3FFF, (0x40000004, 0): 1}


def test_subleaves_without_their_number_are_no_other_cpus() -> None:
    text = "\n".join(f"cpuid leaf=0x4, eax=0x{n}, ebx=0x0, ecx=0x0, edx=0x0" for n in range(4))
    assert [list(leaves) for leaves in read_dump(text)] == [[(4, 0), (4, 1), (4, 2), (4, 3)]]


DAMAGE = {
    "letter_o": ("edx=0x0Obed7b2", "edx: letter O at character 4 of '0x0Obed7b2'; did you mean zero?", {"edx"}),
    "small_o": ("ebx=0x0000offf", "ebx: letter o at character 7 of '0x0000offf'; did you mean zero?", {"ebx"}),
    "letter_l": ("eax=0x0000000l", "eax: letter l at character 10 of '0x0000000l'; did you mean one?", {"eax"}),
    "too_wide": ("ecx=0x123456789", "ecx: '0x12345678' is not a 32-bit number", {"ecx"}),
}


@pytest.mark.parametrize(("text", "remark", "missing"), DAMAGE.values(), ids=DAMAGE)
def test_a_register_that_cannot_be_read_is_missing_and_told(text: str, remark: str, missing: set[str]) -> None:
    register = text[:3]
    values = " ".join(text if name == register else f"{name}=0x1" for name in REGISTERS)
    (one,) = find_leaves(f"0x40000003 0x00: {values}")
    assert set(REGISTERS) - set(one.registers) == missing
    assert one.remark.startswith(remark[:12])
    assert join_registers(one.registers) is None


def test_registers_that_are_cut_off_are_told() -> None:
    (one,) = find_leaves("0x40000003 0x00: eax=0x00003fff ebx=0x002bb9ff")
    assert (dict(one.registers), one.remark) == ({"eax": 0x3FFF, "ebx": 0x2BB9FF}, "ecx, edx: missing")


NO_LEAVES = {
    "gdb": "0xffff888003c5a000:\t0x0000000080000010\t0x0000000000000018",
    "hexdump": "40000000  10 00 00 80 18 00 00 00  00 00 00 00 00 00 00 00  |................|",
    "xxd": "40000000: 1000 0080 1800 0000 0000 0000 0000 0000  ................",
    "objdump": " 40000000 10000080 18000000 00000000 00000000  ................",
    "feature_line": "Hyper-V: privilege flags low 0xae7f, high 0x3b8030, hints 0xa4e24, misc 0xe4bed7b6",
    "registers": "RAX=0000000040000003 eax=0x1 ebx=0x2",
}


@pytest.mark.parametrize("line", NO_LEAVES.values(), ids=NO_LEAVES)
def test_what_is_no_leaf_is_not_taken_for_one(line: str) -> None:
    assert list(find_leaves(line)) == []


ENCODINGS = {"utf8": "utf-8", "utf8_with_mark": "utf-8-sig", "utf16": "utf-16", "utf16_without_mark": "utf-16-le", "latin": "latin-1"}


@pytest.mark.parametrize("encoding", ENCODINGS.values(), ids=ENCODINGS)
def test_a_dump_is_read_in_any_encoding_of_a_tool(encoding: str) -> None:
    raw = f"Intel® Core\r\n{LINES['instlatx64']}\r\n".encode(encoding)
    ((leaves,),) = (dump.cpus for dump in read_file(raw, "dump.txt"))
    assert dict(leaves[0x40000003, 0].registers) == REGISTERS


@pytest.mark.parametrize(
    "raw", [b"", b"\0", b"no leaf here\n", b"\xff\xfe", bytes(range(256))], ids=["empty", "nul", "text", "mark", "binary"]
)
def test_a_file_without_a_leaf_is_refused_with_the_known_forms(raw: bytes) -> None:
    with pytest.raises(UsageError, match=r"x\.txt: no CPUID leaf found; expected lines such as `<register") as error:
        read_file(raw, "x.txt")
    assert "\n" not in str(error.value)


SAMPLES = {"rjcp-i7-6600u.xml": 12, "rjcp-i7-8565u.xml": 12, "whp-probe.txt": 3, "instlat-zen.txt": 11, "illumos-ocr.txt": 7}


@pytest.mark.parametrize(("name", "count"), SAMPLES.items())
def test_dumps_from_the_wild_are_read_whole(name: str, count: int) -> None:
    ((leaves,),) = (dump.cpus for dump in read_file((DATA / name).read_bytes(), name))
    assert len(leaves) == count
    assert {one.remark for key, one in leaves.items() if key[0] not in (0x40000003, 0x40000004)} == {""}


LONG = {
    "blanks": "leaf " + " " * 30000 + "eax",
    "letters": "cpuid 40000000 " + "a" * 50000,
    "leaves": "leaf 4 eax " * 5000,
    "numbers": "0x40000000 " * 5000 + "eax",
    "colons": "cpuid 40000000: " * 5000,
}


@pytest.mark.parametrize("line", LONG.values(), ids=LONG)
def test_a_long_line_does_not_take_long(line: str) -> None:
    start = perf_counter()
    list(find_leaves(line))
    assert perf_counter() - start < 3  # with unbounded blanks, half a minute


@given(st.text())
def test_any_text_can_be_looked_through(text: str) -> None:
    list(find_leaves(text))
    read_dump(text)


@given(st.binary(max_size=200))
def test_any_bytes_can_be_looked_through(raw: bytes) -> None:
    read_dump(to_text(raw))


NUMBERS = st.integers(0, 2**32 - 1)


@pytest.mark.parametrize("line", PRINT.values(), ids=PRINT)
@given(leaf=NUMBERS, subleaf=st.integers(0, 0xFF), values=st.tuples(NUMBERS, NUMBERS, NUMBERS, NUMBERS))
def test_a_printed_leaf_reads_back(line: str, leaf: int, subleaf: int, values: tuple[int, ...]) -> None:
    (one,) = find_leaves(line.format(leaf, subleaf, *values))
    assert (one.leaf, one.subleaf, tuple(one.registers.values()), one.remark) == (leaf, subleaf, values, "")


@given(
    st.lists(
        st.dictionaries(st.integers(0x40000000, 0x40000110), st.tuples(NUMBERS, NUMBERS, NUMBERS, NUMBERS), min_size=1),
        min_size=1,
        max_size=4,
    )
)
def test_a_printed_dump_of_several_cpus_reads_back(cpus: list[dict[int, tuple[int, ...]]]) -> None:
    text = "".join(
        f"CPU {number}:\n" + "".join(PRINT["debian"].format(leaf, 0, *values) + "\n" for leaf, values in leaves.items())
        for number, leaves in enumerate(cpus)
    )
    found: list[Leaves] = read_dump(text)
    assert [{key[0]: tuple(one.registers.values()) for key, one in leaves.items()} for leaves in found] == cpus
    assert [{one.cpu for one in leaves.values()} for leaves in found] == [{number} for number in range(len(cpus))]


@given(st.lists(st.tuples(st.integers(0, 30), st.integers(1, 9))))
def test_what_is_taken_does_not_overlap(parts: list[tuple[int, int]]) -> None:
    taken, found = read_cpuid.Taken(), list[tuple[int, int]]()
    for start, length in parts:
        end = start + length
        is_free = not any(one < end and start < other for one, other in found)
        assert taken.take(start, end) == is_free
        found += [(start, end)] if is_free else []
