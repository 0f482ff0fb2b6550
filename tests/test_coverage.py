"""Every name, number and bit of the sources' tables is in the specs, or has its reason in disputed.tsv."""

from __future__ import annotations

import pytest

from hvrepl.catalog.model import Layout
from tests.coverage import JUDGES, catalogs, disputed, judge, layouts, main, read_lines

MOST_DISPUTED = 80  # half of them are one header's older numbering of arm64 registers


@pytest.mark.parametrize("table", JUDGES)
def test_each_row_is_resolved_or_disputed(table: str) -> None:
    known = disputed()
    assert [f"{one.key}: {one.fault}" for one in judge(table) if one.fault and (table, one.key) not in known] == []


def test_disputed_facts_are_few_and_unresolved_and_have_reasons() -> None:
    known = disputed()
    assert len(known) < MOST_DISPUTED
    assert all(known.values())
    faulty = {(table, one.key) for table in JUDGES for one in judge(table) if one.fault}
    assert known.keys() - faulty == set()


def test_the_layouts_that_are_named_for_a_source_exist() -> None:
    names = {spec for found in layouts().values() for spec, _ in found}
    assert [name for name in names if not any(catalog.index.names(name.lower()) for catalog in catalogs().values())] == []


def test_each_struct_is_listed_once_with_its_spec_or_the_reason_for_having_none() -> None:
    lines = read_lines("structs")
    keys = [(line["struct"], line["arch"]) for line in lines]
    assert keys == sorted(set(keys))
    assert [line for line in lines if not line["spec"] and not line["remark"]] == []


def test_the_target_counts_each_table(capsys: pytest.CaptureFixture[str]) -> None:
    main([])
    shown = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in shown] == ["table", *JUDGES]


def privileges(layout: Layout | None) -> list[tuple[str, tuple[str, ...], int]]:
    return [(field.name, field.also, field.lsb) for field in layout.fields if field.lsb < 64] if layout else []


@pytest.mark.parametrize(("arch", "name"), [("x64", "HYPERV_CPUID_FEATURES"), ("arm64", "HV_REGISTER_PRIVILEGES_AND_FEATURES_INFO")])
def test_the_privileges_agree_with_their_mask(arch: str, name: str) -> None:
    mask = catalogs()[arch].find_name("HV_PARTITION_PRIVILEGE_MASK").spec
    told = privileges(catalogs()[arch].find_name(name).spec.layout)
    assert [row[1:] for row in told] == [row[1:] for row in privileges(mask.layout)]
    assert [row[0] for row in told if not row[0].startswith("reserved")] == [
        row[0] for row in privileges(mask.layout) if not row[0].startswith("reserved")
    ]
