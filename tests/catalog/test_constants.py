"""A source's name for a value, or for the bits of a field, finds that value or field."""

from __future__ import annotations

import pytest

from hvrepl.catalog.constants import Constant, constants_of, find_constants
from hvrepl.catalog.model import to_key
from tests.indexes import TEST_INDEX


def said(one: Constant) -> str:
    return f"{one.owner} {one.value.low:#x}" if one.value else f"{one.owner} {one.field and one.field.name}"


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("HV_STATS_AREA_SELF", ["HV_STATS_AREA_TYPE 0x0"]),
        ("hv-stats-area-self", ["HV_STATS_AREA_TYPE 0x0"]),
        ("HYPERVISOR_ERROR", ["BUG_CHECK 0x20001"]),
        ("HvInterceptTypeX64Msr", ["HV_INTERCEPT_TYPE 0x1"]),
        ("HV_X64_INTERRUPT_TYPE_NMI", ["HV_INTERRUPT_TYPE 0x4"]),
        ("STATUS_IMAGE_CHECKSUM_MISMATCH", ["BUG_CHECK 0xc0000221", "NTSTATUS_CODE 0xc0000221"]),
        ("HV_MAP_GPA_NOT_CACHED", ["HV_MAP_GPA_FLAGS not_cached"]),
        ("none", []),
        ("self", []),
        ("not_cached", []),
        ("HV_X64_MSR_SINT0", []),
        ("%", []),
        ("", []),
    ],
)
def test_a_constant_is_found_by_any_spelling_and_a_common_word_is_none(name: str, found: list[str]) -> None:
    assert [said(one) for one in find_constants(TEST_INDEX, name, "x64")] == found


def test_the_current_arch_comes_first() -> None:
    both = [[one.spec.arch for one in find_constants(TEST_INDEX, "HV_STIMER_DIRECT_MODE_AVAILABLE", arch)] for arch in ("x64", "arm64")]
    assert both == [["x64", "arm64"], ["arm64", "x64"]]


def test_no_constant_is_hidden_by_a_thing_that_is_called_so_but_for_underscores() -> None:
    keys = {to_key(one.spelling) for number, *_ in TEST_INDEX.specs() for one in constants_of(TEST_INDEX.spec(number))}
    things = {to_key(row.spelling) for row in TEST_INDEX.all_names()}
    plain = {key.replace("_", "") for key in things}
    assert [key for key in keys - things if key.replace("_", "") in plain] == []
