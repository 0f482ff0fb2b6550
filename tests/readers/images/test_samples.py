"""The small images that `make fuzz` begins with are readable, whole and without a fault: otherwise modifying them would prove nothing."""

from __future__ import annotations

import pytest

from tests.images.hostile import all_samples, survives


@pytest.mark.parametrize("name", [name for name in all_samples() if name != "hole.vmss"])  # its memory is in another file
def test_a_sample_is_read_whole(name: str) -> None:
    found = survives(all_samples()[name])
    assert found.fault == ""
    assert found.pages
