"""Leaves made of flags give the flags back."""

from __future__ import annotations

import pytest

from hvrepl.analysis.cpus import Reading
from hvrepl.analysis.flags_to_leaves import settle
from hvrepl.analysis.leaves_to_flags import explain
from tests.analysis.flag_samples import FLAGS, NEEDED, WITHOUT_LEAVES, guest, with_needs


@pytest.mark.parametrize("name", [name for name in FLAGS.specs if name not in WITHOUT_LEAVES])
def test_flags_make_leaves_that_only_these_flags_give(name: str) -> None:
    wanted = {NEEDED: "on"} | with_needs(name)
    config = settle(FLAGS, guest(*wanted.items()))
    assert config.values == wanted
    explained = explain(FLAGS, config.cpus)
    assert explained.values == wanted
    assert (explained.unexplained, explained.findings) == ((), ())
    assert not any(explained.missing.values())


def test_a_vendor_that_cannot_be_written_is_what_no_flag_gives() -> None:
    leaves = settle(FLAGS, guest(("hv-relaxed", "on"), ("hv-vendor-id", "a;b"))).cpus
    assert list(explain(FLAGS, leaves).values.values()) == ["on", "a;b"]
    first = leaves[0][0x40000000, 0].registers
    leaves[0][0x40000000, 0] = Reading(first | {"ebx": int.from_bytes(b"a,b", "little")})
    explained = explain(FLAGS, leaves)
    assert list(explained.values.values()) == ["on"]
    assert [part.name for _, part in explained.unexplained] == ["vendor"]


def test_all_flags_together_come_back() -> None:
    wanted = {key: value for name in FLAGS.specs if name not in WITHOUT_LEAVES for key, value in with_needs(name).items()}
    explained = explain(FLAGS, settle(FLAGS, guest(*wanted.items())).cpus)
    assert explained.values == wanted
    assert explained.unexplained == ()
