"""`hvrepl columns`: tables in, counts or tables out; damage is reported, and everything before it is kept."""

from __future__ import annotations

import csv
import json
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from hvrepl.catalog import open_catalog
from hvrepl.commands.columns import WORTH_A_BAR
from hvrepl.commands.table import ENTRIES
from hvrepl.script.complete import Completer
from tests.at_hand import need
from tests.paths import DATA, ROOT
from tests.program import Ended, call, clean_environ
from tests.terminal import Terminal

pytest.importorskip("pyarrow", reason="needs pyarrow")

import pyarrow as pa
import pyarrow.parquet

from hvrepl.columns import census, column_type, files, json_lines
from hvrepl.columns.plain_types import without_dictionaries

FLEET = ROOT / "tests" / "data" / "fleet"
IDS = str(FLEET / "ids.parquet")
CRASHES = str(FLEET / "crashes.csv")
LINUX, WINDOWS = 0x8100000606570000, 0x0001040A00004F7C
SENTENCE = "Linux 6.6.87"
SERVER = "Windows NT 10.0.20348, Server 2022, Azure Stack HCI 21H2 or 22H2"
WIDE = "0x81000006065700001 is 68 bits wide; guest-id has 64"


def columns(*words: str | Path, **options: Any) -> Ended:
    return call("columns", *map(str, words), **options)


def counted(*words: str | Path) -> list[tuple[Any, ...]]:
    """(summary, count, …) of each object."""
    ended = columns(*words, "-f", "json")
    assert (ended.status, ended.err) == (0, "")
    return [tuple(one.values()) for one in json.loads(ended.out)]


def parquet(path: Path, rows: int = 10_000, group: int = 10_000, **columns: Any) -> Path:
    """A table of many rows and of row groups."""
    ids = columns or {
        "vm": [f"vm-{at}" for at in range(rows)],
        "id": pa.array([(LINUX, WINDOWS)[at % 2] for at in range(rows)], pa.uint64()),
    }
    pyarrow.parquet.write_table(pa.table(ids), path, row_group_size=group, write_page_checksum=True)
    return path


def text(path: Path, content: str) -> Path:
    path.write_text(content)
    return path


def test_a_census_of_a_fleet_in_one_command() -> None:
    ended = columns(IDS, "guest_id=guest-id")
    assert (ended.status, ended.err) == (0, "")
    lines = ended.out.splitlines()
    assert lines[0] == "  98  24.5%  Linux 5.15.167, Ubuntu (Canonical), package ABI 1071"
    assert lines[-2:] == ["   3   0.8%  (null)", f"   1   0.2%  ! {WIDE}"]
    found = json.loads(columns(IDS, "guest_id=guest-id", "-f", "json").out)
    assert found[0] == {"summary": "Linux 5.15.167, Ubuntu (Canonical), package ABI 1071", "count": 98}
    assert found[-2:] == [{"summary": None, "count": 3}, {"summary": None, "count": 1, "error": WIDE}]
    assert sum(one["count"] for one in found) == 400


@pytest.mark.parametrize(
    ("form", "first", "lines"),
    [
        ("line", "98  Linux 5.15.167, Ubuntu (Canonical), package ABI 1071", 12),
        ("csv", "count,summary", 13),
        ("table", "count    summary", 14),
        ("ndjson", '{"summary":"Linux 5.15.167, Ubuntu (Canonical), package ABI 1071","count":98}', 12),
        ("bits", "  98  24.5%  Linux 5.15.167, Ubuntu (Canonical), package ABI 1071", 13),
    ],
)
def test_every_format_shows_the_counts(form: str, first: str, lines: int) -> None:
    out = columns(IDS, "guest_id=guest-id", "-f", form).out.splitlines()
    assert (out[0], len(out)) == (first, lines)


def test_of_several_columns_each_row_says_of_which_it_is(tmp_path: Path) -> None:
    path = text(tmp_path / "t.csv", f"id,code\n{LINUX:#x},0x5\n{LINUX:#x},0x5\n")
    assert counted(path, "id=guest-id", "code=status") == [("id", SENTENCE, 2), ("code", "HV_STATUS_INVALID_PARAMETER", 2)]
    heading = "2 rows, 1 different summary\n  2  100.0%"
    shown = f"id: {heading}  {SENTENCE}\n\ncode: {heading}  HV_STATUS_INVALID_PARAMETER\n"
    assert columns(path, "id=guest-id", "code=status").out == shown
    assert columns(path, "id=guest-id", "code=status", "-f", "csv").out.splitlines()[0] == "column,count,summary"


def test_the_five_columns_of_crashes() -> None:
    found = counted(CRASHES, "crash=p0,p1,p2,p3,p4")
    assert found[0] == ("Windows  0xD1 DRIVER_IRQL_NOT_LESS_OR_EQUAL: read of 0xffffe609207fd050 at IRQL 2 by 0xfffff80156f612d0", 9)
    assert found[-1] == (None, 1, "P1 is missing")


def test_a_column_of_texts_is_annotated(tmp_path: Path) -> None:
    path = text(
        tmp_path / "t.csv",
        'text\n"hv_vmbus: Hypercall 5c failed\nwith status 0x5"\nhv_vmbus: Hypercall 5c failed with status 0x5\nnothing\n',
    )
    found = counted(path, "text=annotate")
    assert "HV_STATUS_INVALID_PARAMETER" in found[0][0]
    assert [one[1] for one in found] == [2, 1]
    assert "(no summary)" in columns(path, "text=annotate").out
    out = tmp_path / "out.ndjson"
    assert columns(path, "text=annotate", "-o", out).status == 0
    rows = [json.loads(line) for line in out.read_text().splitlines()]
    assert rows[0]["text"].count("\n") == 1
    assert rows[1]["text_annotated"]["names"]


@pytest.mark.parametrize("suffix", ["parquet", "csv", "tsv", "ndjson", "jsonl"])
def test_a_table_is_written_with_its_columns_and_what_they_mean(suffix: str, tmp_path: Path) -> None:
    out = tmp_path / f"out.{suffix}"
    ended = columns(IDS, "guest_id=guest-id", "-o", out)
    assert (ended.status, ended.out) == (0, "")
    struct = "guest_id" if suffix in ("csv", "tsv") else "guest_id_decoded"
    assert ended.err == f"guest_id: 1 value cannot be read: {WIDE}; {struct}.error has the reason\n"
    if suffix == "parquet":
        table = pyarrow.parquet.read_table(out)
        assert table.schema.names == ["vm", "host", "guest_id", "guest_id_decoded"]
        assert table.schema.field("guest_id_decoded").type == without_dictionaries(column_type("guest-id"))
        assert table.select(["vm", "host", "guest_id"]).equals(pyarrow.parquet.read_table(IDS))
        rows = table.to_pylist()
        summaries = [row["guest_id_decoded"] and row["guest_id_decoded"]["summary"] for row in rows]
        error = rows[42]["guest_id_decoded"]["error"]
    elif suffix in ("csv", "tsv"):
        with out.open(newline="") as file:
            flat = list(csv.DictReader(file, delimiter="," if suffix == "csv" else "\t"))
        assert list(flat[0])[:5] == ["vm", "host", "guest_id", "guest_id.summary", "guest_id.open_source"]
        summaries = [row["guest_id.summary"] or None for row in flat]
        error = flat[42]["guest_id.error"]
    else:
        rows = [json.loads(line) for line in out.read_text().splitlines()]
        summaries = [(row["guest_id_decoded"] or {}).get("summary") for row in rows]
        error = rows[42]["guest_id_decoded"]["error"]
    assert (len(summaries), summaries.count(None), error) == (400, 4, WIDE)
    assert summaries.count(SENTENCE) == 59
    counts = counted(out, "guest_id=guest-id")  # the output is read again
    assert counts == counted(IDS, "guest_id=guest-id")
    assert [one.name for one in tmp_path.iterdir()] == [out.name]


def test_a_table_of_a_spreadsheet_is_read(tmp_path: Path) -> None:
    """A byte order mark, quotes, semicolons, and Windows' line ends."""
    rows = [["id", "name"], [f"{LINUX:#x}", 'say "hi"'], ["0x5", "a\r\nb"]]
    for name, comma, encoding in (
        ("a.csv", ",", "utf-8-sig"),
        ("b.csv", ";", "utf-8-sig"),
        ("c.csv", ";", "utf-16"),
        ("d.csv", ";", "utf-8"),
    ):
        with (tmp_path / name).open("w", encoding=encoding, newline="") as file:
            csv.writer(file, delimiter=comma, quoting=csv.QUOTE_ALL).writerows(rows)
        assert counted(tmp_path / name, "id=guest-id") == [(SENTENCE, 1), ("no vendor, build 5", 1)]
        assert columns(tmp_path / name, "id=guest-id", "-o", tmp_path / "out.csv").status == 0
        with (tmp_path / "out.csv").open(newline="", encoding="utf-8") as file:
            assert [[row["id"], row["name"]] for row in csv.DictReader(file)] == rows[1:]


def test_text_that_a_spreadsheet_takes_for_a_formula_is_written_as_it_is(tmp_path: Path) -> None:
    names = ["=1+2", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "'=1", '=cmd|" /C calc"!A0']
    path = parquet(tmp_path / "t.parquet", id=[5] * len(names), name=names)
    for suffix in ("csv", "tsv", "ndjson"):
        out = tmp_path / f"out.{suffix}"
        assert columns(path, "id=sint2", "-o", out).status == 0
        with out.open(newline="", encoding="utf-8") as file:
            rows = (
                [json.loads(line) for line in file] if suffix == "ndjson" else list(csv.DictReader(file, delimiter=",\t"[suffix == "tsv"]))
            )
        assert [row["name"] for row in rows] == names


def test_numbers_keep_every_digit(tmp_path: Path) -> None:
    """A reader that guesses types would turn these into floats."""
    lines = text(tmp_path / "a.ndjson", f'{{"id":{LINUX},"n":007}}\n'.replace("007", "7") + f'{{"id":{WINDOWS},"n":-7}}\n{{"n":1.5}}\n')
    table = text(tmp_path / "a.csv", f"id,n\n{LINUX},007\n{WINDOWS},1.10\n,\n")
    for path, numbers in ((lines, ["7", "-7", "1.5"]), (table, ["007", "1.10", ""])):
        assert counted(path, "id=guest-id") == [(SENTENCE, 1), (SERVER, 1), (None, 1)]
        out = tmp_path / "out.csv"
        assert columns(path, "id=guest-id", "-o", out).status == 0
        with out.open(newline="") as file:
            rows = list(csv.DictReader(file))
        assert [row["id"] for row in rows] == [str(LINUX), str(WINDOWS), ""]
        assert [row["n"].removesuffix(".0") for row in rows] == numbers
    assert columns(lines, "id=guest-id", "-o", tmp_path / "out.parquet").status == 0
    assert pyarrow.parquet.read_schema(tmp_path / "out.parquet").field("id").type == pa.uint64()


def test_digits_that_can_be_hex_need_the_option(tmp_path: Path) -> None:
    path = text(tmp_path / "t.csv", "id\n8100000606570000\n")
    [(summary, count, why)] = counted(path, "id=guest-id")
    assert (summary, count) == (None, 1)
    assert why.endswith("write 0x8100000606570000 or 0n8100000606570000, or use --hex")
    assert counted(path, "id=guest-id", "--hex") == [(SENTENCE, 1)]


def test_the_current_arch_counts(tmp_path: Path) -> None:
    path = text(tmp_path / "t.csv", "v\n0x10013\n")
    assert columns(path, "v=0x000A0002", "--arch", "arm64").status == 0
    assert columns(path, "v=0x000A0002").out == columns(path, "v=sint2").out


def test_mixed_values_are_each_read_and_nested_ones_kept(tmp_path: Path) -> None:
    lines = [
        f'{{"id":{LINUX},"tags":["a"]}}',
        f'{{"id":"{LINUX:#x}","tags":[]}}',
        '{"id":true}',
        '{"id":1.5,"new":{"a":1}}',
        '{"id":{"a":1}}',
        "",
        "{}",
    ]
    path = text(tmp_path / "t.ndjson", "\n".join(lines))
    found = counted(path, "id=guest-id")
    assert found[0] == (SENTENCE, 2)
    assert [one[:2] for one in found[1:]] == [(None, 1), (None, 3)]
    out = tmp_path / "out.ndjson"
    assert columns(path, "id=guest-id", "-o", out).status == 0
    rows = [json.loads(line) for line in out.read_text().splitlines()]
    assert [row["tags"] for row in rows] == [["a"], [], None, None, None, None]
    assert [row["id"] for row in rows] == [str(LINUX), f"{LINUX:#x}", "true", "1.5", '{"a":1}', None]
    assert rows[3]["new"] == {"a": 1}


def test_all_batches_count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = parquet(tmp_path / "a.parquet", 12_000)
    monkeypatch.setattr(files, "ROWS", 999)
    monkeypatch.setattr(files, "BLOCK", 4096)
    for suffix in ("csv", "ndjson", "parquet"):
        out = tmp_path / f"out.{suffix}"
        assert columns(path, path, "id=guest-id", "-o", out).status == 0
        assert counted(out, "id=guest-id") == [(SENTENCE, 12_000), (SERVER, 12_000)]


def test_empty_tables_are_tables(tmp_path: Path) -> None:
    empty = text(tmp_path / "empty.csv", "id\n")
    assert columns(empty, "id=guest-id") == Ended(0, "", "")
    assert columns(empty, "id=guest-id", "-f", "json") == Ended(0, "[]\n", "")
    out = tmp_path / "out.parquet"
    assert columns(empty, "id=guest-id", "-o", out).status == 0
    assert (pyarrow.parquet.read_table(out).num_rows, counted(out, empty, "id=guest-id")) == (0, [])
    of_groups = tmp_path / "groups.parquet"
    with pyarrow.parquet.ParquetWriter(of_groups, pa.schema([("id", pa.uint64())])) as writer:
        for values in ([], [LINUX], []):
            writer.write_table(pa.table({"id": pa.array(values, pa.uint64())}))
    assert counted(of_groups, "id=guest-id") == [(SENTENCE, 1)]


@pytest.mark.parametrize(
    ("words", "status", "says"),
    [
        ([], 2, "columns of which table? `columns FILE... COLUMN=WHAT...`, such as `columns vms.parquet guest_id=guest-id`"),
        ([IDS], 2, "? `columns FILE... COLUMN=WHAT...`, such as"),
        (["-", "a=b"], 2, "- cannot be read: the suffix of a file says how its table is written; save it as a file first"),
        ([IDS, "guestid=guest-id"], 2, f"{IDS} has no column guestid; did you mean guest_id?"),
        ([IDS, "zzz=guest-id"], 2, f"{IDS} has no column zzz; it has vm, host, guest_id"),
        ([IDS, "guest_id=gest-id"], 3, "no such name: gest-id; did you mean guest-id or guest-idle?"),
        ([IDS, "guest_id="], 2, "guest_id=: write COLUMN=WHAT, such as guest_id=guest-id"),
        ([IDS, "guest_id=HVCALL_SEND_IPI_EX"], 2, "HVCALL_SEND_IPI_EX has no fixed size: columns are of words"),
        ([IDS, "crash=vm,host"], 2, "a crash has 5 parameters, P0 to P4: give a column of each, not 2"),
        ([IDS, "guest_id=crash"], 2, "guest_id=crash: a crash has five columns: crash=p0,p1,p2,p3,p4"),
        ([IDS, "guest_id=guest-id", "guest_id=sint2"], 2, "two columns would be called guest_id_decoded; decode each column once"),
        (["none.parquet", "a=guest-id"], 4, "none.parquet: No such file or directory"),
        ([str(ROOT / "README.md"), "a=guest-id"], 2, "README.md: the name of a table ends with .parquet"),
        ([IDS, "guest_id=guest-id", "-o", "x.xlsx"], 2, "x.xlsx: the name of a table ends with .parquet, .csv, .tsv, .ndjson or .jsonl"),
        ([IDS, "guest_id=guest-id", "-o", "none/x.csv"], 4, "none/x.csv: No such file or directory"),
        ([IDS, CRASHES, "vm=annotate", "-o", "x.csv"], 2, "crashes.csv: has no column host, guest_id and a column day, p0"),
        (["@x", "--style", "grid"], 2, "which columns of @x?"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_one_line(words: list[str], status: int, says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    ended = columns(*words)
    assert (ended.status, ended.out, ended.err.count("\n")) == (status, "", 1)
    assert says in ended.err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("t.csv", b"", "t.csv: empty: the first line of a CSV file names its columns"),
        ("t.csv", b"vm-1,0x8100000606570000\nvm-2,0x5\n", "; its first line has 0x8100000606570000, and should name the columns"),
        ("t.csv", b"id,vm\n1,a\n2\n", "Row #3: Expected 2 columns, got 1: 2"),
        ("t.csv", b"id,vm\n1,a\n\xff\xfe,b\n", "invalid UTF8 data"),
        ("t.csv", b"id,id\n1,2\n", "has several columns id"),
        ("t.ndjson", b"", "has no column id; it has no columns"),
        ("t.ndjson", b'{"id":1}\n{"id":', "t.ndjson:2: not JSON (cut off): "),
        ("t.ndjson", b'{"id":1}\n[1]\n', "t.ndjson:2: not a JSON object"),
        ("t.ndjson", b"id\n1\n", "t.ndjson:1: not JSON: "),
        ("t.parquet", b"", "t.parquet: empty"),
        ("t.parquet", b"id\n1\n", "t.parquet: not a Parquet file"),
        ("t.parquet", b"PAR1" + bytes(40), "t.parquet: cut off: the end of a Parquet file says where its rows are"),
        ("t.parquet", b"PAR1" + bytes(40) + b"PAR1", "t.parquet: "),
    ],
)  # fmt: skip
def test_a_damaged_file_is_one_line(name: str, content: bytes, says: str, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    for more in ([], ["-o", str(tmp_path / "out.csv")]):
        ended = columns(path, "id=guest-id", *more)
        assert (ended.out, ended.err.count("\n")) == ("", 1)
        assert says in ended.err
        assert ended.status == (2 if "column" in says and "Row" not in says and "empty:" not in says else 4)
        assert [one.name for one in tmp_path.iterdir()] == [name]


def damaged(tmp_path: Path, name: str) -> Path:
    """A table whose second half cannot be read."""
    path = tmp_path / name
    if name.endswith("parquet"):
        data = bytearray(parquet(path, group=1000).read_bytes())
        at = pyarrow.parquet.read_metadata(path).row_group(7).column(1).dictionary_page_offset
        data[at : at + 200] = b"\xee" * 200
        path.write_bytes(data)
    elif name.endswith("json"):
        path.write_text(f'{{"id":{LINUX}}}\n' * 5_000 + '{"id":')
    else:
        path.write_text("id,vm\n" + f"{LINUX:#x},a\n" * 5_000 + "5\n")
    return path


@pytest.mark.parametrize("name", ["t.parquet", "t.ndjson", "t.csv"])
def test_what_was_read_before_the_damage_counts_with_keep_going(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "ROWS", 1000)
    monkeypatch.setattr(files, "BLOCK", 1 << 13)
    path = damaged(tmp_path, name)
    out = text(tmp_path / "out.ndjson", "before")
    ended = columns(path, "id=guest-id")
    assert (ended.status, ended.out, ended.err.count("\n")) == (4, "", 1)
    assert columns(path, "id=sint2", "-o", out) == ended
    assert out.read_text() == "before"
    kept = columns(path, "id=guest-id", "-k", "-f", "json")
    assert (kept.status, kept.err) == (4, ended.err)
    total = sum(one["count"] for one in json.loads(kept.out))
    assert 2000 < total < 8000
    if "after row" in ended.err:
        assert f"after row {total:,}: " in ended.err
    written = columns(path, "id=sint2", "-k", "-o", out)
    assert (written.status, written.err.splitlines()[0]) == (4, ended.err.rstrip())
    assert len(out.read_text().splitlines()) == total


def test_with_keep_going_the_other_files_are_read(tmp_path: Path) -> None:
    bad = text(tmp_path / "bad.parquet", "x")
    ended = columns(bad, IDS, "guest_id=guest-id", "-k", "-f", "ndjson")
    assert ended.status == 4
    first, *rest = map(json.loads, ended.out.splitlines())
    assert first == {"input": str(bad), "error": f"{bad}: not a Parquet file", "status": 4}
    assert len(rest) == 12
    assert columns(bad, IDS, "guest_id=guest-id").status == 4
    assert columns(bad, bad, "guest_id=guest-id", "-k").status == 4


def test_strict_is_about_findings_and_what_cannot_be_read(tmp_path: Path) -> None:
    path = text(tmp_path / "t.csv", "good,reserved,bad\n0x30,0x400030,zz\n")
    assert [columns(path, f"{name}=sint2", "--strict").status for name in ("good", "reserved", "bad")] == [0, 1, 1]
    assert [columns(path, f"{name}=sint2").status for name in ("good", "reserved", "bad")] == [0, 0, 0]


def test_a_file_can_be_written_over_itself(tmp_path: Path) -> None:
    path = parquet(tmp_path / "a.parquet", 1000)
    path.chmod(0o600)
    assert columns(path, "id=guest-id", "-o", path).status == 0
    assert pyarrow.parquet.read_table(path).num_rows == 1000
    assert path.stat().st_mode & 0o777 == 0o600
    assert columns(path, "id=guest-id", "-o", path).err == f"{path} already has a column id_decoded\n"


def test_a_packed_table_is_one_line(tmp_path: Path) -> None:
    path = text(tmp_path / "t.csv.gz", "")
    assert columns(path, "id=guest-id") == Ended(2, "", f"{path} is packed: unpack it first\n")


def test_a_file_with_an_equals_sign_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "day=1").mkdir()
    path = parquet(tmp_path / "day=1" / "part-0.parquet", 10)
    assert counted(path, "id=guest-id") == [(SENTENCE, 5), (SERVER, 5)]


def test_tables_of_lines_take_types_that_hold_all_values(tmp_path: Path) -> None:
    one, other = text(tmp_path / "a.ndjson", '{"id":5}\n'), text(tmp_path / "b.ndjson", f'{{"id":{LINUX},"more":"x"}}\n')
    out = tmp_path / "out.parquet"
    assert columns(one, other, "id=guest-id", "-o", out).status == 0
    assert pyarrow.parquet.read_table(out, columns=["id", "more"]).to_pylist() == [{"id": 5, "more": None}, {"id": LINUX, "more": "x"}]


def test_types_that_differ_between_files_are_one_line(tmp_path: Path) -> None:
    one, other = parquet(tmp_path / "a.parquet", id=[1]), parquet(tmp_path / "b.parquet", id=["0x1"])
    assert counted(one, other, "id=sint2") == [("vector 0x1", 2)]
    ended = columns(one, other, "id=sint2", "-o", tmp_path / "out.csv")
    assert ended == Ended(2, "", f"{other}: the column id is of string, and of int64 in {one}\n")


def test_values_of_every_type_are_written_as_text(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    stamp = pa.array([1_700_000_000_000_000_001, None], pa.timestamp("ns"))
    parquet(path, id=[1, 2], at=stamp, raw=[b"\x01\xff", None], part=[0.5, float("nan")], name=['say "a,b"', ""], tags=[["a", "b"], []])
    for suffix in ("csv", "ndjson"):
        assert columns(path, "id=sint2", "-o", tmp_path / f"out.{suffix}").status == 0
    with (tmp_path / "out.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [rows[0][name] for name in ("at", "raw", "part", "name", "tags")] == [
        "2023-11-14 22:13:20.000000001",
        "01ff",
        "0.5",
        'say "a,b"',
        "a; b",
    ]
    assert ',"",' in (tmp_path / "out.csv").read_text()  # an empty text is not a null
    first, second = map(json.loads, (tmp_path / "out.ndjson").read_text().splitlines())
    assert (first["raw"], second["part"], second["raw"], second["name"], second["tags"]) == ("01ff", None, None, "", [])


def test_more_summaries_than_memory_should_hold_are_counted_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(census, "MOST", 2)
    path = text(tmp_path / "t.csv", "id\n" + "".join(f"{at:#x}\n" for at in (1, 1, 2, 3, 4, 1)))
    assert counted(path, "id=sint2") == [("vector 0x1", 3), ("vector 0x2", 1), (None, 2, "more than 2 different summaries")]


def test_kinds_of_json() -> None:
    def type_of(*values: Any) -> pa.DataType:
        kinds = json_lines.Kinds()
        for value in values:
            kinds.add([{"x": value}])
        return kinds.schema().field("x").type

    assert type_of(None) == pa.null()
    assert type_of(True, None) == pa.bool_()
    assert type_of(1, -1) == pa.int64()
    assert type_of(1, 1 << 63) == pa.uint64()
    assert type_of(-1, 1 << 63) == type_of(1 << 64) == type_of(1 << 54, 1.5) == type_of(1, "a") == type_of(True, 1) == pa.string()
    assert type_of(1, 1.5) == pa.float64()
    assert type_of([1], [1.5]) == pa.list_(pa.float64())
    assert type_of([1], ["a"]) == type_of([1], {"a": 1}) == type_of([1 << 70]) == pa.string()


def test_without_pyarrow_it_says_what_to_install(tmp_path: Path) -> None:
    code = "import sys; sys.modules['pyarrow'] = None; from hvrepl.__main__ import main; main()"
    words = [sys.executable, "-c", code, "columns", "x.parquet", "a=guest-id"]
    done = subprocess.run(words, capture_output=True, text=True, env=clean_environ(PYTHONPATH=str(ROOT)), cwd=tmp_path, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (4, "", "x.parquet: install the package pyarrow to read tables\n")


def test_a_script_writes_files_only_where_it_may(tmp_path: Path) -> None:
    out = tmp_path / "out.csv"
    line = f"columns '{IDS}' guest_id=guest-id -o '{out}'\n".encode()
    ended = call(stdin=line)
    assert (ended.status, ended.err) == (2, "stdin:1: -o FILE is off here; --allow-shell turns it on\n")
    assert not out.exists()
    assert call("--allow-shell", stdin=line).status == 0
    assert out.exists()
    assert call(stdin=f"columns '{IDS}' guest_id=guest-id -f line\n".encode()).out.startswith("98  Linux")


def test_a_name_is_completed_after_the_column(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    parquet(tmp_path / "ids.parquet", 1)
    completer = Completer(open_catalog(), [(name, "") for name in ENTRIES], lambda: "")

    def texts(before: str) -> list[str]:
        return [one.text for one in completer.complete(before)]

    assert texts("columns id") == texts("columns a.csv id") == ["ids.parquet"]
    assert "guest-id" in texts("columns ids.parquet vm=annotate guest_id=guest-i")


@pytest.mark.parametrize("width", [110, 40])
def test_a_terminal_has_a_bar_and_a_heading(width: int, tmp_path: Path) -> None:
    path = parquet(tmp_path / "a.parquet", 400_000)
    assert path.stat().st_size > WORTH_A_BAR
    with Terminal(tmp_path, "columns", str(path), "id=guest-id", columns=width) as terminal:
        assert terminal.end() == 0
        lines = terminal.lines
        assert re.match(r"columns  \[#+\]  100%", lines[0])
        assert lines[1] == "id: 400,000 rows, 2 different summaries"
        assert lines[2] == f"  200,000  50.0%  {SENTENCE}"


def test_what_is_interrupted_leaves_the_file_as_it_was(tmp_path: Path) -> None:
    path = parquet(tmp_path / "a.parquet", id=pa.array([at * 0x9E3779B97F4A7C15 % (1 << 64) for at in range(1_000_000)], pa.uint64()))
    out = text(tmp_path / "out.csv", "before")
    with Terminal(tmp_path, "columns", str(path), "id=sint2", "-o", str(out)) as terminal:
        terminal.see("columns  [")
        terminal.send("\x03")
        assert terminal.end() == -signal.SIGINT
    assert out.read_text() == "before"
    assert not [one for one in tmp_path.iterdir() if one.name.endswith(".part")]


@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP"])
def test_what_a_signal_ends_leaves_no_other_file(name: str, tmp_path: Path) -> None:
    number = signal.Signals[name]
    path = parquet(tmp_path / "a.parquet", id=pa.array([at * 0x9E3779B97F4A7C15 % (1 << 64) for at in range(1_000_000)], pa.uint64()))
    out = text(tmp_path / "out.csv", "before")
    with Terminal(tmp_path, "columns", str(path), "id=sint2", "-o", str(out)) as terminal:
        terminal.see("columns  [")
        terminal.child.kill(number)
        assert terminal.end() == -number
    assert out.read_text() == "before"
    assert {one.name for one in tmp_path.iterdir()} == {"a.parquet", "out.csv"}


def test_what_is_small_needs_no_bar(tmp_path: Path) -> None:
    with Terminal(tmp_path, "columns", IDS, "guest_id=guest-id") as terminal:
        assert terminal.end() == 0
        assert terminal.lines[0] == "guest_id: 400 rows, 10 different summaries"


def test_an_event_log_is_a_table(tmp_path: Path) -> None:
    need("module:evtx")
    log = str(DATA / "evtx" / "security.evtx")
    assert columns(log, "text=annotate").out == "  7  100.0%  (no summary)\n"
    out = tmp_path / "events.csv"
    assert columns(log, "text=annotate", "-o", str(out)).status == 0
    first, second, *_ = out.read_text().splitlines()
    assert first.startswith("record,time,provider,event,vm,vm_id,text")
    assert ",Microsoft-Windows-Security-Auditing," in second
    cut = tmp_path / "cut.evtx"
    cut.write_bytes(Path(log).read_bytes()[:6000])
    ended = columns(str(cut), "text=annotate")
    assert (ended.status, ended.err.count("\n")) == (4, 1)
    assert columns(log, "text=annotate", "-o", str(tmp_path / "x.evtx")).status == 2
