"""The small images that `make fuzz` begins with are read, whole and without a fault: else nothing that is done to them says anything."""

from __future__ import annotations

import pytest

from tests.images.hostile import all_samples, survives


@pytest.mark.parametrize("name", [name for name in all_samples() if name != "hole.vmss"])  # whose memory is in another file
def test_a_sample_is_read_whole(name: str) -> None:
    found = survives(all_samples()[name])
    assert found.fault == ""
    assert found.pages
