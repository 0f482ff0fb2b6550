"""`list`, `find`, `show` and `diff` for people and for scripts: heading and count for the first, only rows for the others."""

from __future__ import annotations

import csv
import io
import json
import re
from itertools import pairwise
from pathlib import Path

import pytest

from tests.program import call
from tests.terminal import Terminal


def on_terminal(*words: str, columns: int = 110) -> list[str]:
    return call(*words, stdout_is_terminal=True, columns=columns, environ={"NO_COLOR": "1"}).out.splitlines()


def in_pipe(*words: str) -> list[str]:
    return call(*words, columns=0).out.splitlines()


@pytest.mark.parametrize(
    ("words", "heading"),
    [
        (("list", "msr"), "{count} synthetic MSRs (x64)"),
        (("list", "hypercall"), "{count} hypercall codes"),
        (("list", "property"), "{count} partition property codes (x64 and arm64)"),
        (("list", "struct"), "{count} structs"),
        (("find", "auto-eoi"), '{count} matches for "auto-eoi"'),
        (("find", "0xf3"), "{count} matches for 0xf3"),
        (("find", "243"), "{count} matches for 0xf3 (243)"),
        (("find", "bit:17"), "{count} matches for bit 17"),
        (("find", "HvRegisterSint0"), '1 match for "HvRegisterSint0"'),
    ],
)
def test_a_terminal_has_a_heading_with_the_count_and_a_pipe_has_only_rows(words: tuple[str, ...], heading: str) -> None:
    rows = in_pipe(*words)
    assert len(rows) == len(json.loads(call(*words, "-f", "json").out))
    assert on_terminal(*words)[0] == heading.format(count=len(rows))
    assert on_terminal(*words)[0] not in rows


@pytest.mark.parametrize("columns", [40, 80, 110])
@pytest.mark.parametrize("words", [("list",), ("find", "timer"), ("find", "bit:17"), ("find", "vmbus")], ids=" ".join)
def test_no_row_is_wider_than_the_terminal_but_for_a_name_that_is(words: tuple[str, ...], columns: int) -> None:
    wide = [line for line in on_terminal(*words, columns=columns) if len(line) > columns]
    assert [line for line in wide if len(line.split()) > 1] == []
    assert columns < 110 or wide == []


def test_the_list_of_everything_is_in_groups_that_say_what_they_are() -> None:
    lines = on_terminal("list")
    total = f"{len(in_pipe('list')):,}"
    assert lines[0].startswith(f"{total} names, in ")
    groups = [after for before, after in pairwise(lines) if not before]
    assert len(groups) == int(lines[0].split()[3])
    assert all(group[0].isdigit() for group in groups)


def test_archs_are_words() -> None:
    assert not [line for words in (("list",), ("find", "sint")) for line in in_pipe(*words) if re.search(r"  common(  |$)", line)]


def names_found(*words: str) -> list[str]:
    return [line.split()[2] for line in in_pipe("find", *words)]


def test_exact_names_are_found_first_then_those_that_begin_so_then_other_names_then_the_rest() -> None:
    found = [line.split("  ")[-1] for line in in_pipe("find", "simp")]
    assert found[0].startswith("alias simp · ")
    kinds = [one.split(" ")[0] for one in found]
    assert kinds.index("see") > kinds.index("description") > kinds.index("name")
    assert names_found("HV_X64_MSR_SINT1")[:2] == ["HV_X64_MSR_SINT1", "HV_X64_MSR_SINT10"]


def test_fields_of_one_bit_come_before_wide_ones() -> None:
    widths = ["bits" in line for line in in_pipe("find", "bit:17")]
    assert widths == sorted(widths)
    assert any("field use_direct_local_flush_entire, EAX bit 17" in line for line in in_pipe("find", "bit:17"))


def test_an_array_is_found_under_the_numbers_of_its_elements() -> None:
    lines = in_pipe("find", "auto-eoi")
    assert any("HV_X64_MSR_SINT0-15" in line and "synthetic interrupt source 0-15" in line for line in lines)
    assert not [line for line in in_pipe("find", "sint") if "{n}" in line]


@pytest.mark.parametrize("form", ["json", "ndjson", "csv"])
def test_what_programs_read_keeps_its_words_and_order(form: str) -> None:
    text = call("find", "sint2", "-f", form).out
    if form == "csv":
        rows = list(csv.DictReader(io.StringIO(text)))
    else:
        rows = json.loads(text) if form == "json" else [json.loads(line) for line in text.splitlines()]
    assert [(row["name"], row["where"], row["arch"]) for row in rows][:2] == [
        ("HV_X64_MSR_NESTED_SINT2", "name", "common"),
        ("HV_X64_MSR_SINT2", "name", "common"),
    ]


def test_diff_says_both_values_then_what_differs_and_a_single_bit_is_1() -> None:
    lines = on_terminal("diff", "sint2", "0x200f3", "0x100f4")
    assert lines == [
        "HV_X64_MSR_SINT2",
        "  A  0x00000000000200f3  vector 0xf3, auto-EOI",
        "  B  0x00000000000100f4  vector 0xf4, masked",
        "",
        "  17   auto_eoi  1     →  0",
        "  16   masked    0     →  1",
        "  7:0  vector    0xf3  →  0xf4",
    ]
    assert in_pipe("diff", "sint2", "0x200f3", "0x100f4") == lines[4:]


@pytest.mark.parametrize("words", [("sint2", "1", "1"), ("cpuid", "{cpuid}", "{cpuid}")], ids=["register", "cpuid"])
def test_equal_values_are_reported_on_a_terminal_and_give_nothing_in_a_pipe(words: tuple[str, ...]) -> None:
    dump = str(Path(__file__).parent.parent / "data" / "cpuid" / "xen.txt")
    given = [word.format(cpuid=dump) for word in words]
    assert on_terminal("diff", *given)[-1] == "  no field differs"
    ended = call("diff", *given, columns=0)
    assert (ended.status, ended.out, ended.err) == (0, "", "")


def test_cpuid_dumps_are_compared_leaf_by_leaf_on_a_terminal() -> None:
    folder = Path(__file__).parent.parent / "data" / "cpuid"
    a, b = str(folder / "rjcp-i7-6600u.xml"), str(folder / "rjcp-i7-8565u.xml")
    for columns in (40, 110):
        lines = on_terminal("diff", "cpuid", a, b, columns=columns)
        assert "HYPERV_CPUID_SVM_FEATURES" in lines
        assert [line for line in lines if len(line) > columns and len(line.split()) > 1] == []
    assert all(line.split()[0].startswith("HYPERV_CPUID_") and "→" in line for line in in_pipe("diff", "cpuid", a, b))


BLOCKS = ("  msr ", "  64 bits", "  privilege ", "  QEMU flag ", "  other names ", "  older name ", "  see ", "  sources ")


def test_show_goes_from_what_it_is_to_sources() -> None:
    lines = in_pipe("show", "sint2")
    assert lines[0] == "HV_X64_MSR_SINT2  synthetic interrupt source 2"
    places = [next(place for place, line in enumerate(lines) if line.startswith(start)) for start in BLOCKS]
    assert places == sorted(places)
    assert "  register      0x000A0002  HV_REGISTER_SINT2  x64 and arm64" in lines
    assert sum("HvRegisterSint2" in re.split("[ ,]+", line) for line in lines) == 1


def test_show_says_which_members_of_a_hypercall_come_once_per_rep() -> None:
    lines = [re.sub(" +", " ", line.strip()) for line in in_pipe("show", "HVCALL_GET_VP_INDEX_FROM_APIC_ID")]
    assert "+16 apic_ids u32, one per rep; also processor_hw_ids" in lines
    assert "+0 vp_indexes HV_VP_INDEX, one per rep: 0xfffffffe self, 0xffffffff any" in lines
    shown = json.loads(call("show", "HVCALL_GET_VP_INDEX_FROM_APIC_ID", "-f", "json").out)
    assert [field["name"] for field in shown["fields"] if field.get("rep")] == ["apic_ids"]


def test_variants_with_the_same_fields_are_said_once() -> None:
    lines = in_pipe("show", "status")
    assert "  where severity is 0, 2, 3 or any other and facility is 0x35" in lines
    assert not [line for line in lines if line.startswith("  or ")]


@pytest.mark.parametrize("columns", [40, 110])
def test_a_list_looks_in_a_real_terminal_as_it_was_laid_out(tmp_path: Path, columns: int) -> None:
    with Terminal(tmp_path, "find", "auto-eoi", columns=columns, rows=40) as terminal:
        assert terminal.end() == 0
        assert terminal.text.splitlines() == on_terminal("find", "auto-eoi", columns=columns)


@pytest.mark.parametrize(("name", "arch"), [("HV_X64_MSR_RESET", "x64"), ("HV_X64_MSR_SINT2", "both"), ("GIC_SGI", "arm64")])
def test_what_has_numbers_on_one_arch_alone_is_not_said_to_be_on_both(name: str, arch: str) -> None:
    assert in_pipe("find", name)[0].split()[2:4] == [name, arch]
