"""decode's JSON back to bytes: a program may have changed it, or it may be something else."""

from __future__ import annotations

import re
from typing import Any

import pytest

from hvrepl.codec.decoded import from_dict
from hvrepl.errors import UsageError
from tests.codec.layouts import thing


def decoded(what: str, value: int | str) -> dict[str, Any]:
    one = thing(what)
    return one.decode(value.to_bytes(one.width // 8, "little") if isinstance(value, int) else bytes.fromhex(value)).to_dict()


def encoded(what: str, table: Any) -> str:
    return thing(what).encode(from_dict(table)).hex(" ", 1)


def field(table: dict[str, Any], *names: str) -> dict[str, Any]:
    for name in names:
        table = next(one for one in (*table.get("fields", ()), *table.get("slots", ())) if one["name"] == name)
    return table


def test_a_changed_value_counts_before_its_raw() -> None:
    table = decoded("sint2", 0x200F3)
    field(table, "vector")["value"] = 0x31
    assert encoded("sint2", table).startswith("31 00 02")


def test_a_value_alone_is_enough() -> None:
    assert encoded("sint2", {"fields": [{"name": "vector", "value": 0xF3}, {"name": "auto_eoi", "value": 1}]}).startswith("f3 00 02")


def test_a_changed_member_of_a_variant_is_written_where_it_was() -> None:
    table = decoded("message", "10000080 18" + "00" * 251)
    field(table, "payload", "timer_index")["value"] = 3
    assert encoded("message", table).startswith("10 00 00 80 18 00 00 00 00 00 00 00 00 00 00 00 03 00")


def test_an_added_element_makes_the_struct_longer() -> None:
    table = decoded("TEST_COUNTED", "01000000 010001")
    field(table, "item_count")["value"] = 2
    field(table, "items")["fields"].append(field(table, "items", "[0]") | {"name": "[1]"})
    assert encoded("TEST_COUNTED", table) == "02 00 00 00 01 00 01 01 00 01"


def test_a_smaller_payload_keeps_the_bytes_after_it() -> None:
    table = decoded("TEST_SWITCH_USED", "0308" + bytes(range(1, 17)).hex())
    field(table, "length")["value"] = 4
    table["fields"] = [one for one in table["fields"] if one["name"] != "data_unused"]
    field(table, "data")["raw"] = "01020304"
    field(table, "data").pop("size")
    table["fields"].append({"name": "data_unused", "offset": 6, "size": 12, "raw": "05060708090a0b0c0d0e0f10"})
    assert encoded("TEST_SWITCH_USED", table) == "03 04 " + bytes(range(1, 17)).hex(" ")


@pytest.mark.parametrize(
    ("what", "table", "message"),
    [
        ("sint2", {"fields": [{"name": "vectr", "value": 1}]}, "sint2 has no field vectr with these values"),
        ("sint2", {"fields": [{"name": "vector", "bits": [7, 0], "value": 256}]}, "vector is 8 bits wide; 0x100 needs 9"),
        ("message", {"fields": [{"name": "heder", "raw": "00"}]}, "message"),
        (
            "guest-id",
            {"fields": [{"name": "open_source", "value": 0}, {"name": "distro", "value": 1}]},
            "guest-id has no field distro with these values",
        ),
        ("sint2", {"raw": "0xzz"}, "raw '0xzz' is not hex"),
        ("sint2", {"raw": "123"}, "raw '123' is not hex"),
        ("sint2", {"fields": [{"name": "vector", "value": "1"}]}, "value must be a number, not '1'"),
        ("sint2", {"fields": [{"name": "vector", "value": True}]}, "value must be a number, not 'True'"),
        ("sint2", {"fields": {"vector": 1}}, "fields must be an array"),
        ("sint2", {"fields": ["vector"]}, "'vector' is not an object"),
        ("sint2", {"fields": [{"name": 1}]}, "name must be text"),
        ("sint2", {"fields": [{"name": "vector", "bits": [1]}]}, "vector: bits must be [high, low], not [1]"),
        ("sint2", [], "'[]' is not an object"),
    ],
)
def test_json_that_is_something_else_is_refused_in_one_line(what: str, table: Any, message: str) -> None:
    with pytest.raises(UsageError, match=re.escape(message)) as caught:
        encoded(what, table)
    assert "\n" not in str(caught.value)
