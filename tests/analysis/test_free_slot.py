"""Freeing a slot: the writes, what is owed afterwards on each arch, and the reason when nothing is."""

from __future__ import annotations

import struct
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hvrepl.analysis.eom import Freed, free, read_type
from hvrepl.catalog.catalog import Catalog
from hvrepl.catalog.opening import open_index
from hvrepl.codec.decode import Decoder
from hvrepl.codec.encode.assign import Assignment
from hvrepl.errors import UsageError

INDEX = open_index()
DECODERS = {arch: Decoder(Catalog(INDEX, arch)) for arch in ("x64", "arm64")}
TIMER, VMBUS = 0x80000010, 1
SLOTS, SLOT = 16, 256


def message(kind: int, size: int = 0, flags: int = 0, payload: bytes = b"") -> bytes:
    return (struct.pack("<IBB2xQ", kind, size, flags, 0) + payload).ljust(SLOT, b"\0")


def page(**slots: bytes) -> bytes:
    """A page with messages in some slots: s2=…"""
    return b"".join(slots.get(f"s{index}", bytes(SLOT)) for index in range(SLOTS))


TIMER_PENDING = message(TIMER, 24, 1, struct.pack("<IIQQ", 0, 0, 1, 2))
TIMER_LAST = message(TIMER, 24, 0, struct.pack("<IIQQ", 0, 0, 1, 2))
UNLOAD = message(VMBUS, 8, 0, struct.pack("<II", 17, 0))


def codes(freed: Freed) -> list[str]:
    return [finding.code for finding in freed.findings]


def test_only_the_type_of_the_slot_is_written() -> None:
    before = page(s2=TIMER_PENDING, s3=UNLOAD)
    freed = free(DECODERS["x64"], before, 2)
    assert freed.is_freed
    assert freed.page == before[: 2 * SLOT] + bytes(4) + before[2 * SLOT + 4 :]


def test_an_end_of_message_is_owed_where_another_message_is_pending() -> None:
    (owed,) = free(DECODERS["x64"], page(s2=TIMER_PENDING), 2).owed
    assert (owed.found.name, owed.found.number, owed.value, owed.call) == ("HV_X64_MSR_EOM", 0x40000084, 0, "")
    assert free(DECODERS["x64"], page(s2=TIMER_LAST), 2).owed == ()


def test_on_arm64_it_is_owed_by_hypercall() -> None:
    (owed,) = free(DECODERS["arm64"], page(s2=TIMER_PENDING), 2).owed
    assert (owed.found.name, owed.found.number, owed.call) == ("HV_REGISTER_EOM", 0x000A0014, "HVCALL_SET_VP_REGISTERS")
    assert int.from_bytes(owed.control, "little") == 0x51 | 1 << 32  # the call's code, and one register
    header = struct.pack("<QIB3x", 0xFFFFFFFFFFFFFFFF, 0xFFFFFFFE, 0)  # this partition, this VP
    assert owed.input == header + struct.pack("<I12x16x", 0x000A0014)


KEPT = {
    "free_already": (page(), 2, None, ["slot_free"]),
    "free_though_a_type_was_expected": (page(), 2, VMBUS, ["slot_free"]),
    "free_with_what_was_left": (page(s2=message(0, 24, 1, b"left")), 2, None, ["stale_payload", "slot_free"]),
    "another_message": (page(s2=TIMER_PENDING), 2, VMBUS, ["type_changed"]),
    "another_slot_is_used": (page(s3=TIMER_PENDING), 2, None, ["slot_free"]),
}


@pytest.mark.parametrize(("before", "slot", "expected", "wanted"), KEPT.values(), ids=KEPT)
def test_nothing_is_written_or_owed_where_the_exchange_fails(before: bytes, slot: int, expected: int | None, wanted: list[str]) -> None:
    freed = free(DECODERS["x64"], before, slot, expected)
    assert not freed.is_freed
    assert freed.page == before
    assert freed.owed == ()
    assert codes(freed) == wanted


def test_what_a_blind_write_would_lose_is_named() -> None:
    (finding,) = free(DECODERS["x64"], page(s2=TIMER_PENDING), 2, VMBUS).findings
    assert "HVMSG_TIMER_EXPIRED (0x80000010), not VMBus (0x1)" in finding.text
    assert "a blind write of 0 would lose it" in finding.text


SEEN = {
    "size": (message(TIMER, 250, 0), ["out_of_range"]),
    "unknown_type": (message(0x80000013), ["unknown_value"]),
    "unload_response": (UNLOAD, ["unload_response"]),
    "other_arch": (message(0x80010000, 0), []),
}


@pytest.mark.parametrize(("slot", "wanted"), SEEN.values(), ids=SEEN)
def test_findings_about_the_message_are_reported(slot: bytes, wanted: list[str]) -> None:
    freed = free(DECODERS["x64"], page(s0=slot), 0)
    assert set(wanted) <= set(codes(freed))
    assert freed.is_freed


def test_a_type_that_only_the_other_arch_has_is_reported() -> None:
    freed = free(DECODERS["arm64"], page(s0=message(0x80010005, 0)), 0)
    assert [f.text for f in freed.findings if "only on x64" in f.text]


@pytest.mark.parametrize("index", [-1, 16, 10**30])
def test_there_are_sixteen_slots(index: int) -> None:
    with pytest.raises(UsageError, match="slots 0 to 15"):
        free(DECODERS["x64"], page(), index)


@pytest.mark.parametrize("size", [256, 256 + 2, 256 + 5])
def test_a_page_that_ends_before_or_within_the_slot_has_no_such_slot(size: int) -> None:
    with pytest.raises(UsageError, match=r"there is no slot 1|ends within slot 1"):
        free(DECODERS["x64"], page()[:size], 1)


@pytest.mark.parametrize(
    ("text", "number", "kind"),
    [
        ("VMBus", None, 1),
        ("HVMSG_TIMER_EXPIRED", None, TIMER),
        ("hvmsg-timer-expired", None, TIMER),
        ("1", 1, 1),
        ("0x80000010", TIMER, TIMER),
    ],
)
def test_a_type_is_a_name_or_a_number(text: str, number: int | None, kind: int) -> None:
    assert read_type(DECODERS["x64"], Assignment("message_type", text, number)) == kind


@given(st.integers(0), st.integers(0, 15), st.sampled_from(["x64", "arm64"]))
def test_any_page_is_freed_or_left_as_it_is(seed: int, index: int, arch: str) -> None:
    data = Random(seed).randbytes(SLOTS * SLOT)
    freed = free(DECODERS[arch], data, index)
    kind = data[index * SLOT : index * SLOT + 4]
    assert freed.is_freed == any(kind)
    assert freed.page == data[: index * SLOT] + bytes(4) + data[index * SLOT + 4 :]
    assert bool(freed.owed) == (any(kind) and bool(data[index * SLOT + 5] & 1))
