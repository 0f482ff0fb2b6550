"""Properties of every layout and all bytes: they come back bit for bit, and the tree accounts for every bit once."""

from __future__ import annotations

import re
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hvrepl.codec.decoded import KEYS, Decoded
from hvrepl.errors import UsageError
from hvrepl.record import replace
from tests.codec.layouts import THINGS, Thing, absolute, nodes, samples, thing
from tests.each import each
from tests.fuzz import amount, examples, sampled


@sampled
@each(THINGS, parts=32)
def test_a_layout_keeps_what_holds_for_all(one: Thing) -> None:
    for place, data in enumerate(samples(one)):
        node = one.decode(data)
        for check in PROPERTIES:
            check(one, node, data)
        if place % amount(6, 1) in (0, 1):  # zeros and ones among them
            for check in PROPERTIES_OF_JSON:
                check(one, node, data)


def comes_back(one: Thing, node: Decoded, data: bytes) -> None:
    assert one.encode(node) == data


def comes_back_through_json(one: Thing, node: Decoded, data: bytes) -> None:
    assert one.through_json(node) == data


def has_every_bit_in_exactly_one_leaf(one: Thing, node: Decoded, data: bytes) -> None:
    if one.width:
        check_word(node, int.from_bytes(data, "little"), one.width)
    else:
        assert check_members(node, data) == len(data)


def check_word(node: Decoded, number: int, width: int) -> None:
    """A word has its own raw, and its fields tile it from the top bit to bit 0."""
    assert node.raw == f"0x{number:0{(width + 3) // 4}x}"
    if node.fields:
        check_bits(node, number, width - 1, 0)


def check_bits(node: Decoded, number: int, high: int, low: int) -> None:
    """The fields of a word tile bits high..low of the outermost word; those of a nested word do the same within it."""
    top = high
    for field in node.fields:
        field_high, field_low = absolute(field)
        assert field_high == top, field.name
        value = number >> field_low & (1 << field_high - field_low + 1) - 1
        assert int(field.raw, 16) == value
        assert len(field.raw) == 2 + (field_high - field_low + 4) // 4
        assert field.value == (value if field_high - field_low < 64 else None)
        if field.reserved:
            assert field.register or field.name == f"reserved_{field_high - low}_{field_low - low}"
        if field.fields:
            check_bits(field, number, field_high, field_low)
        top = field_low - 1
    assert top == low - 1


def check_members(node: Decoded, data: bytes) -> int:
    """Members follow each other without a gap, each with its bytes; returns the end of the last one."""
    at = node.offset or 0
    for member in node:
        assert member.offset == at, member.name
        assert member.size is not None
        end = at + member.size
        if member.raw:
            check_raw(member, data[at:end])
        elif member.fields and member.fields[0].bits:
            check_picked_word(member, data[at:end])
        elif member.size:
            assert check_members(member, data) == end
        at = end
    return at


def check_picked_word(member: Decoded, data: bytes) -> None:
    """A word that a switch picked for more bytes than it has: its fields, followed by `rest`."""
    rest = member.find("rest")
    size = len(data) - (rest.size or 0 if rest else 0)
    fields = tuple(field for field in member.fields if field is not rest)
    check_bits(replace(member, fields=fields), int.from_bytes(data[:size], "little"), 8 * size - 1, 0)
    if rest:
        check_raw(rest, data[size:])


def check_raw(member: Decoded, data: bytes) -> None:
    number = int.from_bytes(data, "little")
    assert member.raw in (data.hex(), f"0x{number:0{2 * len(data)}x}")
    if member.value is not None:
        assert member.value & (1 << 8 * len(data)) - 1 == number
    if member.fields:
        check_bits(member, number, 8 * len(data) - 1, 0)


def has_json_keys_in_the_order_of_the_contract_and_no_empty_ones(_: Thing, node: Decoded, __: bytes) -> None:
    order = list(KEYS)
    for table in tables(node.to_dict()):
        keys = list(table)
        if set(keys) <= {"code", "field", "text"}:
            assert keys == [key for key in ("code", "field", "text") if key in table]
        else:
            assert keys == [key for key in order if key in table]
        assert not [key for key, value in table.items() if value is False or value in ("", [], None)]


def tables(value: object) -> list[dict[str, object]]:
    if isinstance(value, dict):
        return [value, *(table for one in value.values() for table in tables(one))]
    return [table for one in value for table in tables(one)] if isinstance(value, list) else []


def has_findings_of_stable_words_that_name_a_part_that_is_there(_: Thing, node: Decoded, __: bytes) -> None:
    for finding in node.findings:
        assert re.fullmatch(r"[a-z][a-z_]+", finding.code)
        assert finding.text
        assert not finding.field or node.find(finding.field), finding


def has_siblings_of_different_names(_: Thing, node: Decoded, __: bytes) -> None:
    for parent in nodes(node):
        names = [child.name for child in (*parent.slots, *parent.fields)]
        assert len(names) == len(set(names))


PROPERTIES = [
    comes_back,
    has_every_bit_in_exactly_one_leaf,
    has_findings_of_stable_words_that_name_a_part_that_is_there,
    has_siblings_of_different_names,
]
# These take longer than all others together, and depend on the layout rather than on a bit.
PROPERTIES_OF_JSON = [comes_back_through_json, has_json_keys_in_the_order_of_the_contract_and_no_empty_ones]


@each(one for one in THINGS if one.head and not one.width)
def test_fewer_bytes_than_the_head_are_refused_with_got_and_needed(one: Thing) -> None:
    with pytest.raises(UsageError, match=f"got {one.head - 1} bytes?, needs at least {one.head}"):
        one.decode(bytes(one.head - 1))
    one.decode(bytes(one.head))


WORDS = [one for one in THINGS if one.width]
STRUCTS = [one for one in THINGS if not one.width]


@settings(max_examples=examples(300), deadline=None)
@given(st.sampled_from(WORDS), st.data())
def test_any_word_round_trips(one: Thing, data: st.DataObject) -> None:
    number = data.draw(st.integers(0, (1 << one.width) - 1)).to_bytes(one.width // 8, "little")
    node = one.decode(number)
    assert one.encode(node) == one.through_json(node) == number


@settings(max_examples=examples(300), deadline=None)
@given(st.sampled_from(STRUCTS), st.data())
def test_any_bytes_round_trip(one: Thing, data: st.DataObject) -> None:
    raw = data.draw(st.binary(min_size=one.head, max_size=one.size + 16))
    node = one.decode(raw)
    assert one.encode(node) == one.through_json(node) == raw
    assert check_members(node, raw) == len(raw)


@pytest.mark.parametrize("arch", ["x64", "arm64"])
@pytest.mark.parametrize("host", ["hyperv", "kvm", "xen", ""])
def test_what_depends_on_the_host_round_trips_for_every_host(arch: str, host: str) -> None:
    one = thing("TEST_HOST_VALUE", arch)
    for data in samples(one):
        node = one.decode(data, host=host)
        check_word(node, int.from_bytes(data, "little"), one.width)
        assert one.through_json(node, host=host) == data


KINDS = [0, 1, 0x80000010, 0x80000001, 0xFFFFFFFF]
LENGTHS = [16, 17, 40, 255, 256, 257]


@each(product(KINDS, [0, 1, 7, 23, 24, 25, 239, 240, 241, 255], LENGTHS))
def test_a_message_of_any_payload_size_round_trips(kind: int, used: int, length: int) -> None:
    one = thing("message")
    data = (kind.to_bytes(4, "little") + bytes([used, 1, 0, 0]) + bytes(range(8)) + bytes(range(1, 242)))[:length]
    node = one.decode(data)
    assert one.encode(node) == one.through_json(node) == data
    assert check_members(node, data) == length
