"""Columns of every kind in tables, good and bad: a row for each value, and a type that depends on the thing alone."""

from __future__ import annotations

import decimal
import json
import subprocess
import sys
from typing import Any

import pytest

pa = pytest.importorskip("pyarrow", reason="needs pyarrow")

import hvrepl  # noqa: E402
from hvrepl.columns import (  # noqa: E402
    annotate_column,
    annotated_type,
    column_type,
    crash_column,
    crash_type,
    decode_batches,
    decode_column,
    encode_column,
    encoded_type,
)
from hvrepl.columns import decode as module  # noqa: E402
from hvrepl.errors import NotFoundError, UsageError  # noqa: E402
from tests.paths import DATA, ROOT  # noqa: E402
from tests.program import call  # noqa: E402

LINUX = 0x8100000606570000
SENTENCE = "Linux 6.6.87"
DATA_OF_LINUX = LINUX.to_bytes(8, "little")
TEXT = "hv_vmbus: Hypercall 5c failed with status 0x5"
OWN = DATA / "own"

# Columns that hold the same number, then a null.
SAME: dict[str, Any] = {
    "unsigned": pa.array([LINUX, None], pa.uint64()),
    "signed": pa.array([LINUX - (1 << 64), None], pa.int64()),
    "hex": pa.array([f"{LINUX:#x}", None]),
    "hex of other notations": pa.array(["81000006`06570000", None]),
    "decimal text": pa.array([f"0n{LINUX}", None]),
    "blanks": pa.array([f"  {LINUX:#X}\t", None]),
    "large text": pa.array([f"{LINUX:#x}", None], pa.large_string()),
    "text views": pa.array([f"{LINUX:#x}", None], pa.string_view()),
    "bytes": pa.array([DATA_OF_LINUX, None]),
    "large bytes": pa.array([DATA_OF_LINUX, None], pa.large_binary()),
    "views of bytes": pa.array([DATA_OF_LINUX, None], pa.binary_view()),
    "bytes of fixed size": pa.array([DATA_OF_LINUX, None], pa.binary(8)),
    "dictionary": pa.array([LINUX, None], pa.uint64()).dictionary_encode(),
    "dictionary with a null in it": pa.DictionaryArray.from_arrays([1, 0], pa.array([None, LINUX], pa.uint64())),
    "dictionary of text": pa.array([f"{LINUX:#x}", None]).dictionary_encode(),
    "decimal": pa.array([decimal.Decimal(LINUX), None], pa.decimal128(20, 0)),
    "chunked": pa.chunked_array([[LINUX], [], [None]], pa.uint64()),
    "sliced": pa.array([1, 2, LINUX, None, 3], pa.uint64()).slice(2, 2),
    "sliced text": pa.array(["1", f"{LINUX:#x}", None]).slice(1),
    "sliced dictionary": pa.array(["1", f"{LINUX:#x}", None]).dictionary_encode().slice(1),
    "table": pa.table({"id": pa.array([LINUX, None], pa.uint64())}),
    "record batch": pa.record_batch({"id": pa.array([LINUX, None], pa.uint64())}),
    "runs": pa.RunEndEncodedArray.from_arrays([1, 2], pa.array([LINUX, None], pa.uint64())),
    "list": [LINUX, None],
    "tuple of text": (f"{LINUX:#x}", None),
}


@pytest.mark.parametrize("column", SAME.values(), ids=SAME)
def test_a_column_of_any_kind_is_read(column: Any) -> None:
    found = decode_column("guest-id", column)
    found.validate(full=True)
    assert found.type == column_type("guest-id")
    first, second = found.to_pylist()
    assert (first["summary"], first["version"], first["version_meaning"], first["error"]) == (SENTENCE, 0x60657, "6.6.87", None)
    assert second is None


@pytest.mark.parametrize("bits", [32, 64, 128, 256])
def test_decimals_of_every_width_are_read(bits: int) -> None:
    if not hasattr(pa, f"decimal{bits}"):
        pytest.skip("needs pyarrow 19")
    column = pa.array([decimal.Decimal("5.0"), decimal.Decimal("5.5"), None], getattr(pa, f"decimal{bits}")(5, 1))
    first, second, third = decode_column("sint2", column).to_pylist()
    assert (first["vector"], second["error"], third) == (5, "5.5 is not an integer", None)


def test_arrays_of_numpy_that_arrow_does_not_take_are_read() -> None:
    numpy = pytest.importorskip("numpy", reason="needs numpy")
    assert decode_column("guest-id", numpy.array([LINUX], ">u8")).to_pylist()[0]["summary"] == SENTENCE
    assert "is neither an integer" in decode_column("guest-id", numpy.zeros((1, 2), "u8")).to_pylist()[0]["error"]


def test_values_of_several_kinds_are_each_read_as_what_they_are() -> None:
    rows = decode_column("guest-id", [LINUX, f"{LINUX:#x}", DATA_OF_LINUX, 1.0, None]).to_pylist()
    assert rows[0] == rows[1] == rows[2]
    assert rows[0]["summary"] == SENTENCE
    assert (rows[3]["build"], rows[4]) == (1, None)


class Odd:
    """A value that neither compares nor hashes."""

    def __eq__(self, _: object) -> bool:
        raise RuntimeError

    __hash__ = None  # type: ignore[assignment]


EMPTY = {
    "array": pa.array([], pa.uint64()),
    "no chunks": pa.chunked_array([], pa.uint64()),
    "dictionary": pa.array([], pa.string()).dictionary_encode(),
    "list": [],
    "of another type": pa.array([], pa.bool_()),
}


@pytest.mark.parametrize("column", EMPTY.values(), ids=EMPTY)
def test_an_empty_column_has_its_type(column: Any) -> None:
    found = decode_column("message", column)
    assert (len(found), found.type) == (0, column_type("message"))


BAD = {
    "too wide": (pa.array([1 << 16, 5], pa.uint32()), "0x10000 is 17 bits wide; HV_MESSAGE_FLAGS has 8"),
    "too low": (pa.array([-129, 5]), "-0x81 is 8 bits wide; HV_MESSAGE_FLAGS has 8"),
    "no number": (pa.array(["x y", "5"]), "'x y' is more than one word; expected one number"),
    "a part": (pa.array([1.5, 5.0]), "1.5 is not an integer"),
    "too large for a float": (pa.array([2.0**60, 5.0]), "1.152921504606847e+18 is too large for a floating-point number"),
    "not a number": (pa.array([float("nan"), 5.0]), "nan is not an integer"),
    "other bytes": (pa.array([b"\0\0", b"\5"]), "HV_MESSAGE_FLAGS takes 1 bytes, not 2"),
    "empty text": (pa.array(["", "5"]), "an empty value; expected a number"),
    "digits": (pa.array(["12345678", "5"]), "'12345678' can be hex or decimal; write 0x12345678 or 0n12345678, or pass is_hex=True"),
    "kinds": ([object, "5"], "a value of type type is neither an integer, nor hex text, nor bytes"),
    "truth": ([True, "5"], "True is not a number"),
    "an object": ([{"a": 1}, 5], "a value of type dict is neither an integer, nor hex text, nor bytes"),
    "a list": ([[1, {"b": 2}], "5"], "a value of type list is neither an integer, nor hex text, nor bytes"),
    "a set": ([{1}, b"\5"], "a value of type set is neither an integer, nor hex text, nor bytes"),
    "what raises when it is compared": ([Odd(), 5], "a value of type Odd is neither an integer, nor hex text, nor bytes"),
    "a part in decimal": ([decimal.Decimal("1.5"), decimal.Decimal(5)], "1.5 is not an integer"),
    "no decimal number": ([decimal.Decimal("sNaN"), 5], "sNaN is not an integer"),
    "infinite": ([decimal.Decimal("-Infinity"), 5.0], "-Infinity is not an integer"),
    "complex": ([1j, 5], "a value of type complex is neither an integer, nor hex text, nor bytes"),
    "not Unicode": (["\ud800", "5"], "'\\ud800' (U+D800) at character 1 of '\\ud800' is not an ASCII digit"),
    "what is read once": (iter([{}, "5"]), "a value of type dict is neither an integer, nor hex text, nor bytes"),
}


@pytest.mark.parametrize(("column", "reason"), BAD.values(), ids=BAD)
def test_what_cannot_be_read_is_null_with_its_reason_and_nothing_else_is_lost(column: Any, reason: str) -> None:
    bad, good = decode_column("HV_MESSAGE_FLAGS", column).to_pylist()
    assert bad.pop("error").startswith(reason)
    assert set(bad.values()) == {None}
    assert (good["error"], good["summary"]) == (None, hvrepl.decode("HV_MESSAGE_FLAGS", 5).summary)


@pytest.mark.parametrize(
    "column",
    [pa.array([True, None]), pa.array([[1], None]), pa.array([{"a": 1, "b": 2}, None]), [{"a": 1}, None]],
    ids=["bool", "list", "struct", "list of objects"],
)
def test_a_column_of_something_else_is_null_with_its_reason(column: Any) -> None:
    reason = f"a column of {pa.array(column).type} contains neither integers, nor hex text, nor bytes"
    first, second = decode_column("sint2", column).to_pylist()
    assert first["error"] == reason
    assert second is None
    first, second = crash_column(*[column] * 5).to_pylist()
    assert (first["error"], second) == (f"P0: {reason}", None)
    first, second = annotate_column(column).to_pylist()
    assert (first["error"], second) == (f"a column of {pa.array(column).type} is not text", None)
    first, second = encode_column("sint2", {"vector": column}).to_pylist()
    assert (first["error"], second) == (f"vector: {reason}", None)


def test_what_is_not_a_column_is_refused() -> None:
    with pytest.raises(UsageError, match="int is not a column"):
        decode_column("sint2", 5)
    with pytest.raises(UsageError, match="a table without columns"):
        decode_column("sint2", pa.table({}))
    with pytest.raises(UsageError, match="a table of 2 columns; give one of them: a, b"):
        decode_column("sint2", pa.table({"a": [1], "b": [2]}))


@pytest.mark.parametrize(
    ("what", "arch", "error", "says"),
    [
        ("sintt2", "x64", NotFoundError, "did you mean"),
        ("sint2", "mips", UsageError, "no such arch"),
        ("HVCALL_FLUSH_GUEST_PHYSICAL_ADDRESS_LIST", "x64", UsageError, "has no fixed size"),
        ("sint2.output", "x64", UsageError, "has no output"),
    ],
)
def test_a_thing_that_no_column_can_be_of_is_refused(what: str, arch: str, error: type[Exception], says: str) -> None:
    with pytest.raises(error, match=says):
        decode_column(what, [1], arch=arch)


@pytest.mark.parametrize("rows", [module.FEW // 2, module.FEW * 4])
@pytest.mark.parametrize("distinct", [3, 10**6])
@pytest.mark.parametrize("kind", ["numbers", "text", "bytes", "leaves"])
def test_bad_rows_among_many_are_reported_whichever_way_the_column_goes(rows: int, distinct: int, kind: str) -> None:
    numbers = [None if at % 7 == 0 else (at * 0x9E3779B97F4A7C15) % (1 << 64) if distinct > rows else at % distinct for at in range(rows)]
    what = {"leaves": "cpuid:0x40000003", "numbers": "status"}.get(kind, "sint2")
    if kind == "numbers":
        numbers = [number if number is None or at % 5 == 0 else number & 0xFFFFFFFF for at, number in enumerate(numbers)]
        column = pa.array(numbers, pa.uint64())
    elif kind == "text":
        column = pa.array([None if number is None else "oops" if at % 5 == 0 else f"{number:#x}" for at, number in enumerate(numbers)])
    else:
        size = 16 if kind == "leaves" else 8
        column = pa.array([None if number is None else number.to_bytes(8, "little").ljust(size, b"\1") for number in numbers])
    found = decode_column(what, column)
    found.validate(full=True)
    assert found.type == column_type(what)
    for value, row in zip(column.to_pylist(), found.to_pylist(), strict=True):
        if value is None:
            assert row is None
            continue
        node, reason = told(what, value)
        assert (row["error"] or "").startswith(reason)
        assert bool(row["error"]) == bool(reason)
        expected = (node.summary, [one.code for one in node.findings]) if node else (None, None)
        assert (row["summary"], row["findings"]) == expected


def told(what: str, value: int | str | bytes) -> tuple[hvrepl.Decoded | None, str]:
    """The result of decoding one value, or the reason why it cannot be read."""
    if value == "oops":
        return None, "'oops' is not a number"
    try:
        return hvrepl.decode(what, int(value, 16) if isinstance(value, str) else value), ""
    except UsageError as error:
        return None, str(error)


def test_the_type_is_the_same_whatever_the_values_are() -> None:
    columns = ([], [None], [0], [LINUX], ["x"], [1 << 63], list(range(5000)))
    assert {str(decode_column("guest-id", column).type) for column in columns} == {str(column_type("guest-id"))}
    numbers = column_type("guest-id", summary=False)
    assert decode_column("guest-id", [LINUX], summary=False).type == numbers
    assert [field.name for field in numbers if field.name.endswith(("_meaning", "summary", "findings"))] == []
    assert column_type("sint2").field("vector").type == pa.uint8()


def test_the_fields_of_a_variant_share_one_bitmap() -> None:
    windows = hvrepl.encode("guest-id", vendor=1, os_id=4, major=10)
    for values in ([LINUX, windows] * 2, [(LINUX if at % 2 else int(windows)) ^ at << 16 for at in range(4096)]):
        found = decode_column("guest-id", pa.array(values, pa.uint64()))
        for names in (("distro", "version"), ("vendor", "os_id", "major", "service")):
            buffers = [found.field(name).buffers()[0] for name in names]
            assert len({buffer.address for buffer in buffers}) == 1
        assert found.field("distro").null_count == len(values) // 2


def test_a_field_that_is_called_as_one_of_our_own_keeps_its_value() -> None:
    kind = column_type("MSR_AMD64_SEV_ES_GHCB")
    names = [field.name for field in kind]
    assert {"error", "error_value"} <= set(names)
    assert len(set(names)) == len(names)


def test_a_struct_is_read_from_bytes_and_from_text_and_says_when_it_is_cut() -> None:
    message = hvrepl.encode("message", message_type="HVMSG_TIMER_EXPIRED", **{"payload.timer_index": 3})
    assert isinstance(message, bytes)
    whole, text, cut, longer, short = decode_column(
        "message", [message, message.hex(" "), message[:30], message + b"\1", b"\0"]
    ).to_pylist()
    assert whole == text
    assert (whole["header.message_type"], whole["header.message_type_meaning"]) == (0x80000010, "HVMSG_TIMER_EXPIRED")
    assert whole["payload.timer_index"] == 3
    assert cut["header.message_type"] == 0x80000010
    assert "truncated" in cut["findings"]
    assert "trailing" in longer["findings"]
    assert short["error"] == "message: got 1 byte, needs at least 16"


def test_hex_digits_and_leaves_are_read_as_tools_print_them() -> None:
    assert decode_column("sint2", ["00000000000200f3", "200f3"], is_hex=True).field("vector").to_pylist() == [0xF3, 0xF3]
    leaf = decode_column("cpuid:0x40000003", ["eax=0x1 ebx=0x2 ecx=0 edx=0", (1 | 2 << 32).to_bytes(16, "little")])
    assert leaf[0].as_py() == leaf[1].as_py()
    assert decode_column("our-debug", [1], specs=OWN).to_pylist()[0]["error"] is None


def test_batches_are_decoded_one_after_the_other() -> None:
    batches = [pa.array([LINUX, None], pa.uint64()), pa.array([f"{LINUX:#x}"]), pa.array([], pa.int64())]
    assert [[row and row["summary"] for row in one.to_pylist()] for one in decode_batches("guest-id", batches)] == [
        [SENTENCE, None],
        [SENTENCE],
        [],
    ]


def test_what_is_kept_of_a_long_stream_of_different_values_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_CELLS", 100 * column_type("sint2").num_fields)
    found = [decode_column("sint2", list(range(at, at + 60))).field("vector").to_pylist() for at in range(0, 600, 60)]
    assert [one for part in found for one in part] == [number % 256 for number in range(600)]
    assert all(len(one._table) <= 200 for one in module.KEPT.columns.values() if one._found.called == "sint2")


def test_crashes_are_explained_as_by_the_command() -> None:
    column = crash_column(["0x1e", None, 1, 1], [0xC0000005, None, "x", None], [1, None, 2, 2], [2, None, 3, 3], pa.array([3, None, 4, 4]))
    assert column.type == crash_type()
    first, second, third, fourth = column.to_pylist()
    told = json.loads(call("crash", "0x1e", "0xc0000005", "1", "2", "3", "-f", "json").out)
    assert (first["os"], first["summary"]) == (told["os"], told["summary"])
    assert [(first[f"p{at}"], first[f"p{at}_name"], first[f"p{at}_meaning"]) for at in range(5)] == [
        (int(one["raw"], 16), one["name"], one.get("meaning")) for one in told["parameters"]
    ]
    assert second is None
    assert third["error"].startswith("P1: 'x' is not a number")
    assert fourth["error"] == "P1 is missing"
    assert crash_column(*[[b"\x1e"]] * 5).to_pylist()[0]["error"] == "P0 takes a number, not bytes"
    with pytest.raises(UsageError, match="a crash has 5 parameters"):
        crash_column([1], [2])
    with pytest.raises(UsageError, match="different lengths: 1, 1, 1, 1, 2"):
        crash_column([1], [1], [1], [1], [1, 2])


LOGS = [json.loads(line)["raw"] for line in (DATA / "logs" / "real.jsonl").read_text().splitlines()]


@pytest.mark.parametrize("text", LOGS, ids=range(len(LOGS)))
def test_texts_are_annotated_as_the_command_does(text: str) -> None:
    row = annotate_column([text]).to_pylist()[0]
    lines = call("annotate", "-f", "ndjson", stdin=text.encode()).out.splitlines()
    assert json.loads(row["found"]) == [found for line in lines for found in json.loads(line)["found"]]


def test_each_text_is_a_log_of_its_own() -> None:
    column = annotate_column([TEXT, None, "nothing", TEXT, 5])
    assert column.type == annotated_type()
    rows = column.to_pylist()
    assert rows[0] == rows[3]
    assert (rows[0]["summary"], rows[0]["names"]) == ("HV_HYPERCALL_RESULT 0x5: HV_STATUS_INVALID_PARAMETER", ["HV_HYPERCALL_RESULT"])
    assert rows[1] is None
    assert (rows[2]["summary"], rows[2]["found"]) == ("", "[]")
    assert rows[4]["error"] == "5 is not text"
    assert [row["error"] for row in annotate_column([{}, 1.5]).to_pylist()] == ["a value of type dict is not text", "1.5 is not text"]


def test_what_a_text_says_twice_is_explained_once() -> None:
    (row,) = annotate_column([f"{TEXT} {TEXT.replace('5c', '5d')}"]).to_pylist()
    assert row["summary"].split("\n") == list(dict.fromkeys(row["summary"].split("\n")))
    assert len(row["names"]) == len(json.loads(row["found"])) > row["summary"].count("HV_HYPERCALL_RESULT") == 1


def test_columns_of_fields_are_encoded() -> None:
    column = encode_column("guest-id", {"kernel": ["6.6.87", "x", None, None], "build": [7, 1, None, 70000]})
    assert column.type == encoded_type("guest-id")
    rows = column.to_pylist()
    assert rows[0] == {"value": hvrepl.encode("guest-id", kernel="6.6.87", build=7), "error": None}
    assert rows[1] == {"value": None, "error": "'x' is not a kernel version such as 6.6.87"}
    assert rows[2] is None
    assert rows[3]["value"] is None
    assert rows[3]["error"]
    of_text = encode_column("sint2", {"vector": ["0xf3", "243", decimal.Decimal(243), 243.0]})
    assert of_text.field("value").to_pylist() == [0xF3] * 4
    made = encode_column("message", {"message_type": ["HVMSG_TIMER_EXPIRED"], "payload.timer_index": [1]})
    assert made.type.field("value").type == pa.binary()
    assert decode_column("message", made.field("value")).field("payload.timer_index").to_pylist() == [1]
    with pytest.raises(UsageError, match="different lengths"):
        encode_column("sint2", {"vector": [1], "masked": [1, 0]})


def test_what_was_decoded_is_encoded_again() -> None:
    values = [0x200F3, 0x10000, (1 << 64) - 1]
    decoded = decode_column("sint2", values, summary=False)
    fields = {field.name: decoded.field(field.name) for field in decoded.type if field.name != "error"}
    assert encode_column("sint2", fields).field("value").to_pylist() == values


def test_nothing_else_imports_pyarrow() -> None:
    program = "import sys, hvrepl; hvrepl.decode('sint2', 1); print(*{'pyarrow', 'hvrepl.columns'} & {*sys.modules})"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.split() == []


def test_without_pyarrow_it_says_what_to_install() -> None:
    script = "import sys; sys.modules['pyarrow'] = None; import hvrepl.columns"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.stderr.splitlines()[-1] == "ImportError: hvrepl.columns needs pyarrow: pip install pyarrow"
