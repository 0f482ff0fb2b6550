"""Links between specs in `show`."""

from __future__ import annotations

import pytest

from hvrepl.catalog.catalog import Catalog
from hvrepl.catalog.opening import open_index
from hvrepl.render.definition import describe_lines
from hvrepl.render.describe import describe
from hvrepl.render.style import Style

CATALOG = Catalog(open_index())
EAX2 = "CPUID 0x40000003 EAX 2 access_synic_regs"
GRANTED = [
    (
        "HV_X64_MSR_SINT2",
        [EAX2, "HV_REGISTER_PRIVILEGES_AND_FEATURES_INFO 2 access_synic_regs"],
        "access_synic_regs (CPUID 0x40000003 EAX bit 2 or HV_REGISTER_PRIVILEGES_AND_FEATURES_INFO bit 2)",
    ),
    (
        "HV_X64_MSR_TSC_FREQUENCY",
        ["CPUID 0x40000003 EAX 11 access_frequency_regs"],
        "access_frequency_regs (CPUID 0x40000003 EAX bit 11)",
    ),
]


@pytest.mark.parametrize(("name", "granted", "said"), GRANTED)
def test_a_privilege_is_said_with_where_it_stands_on_each_arch(name: str, granted: list[str], said: str) -> None:
    found = CATALOG.find_name(name)
    table = describe(CATALOG, found)
    assert table["granted_by"] == granted
    assert table["privilege"] == found.spec.privilege
    assert [line.split(None, 1)[1] for line in describe_lines(table, Style(width=0)) if line.startswith("  privilege ")] == [said]


def test_what_a_field_is_called_elsewhere_is_said() -> None:
    table = describe(CATALOG, CATALOG.find_name("HYPERV_CPUID_FEATURES"))
    field = next(field for field in table["fields"] if field["name"] == "access_synic_regs")
    assert "HV_MSR_SYNIC_AVAILABLE" in field["also"]
