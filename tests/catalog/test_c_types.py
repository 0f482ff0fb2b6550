"""Types of a guest's kernel → their definitions in the specs."""

from __future__ import annotations

import pytest

from hvrepl.catalog import open_catalog
from hvrepl.catalog.c_types import find_type, is_one_of_several


@pytest.mark.parametrize(
    ("name", "found", "several"),
    [
        ("hv_message", "HV_MESSAGE", False),
        ("hv_message_page", "HV_MESSAGE_PAGE", False),
        ("hv_synic_event_flags_page", "HV_SYNIC_EVENT_FLAGS_PAGE", False),
        ("hv_synic_simp", "HV_X64_MSR_SIMP", False),
        ("ms_hyperv_tsc_page", "HV_REFERENCE_TSC_PAGE", False),
        ("hv_synic_sint", "HV_X64_MSR_SINT0", True),  # not the nested one, which has the same layout
        ("hv_stimer_config", "HV_X64_MSR_STIMER0_CONFIG", True),
    ],
)
def test_a_type_is_found_by_its_name_or_as_a_source(name: str, found: str, several: bool) -> None:
    thing = find_type(open_catalog(), name)
    assert thing is not None
    assert (thing.name, is_one_of_several(thing)) == (found, several)


@pytest.mark.parametrize(
    "name",
    [
        "u8",
        "u64",
        "size_t",
        "guid_t",
        "list_head",
        "vmbus_channel",
        "hv_context",
        "hv_ring_buffer_info",
        "status",
        "page",
        "irq",
        "_",
        '%"',
    ],
)
def test_a_foreign_type_is_not_found(name: str) -> None:
    assert find_type(open_catalog(), name) is None


def test_a_type_of_arm64_has_the_number_of_arm64() -> None:
    thing = find_type(open_catalog("arm64"), "hv_synic_sint")
    assert thing is not None
    assert thing.name == "HV_REGISTER_SINT0"
