"""Every key of the spec format, with a test spec for each: the exact tree, sentence and findings of tests/data/vocabulary.json."""

from __future__ import annotations

import json
from typing import Any

from tests.codec.layouts import THINGS, thing, tree
from tests.each import each
from tests.paths import DATA

ROWS: list[dict[str, Any]] = json.loads((DATA / "vocabulary.json").read_text(encoding="utf-8"))


@each(ROWS, lambda row: f"{row['what']} {row['arch']} {row['value'][:40]}")
def test_a_word_of_the_format_means_what_its_readme_says(row: dict[str, Any]) -> None:
    name, _, output = row["what"].partition(".")
    one = thing(name, row["arch"], output=bool(output))
    context = row.get("context", {})
    data = int(row["value"], 16).to_bytes(one.width // 8, "little") if one.width else bytes.fromhex(row["value"])
    node = one.decode(data, **context)
    assert tree(node) == row["tree"]
    assert list(tree(node)) == list(row["tree"])
    assert node.summary == row.get("summary", "")
    assert [f"{finding.code} {finding.field}".strip() for finding in node.findings] == row.get("findings", [])
    assert one.through_json(node, **context) == data


def test_every_test_spec_is_used() -> None:
    used = {row["what"].partition(".")[0] for row in ROWS}
    numbered = {"TEST_REGISTER0": "TEST_REGISTER1", "TEST_REGISTER_RELEASE": "TEST_X64_MSR_RELEASE"}
    specs = {one.found.name for one in THINGS if one.found.name.startswith("TEST")}
    inner = {"TEST_COLORED_HEAD", "TEST_ENTRY", "TEST_FLAGS", "TEST_ITEM", "TEST_CASE_OF"}
    assert {numbered.get(name, name) for name in specs} - inner <= used


def test_the_json_of_a_register_has_the_form_of_the_contract() -> None:
    node = thing("TEST_REGISTER1").decode((0x3F3).to_bytes(8, "little"))
    assert json.dumps(node.to_dict()) == json.dumps(
        {
            "name": "TEST_REGISTER1",
            "kind": "register",
            "arch": "x64",
            "space": "register",
            "number": "0x7F000001",
            "raw": "0x00000000000003f3",
            "summary": "vector 0xf3, enabled",
            "fields": [
                {"name": "reserved_63_10", "bits": [63, 10], "raw": "0x00000000000000", "value": 0, "reserved": True},
                {"name": "enabled", "bits": [9, 9], "raw": "0x1", "value": 1},
                {"name": "reserved_8_8", "bits": [8, 8], "raw": "0x1", "value": 1, "reserved": True},
                {"name": "vector", "bits": [7, 0], "raw": "0xf3", "value": 243},
            ],
            "source": ["test:registers#plain"],
        }
    )


def test_the_json_of_a_leaf_counts_bits_within_its_registers() -> None:
    fields = thing("TEST_CPUID_LEAF").decode((0xFF << 64 | 1 << 32 | 0x342).to_bytes(16, "little")).to_dict()["fields"]
    assert [(field["name"], field["reg"], field["bits"]) for field in fields] == [
        ("mask", "edx:ecx", [63, 0]),
        ("reserved_63_33", "ebx", [31, 1]),
        ("fast", "ebx", [0, 0]),
        ("reserved_31_11", "eax", [31, 11]),
        ("mode", "eax", [10, 8]),
        ("level", "eax", [7, 0]),
    ]


def test_the_json_of_a_struct_has_offsets_from_its_start() -> None:
    node = thing("TEST_SWITCH_USED").decode(bytes.fromhex("0108" + "ff01feffffffff7f" + "00" * 8))
    fields = [*node.to_dict()["fields"]]
    assert [(field["name"], field["offset"], field["size"]) for field in fields] == [
        ("what", 0, 1),
        ("length", 1, 1),
        ("data", 2, 8),
        ("data_unused", 10, 8),
    ]
    assert fields[2]["type"] == "TEST_SIGNED"
    assert [(field["name"], field["offset"], field["size"], field["raw"]) for field in fields[2]["fields"]] == [
        ("byte", 2, 1, "0xff"),
        ("flag", 3, 1, "0x01"),
        ("word", 4, 2, "0xfffe"),
        ("long", 6, 4, "0x7fffffff"),
    ]


def test_further_readings_are_next_to_the_first() -> None:
    value = thing("TEST_READINGS").decode(bytes.fromhex("feffffffffffff41")).fields[0]
    assert [(reading.name, tree(reading)) for reading in value.readings] == [
        ("signed_value", 0x41FFFFFFFFFFFFFE),
        ("flags", {"reserved_7_2": 63, "broken": 1, "ready": 0}),
        ("entry", {"byte": -2, "flag": 255, "word": -1, "long": 0x41FFFFFF}),
        ("text", r"feffffffffffff41 \xfe\xff\xff\xff\xff\xff\xffA"),
    ]
    negative = thing("TEST_READINGS").decode(b"\xff" * 8).fields[0]
    assert negative.readings[0].value == -1
    assert negative.value == 2**64 - 1
    assert negative.readings[2].summary == "-1, -1, -1"


def test_the_readings_of_a_value_report_nothing() -> None:
    assert thing("TEST_READINGS").decode(b"\xff" * 8).findings == ()


def test_a_number_above_64_bits_has_no_value() -> None:
    node = thing("TEST_CPUID_TEXT").decode(bytes(4) + b"Microsoft Hv")
    vendor = node.find("vendor")
    assert vendor
    assert vendor.value is None
    assert vendor.raw == "0x76482074666f736f7263694d"
    assert vendor.meaning == "Microsoft Hv"
    assert node.raw == "0x76482074666f736f7263694d00000000"


def test_what_an_older_header_called_it_is_named_in_a_finding() -> None:
    one = thing("HV_REGISTER_SINT2")
    assert one.found.name == "HV_X64_MSR_SINT2"
    texts = [finding.text for finding in one.decode(bytes(8)).findings if finding.code == "name_was"]
    assert texts == ["older headers gave this name to msr 0x40000092"]
