"""How the texts of a spec are read: bits, ranges, types, places of members."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hvrepl.catalog.model import Spec
from hvrepl.catalog.parse_specs import PlaceError, expand_names, parse_bits, parse_range, parse_spec


@pytest.mark.parametrize(
    ("text", "bits"),
    [
        ("0", (0, 1)),
        ("63:12", (12, 52)),
        ("16", (16, 1)),
        ("127:0", (0, 128)),
        ("eax.0", (0, 1)),
        ("ebx.31:0", (32, 32)),
        ("edx.10", (106, 1)),
        ("edx.31:16", (112, 16)),
        ("ecx", (64, 32)),
        ("edx:ebx", (32, 96)),
        ("edx:eax", (0, 128)),
    ],
)
def test_bits_are_read_as_lowest_bit_and_width(text: str, bits: tuple[int, int]) -> None:
    assert parse_bits(text) == bits


@pytest.mark.parametrize(
    "text", ["", "a", "1:", ":1", "3:2:1", "eax.", "eax:", "eax:esi", "eax.3:ebx.2", "eax:ebx:ecx", "-1", "1 : 0", "٣"]
)
def test_other_bits_are_refused_with_what_they_should_look_like(text: str) -> None:
    with pytest.raises(PlaceError, match=r"should look like"):
        parse_bits(text)


@pytest.mark.parametrize(
    ("value", "limits"),
    [
        (7, (7, 7)),
        (1 << 100, (1 << 100, 1 << 100)),
        ("7", (7, 7)),
        ("0", (0, 0)),
        ("0x10", (16, 16)),
        ("16-31", (16, 31)),
        ("0x20-0x3F", (32, 63)),
        ("0-0x10", (0, 16)),
        ("5-5", (5, 5)),
        ("f8615163-df3e-46c5-913f-f2d2f965ed0e", (0x0EED65F9D2F23F9146C5DF3EF8615163,) * 2),
    ],
)
def test_a_number_range_or_guid_is_read_as_its_limits(value: int | str, limits: tuple[int, int]) -> None:
    assert parse_range(value) == limits


@given(st.text())
def test_any_other_text_is_refused_and_never_breaks(text: str) -> None:
    for parse in (parse_bits, parse_range):
        try:
            low, _ = parse(text)
        except PlaceError:
            continue
        assert low >= 0


def struct(*fields: dict[str, object]) -> Spec:
    return parse_spec({"kind": "struct", "name": "BAD", "source": ["test:a#b"], "layout": {"fields": fields}}, "common")


def test_members_follow_one_another() -> None:
    spec = struct(
        {"name": "a", "type": "u16"},
        {"name": "b", "type": "u8[6]"},
        {"name": "c", "type": "u32", "count": 3},
        {"name": "d", "type": "u64[2]"},
        {"reserved": "zero", "size": 4},
        {"name": "e", "type": "guid"},
        {"name": "f", "type": "u16", "count": "a"},
        {"name": "g", "type": "u8"},
        {"at": 64, "reserved": "ignore", "size": 8},
    )
    assert spec.layout
    assert [(field.name, field.at) for field in spec.layout.fields] == [
        ("a", 0),
        ("b", 2),
        ("c", 8),
        ("d", 20),
        ("reserved_39_36", 36),
        ("e", 40),
        ("f", 56),
        ("g", None),
        ("reserved_71_64", 64),
    ]


def test_a_field_has_its_own_source_or_its_layouts_or_the_files() -> None:
    fields = [{"name": "one", "type": "u8"}, {"name": "two", "type": "u8", "source": ["test:a#two"]}]
    layouts = {"layout": {"fields": fields}, "case": {"other": {"fields": fields, "source": ["test:a#other"]}}}
    spec = parse_spec({"kind": "struct", "name": "ONE", "source": ["test:a#file"], **layouts}, "common")
    found = [layout for layout in (spec.layout, spec.case("other")) if layout]
    assert [[field.source for field in layout.fields] for layout in found] == [
        [("test:a#file",), ("test:a#two",)],
        [("test:a#other",), ("test:a#two",)],
    ]


def test_a_file_of_names_is_one_spec_a_name_with_its_own_source_or_the_files() -> None:
    table = {
        "kind": "names",
        "space": "status",
        "source": ["test:a#file"],
        "names": [{"number": 1, "name": "ONE", "title": "the first", "source": ["test:a#one"]}, {"number": "2-3", "name": "MORE"}],
    }
    specs = [parse_spec(one, "x64", "names.toml") for one in expand_names(table)]
    assert [(spec.name, spec.kind, spec.title, spec.source) for spec in specs] == [
        ("ONE", "status", "the first", ("test:a#one",)),
        ("MORE", "status", "", ("test:a#file",)),
    ]
    assert [(one.low, one.high) for spec in specs for one in spec.addresses] == [(1, 1), (2, 3)]
