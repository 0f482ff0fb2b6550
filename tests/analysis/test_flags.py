"""How the values of flags are read."""

from __future__ import annotations

import pytest

from hvrepl.analysis.flags_to_leaves import settle
from tests.analysis.flag_samples import FLAGS, guest

SPINLOCKS = {"010": "0x8", "10": "0xa", "0x10": "0x10", "0": "0x0", "08": None, "-1": None, "4K": None}


@pytest.mark.parametrize("text", SPINLOCKS)
def test_a_number_is_read_as_qemu_reads_it(text: str) -> None:
    assert settle(FLAGS, guest(("hv-spinlocks", text))).values.get("hv-spinlocks") == SPINLOCKS[text]


def test_a_later_flag_counts_and_off_takes_it_away() -> None:
    assert settle(FLAGS, guest(("hv-relaxed", "on"), ("hv-relaxed", "off"))).values == {}
    assert settle(FLAGS, guest(("hv-apicv", "on"))).values == {"hv-avic": "on"}


def test_an_empty_vendor_is_a_value_and_leaves_nothing_to_the_host() -> None:
    config = settle(FLAGS, guest(("hv-relaxed", "on"), ("hv-vendor-id", "")))
    assert config.values == {"hv-relaxed": "on", "hv-vendor-id": ""}
    assert not config.leaves_everything
    assert set(config.cpus[0][0x40000000, 0].registers.values()) == {0x40000005, 0}
