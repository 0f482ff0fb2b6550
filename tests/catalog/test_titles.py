"""What `list` says of hypercalls, properties, statuses and Windows' codes: a title in plain English, unless the name says it all."""

from __future__ import annotations

import re

import pytest

from hvrepl.catalog.catalog import Catalog, Entry
from hvrepl.catalog.opening import open_index

ENTRIES = list(Catalog(open_index(), "x64").entries())
LITTLE = frozenset("a an and are at be by for from in is it of on or that the this to was with".split())

# No source says more of these than their names do.
NAME_SAYS_ALL = frozenset(
    """
    HVCALL_MAP_IMAGE_PAGES HVCALL_COMMIT_PATCH HVCALL_GET_PORT_PROPERTY HVCALL_SET_PORT_PROPERTY HVCALL_UNMAP_EVENT_LOG_BUFFER
    HVCALL_OUTPUT_DEBUG_CHARACTER HVCALL_SET_LOGICAL_PROCESSOR_PROPERTY HVCALL_GET_LOGICAL_PROCESSOR_PROPERTY HVCALL_MAP_DEVICE_PAGES
    HVCALL_UNMAP_DEVICE_PAGES HVCALL_ATTACH_DEVICE HVCALL_DETACH_DEVICE HVCALL_PREPARE_FOR_SLEEP HVCALL_PREPARE_FOR_HIBERNATE
    HVCALL_GET_LOGICAL_PROCESSOR_REGISTERS HVCALL_SET_LOGICAL_PROCESSOR_REGISTERS HVCALL_INJECT_SYNTHETIC_MACHINE_CHECK
    HVCALL_SCRUB_PARTITION HVCALL_DISABLE_HYPERVISOR HVCALL_ARM64_GET_START_STUB HVCALL_GET_POWER_PROPERTY HVCALL_SET_POWER_PROPERTY
    HVCALL_ATTACH_PASID_SPACE HVCALL_DETACH_PASID_SPACE HVCALL_ACKNOWLEDGE_DEVICE_PAGE_REQUEST HVCALL_GET_PHYSICAL_DEVICE_PROPERTY
    HVCALL_SET_PHYSICAL_DEVICE_PROPERTY HVCALL_GET_CPU_GROUP_PROPERTY HVCALL_SET_CPU_GROUP_PROPERTY HVCALL_ADD_PHYSICAL_MEMORY
    HVCALL_ENABLE_DEVICE_INTERRUPT HVCALL_FLUSH_TLB HVCALL_REQUEST_PROCESSOR_HALT HVCALL_GET_INTERCEPT_DATA HV_EXT_CALL_EPF_SETUP
    HV_STATUS_OPERATION_FAILED HV_STATUS_NESTED_VM_EXIT HV_STATUS_MSR_ACCESS_FAILED HV_STATUS_VTL_ALREADY_ENABLED
    HCS_E_OPERATION_ALREADY_CANCELLED ERROR_DM_OPERATION_LIMIT_EXCEEDED
    """.split()
)
PROPERTY_NAME_SAYS_ALL = frozenset(
    f"HV_PARTITION_PROPERTY_{name}"
    for name in """
    DEBUG_CHANNEL_ID0 DEBUG_CHANNEL_ID1 DEBUG_CHANNEL_ID2 ALLOCATION_ID MONITORING_ID HYPERCALL_DOORBELL_PAGE DEPOSIT_STATUS
    TOPOLOGY_APIC_ID_OPT_IN AUTO_SUSPEND PROCESSOR_CLOCK_FREQUENCY PHYSICAL_ADDRESS_SIZE VH_STATE TD_COMPREHENSIVE_RESET
    INHERITED_DEVICE_DOMAIN_RESERVED_REGIONS ROOT_VP_SHARED_PAGES COMPLETE_PARTITION_INTERCEPT MIGRATION_TD_INFO_HASH
    MIGRATION_TD_BINDING_SLOT TD_COMPREHENSIVE_CONFIGURE
    """.split()
)


def of(*spaces: str) -> list[Entry]:
    return [entry for entry in ENTRIES if entry.space and entry.space.name in spaces]


def words(text: str) -> set[str]:
    """Its words of some weight, each in lower case and without a plural or genitive s."""
    found = re.findall(r"[a-z0-9]+", text.lower().replace("'s", "").replace("s' ", " "))
    return {word if len(word) < 3 else word.removesuffix("s") for word in found} - LITTLE


TITLED = of("hypercall", "property", "status", "hresult")


@pytest.mark.parametrize("entry", TITLED, ids=lambda entry: f"{entry.name} {entry.arch}")
def test_what_a_program_calls_or_returns_has_a_title_unless_its_name_says_it_all(entry: Entry) -> None:
    assert bool(entry.title) == (entry.name not in NAME_SAYS_ALL | PROPERTY_NAME_SAYS_ALL)


@pytest.mark.parametrize("entry", [*TITLED, *of("message", "vmbus")], ids=lambda entry: f"{entry.name} {entry.arch}")
def test_a_title_says_more_than_the_name(entry: Entry) -> None:
    assert not entry.title or words(entry.title) - words(entry.name.replace("_", " "))


@pytest.mark.parametrize("entry", TITLED, ids=lambda entry: f"{entry.name} {entry.arch}")
def test_a_title_is_a_phrase_of_one_line(entry: Entry) -> None:
    first = entry.title.split(" ")[0]
    assert len(entry.title) <= 64
    assert not entry.title.endswith(".")
    assert first == first.lower() or not first.istitle() or first in ("Internet",)


def test_all_names_that_say_it_all_are_there() -> None:
    assert {entry.name for entry in TITLED} >= NAME_SAYS_ALL | PROPERTY_NAME_SAYS_ALL


@pytest.mark.parametrize("entry", of("hypercall"), ids=lambda entry: f"{entry.name} {entry.arch}")
def test_a_hypercall_is_titled_by_what_it_does(entry: Entry) -> None:
    """The first word is a verb in the imperative: no noun, no participle at the end."""
    first = entry.title.split(" ")[0].rstrip(":")
    assert not first.endswith(("ion", "ing", "ed")) or first in ("pin", "unpin")
    assert first not in ("a", "an", "the", "whether", "what", "new", "own")
    assert not re.search(r", (asked|set|mapped|unmapped|enabled|read|written|told)$", entry.title)
