"""Renderers: exact text of small trees, JSON and CSV read back, streams; and every format for every layout."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Iterator
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hvrepl.codec.decoded import Decoded, from_dict
from hvrepl.errors import UsageError
from hvrepl.render.formats import RENDERERS, Item, csv_row, indent_json, render_few, render_json
from hvrepl.render.style import Style
from tests.codec.layouts import THINGS, Thing
from tests.each import each
from tests.fuzz import amount, sampled
from tests.program import call
from tests.render.trees import CLEAR, PAGE, STRUCT, TREES, WORD


def render(form: str, *nodes: Decoded, style: Style | None = None) -> str:
    return "".join(RENDERERS[form](map(Item, nodes), style or Style(width=0)))


LINES = {
    "word": "HV_MODE 0xa3  mode slow, ready  ! reserved_6_4: reserved bits are set\n",
    "clear": "HV_MODE 0x00\n",
    "struct": "HV_THING 0102030400000000" + "ab" * 24 + "  1 thing\n",
    "page": "HV_PAGE 011801180118  1 of 3 slots in use  ! slot 1: type: nobody sends this\n",
}


@pytest.mark.parametrize("name", TREES)
def test_a_line_says_name_raw_sentence_and_findings(name: str) -> None:
    assert render("line", TREES[name]) == LINES[name]


def test_a_line_leaves_out_long_bytes() -> None:
    assert render("line", Decoded(name="HV_BIG", raw="00" * 32)) == f"HV_BIG {'00' * 32}\n"
    assert render("line", Decoded(name="HV_BIG", raw="00" * 33)) == "HV_BIG 33 bytes\n"


TABLE = """\
HV_MODE 0xa3  mode slow, ready  ! reserved_6_4: reserved bits are set
place    name          value    meaning
-------  ------------  -------  -----------------
7        ready         1
6:4      reserved_6_4  0x2      reserved, but set
3:2      mode          0x0      slow
1:0      count         3
"""

GITHUB = """\
HV_THING 0102030400000000abababababababababababababababababababababababab  1 thing
| place   | name        | value                                                      | meaning   |
|---------|-------------|------------------------------------------------------------|-----------|
| +0      | header      |                                                            | kind 1    |
| +0      | header.kind | 0x0201                                                     | first     |
| +2      | header[0]   | 0x03                                                       |           |
| +3      | header[1]   | 0x04                                                       |           |
| +4      | sender      | 0x00000000                                                 |           |
| +8      | rest        | ab ab ab ab ab ab ab ab ab ab ab ab ab ab ab ab … 24 bytes |           |
"""


def test_a_table_has_a_row_for_each_part_by_its_path() -> None:
    assert render("table", WORD) == TABLE
    assert render("table", STRUCT, style=Style(table="github")) == GITHUB


CSV = {
    "word": (
        "name,raw,summary,ready,reserved_6_4,mode,count,findings,others\n"
        'HV_MODE,0xa3,"mode slow, ready",0x1,0x2,0x0,0x3,reserved_6_4: reserved bits are set,\n'
    ),
    "clear": "name,raw,summary,ready,reserved_6_4,mode,count,findings,others\nHV_MODE,0x00,,0x0,0x0,0x0,0x0,,\n",
    "struct": (
        "name,raw,summary,header.kind,header[0],header[1],sender,rest,findings,others\n"
        f"HV_THING,0102030400000000{'ab' * 24},1 thing,0x0201,0x03,0x04,0x00000000,{'ab' * 24},,\n"
    ),
    "page": (
        "name,raw,summary,slots[0].type,slots[0].size,slots[1].type,slots[1].size,slots[2].type,slots[2].size,findings,others\n"
        "HV_PAGE,011801180118,1 of 3 slots in use,0x01,0x18,0x01,0x18,0x01,0x18,slot 1: type: nobody sends this,\n"
    ),
}


@pytest.mark.parametrize("name", TREES)
def test_csv_has_a_heading_and_a_row_a_value(name: str) -> None:
    assert render("csv", TREES[name]) == CSV[name]


def test_csv_has_the_columns_of_the_first_value_and_one_for_other_fields() -> None:
    assert render("csv", CLEAR, STRUCT, WORD).splitlines()[1:] == [
        "HV_MODE,0x00,,0x0,0x0,0x0,0x0,,",
        f"HV_THING,0102030400000000{'ab' * 24},1 thing,,,,,,"
        f"header.kind=0x0201 header[0]=0x03 header[1]=0x04 sender=0x00000000 rest={'ab' * 24}",
        'HV_MODE,0xa3,"mode slow, ready",0x1,0x2,0x0,0x3,reserved_6_4: reserved bits are set,',
    ]


def test_csv_has_no_two_columns_of_a_name() -> None:
    node = Decoded(name="PAIR", fields=(Decoded(name="name", raw="0x1"), Decoded(name="value", raw="0x2")))
    assert render("csv", node) == "name,raw,summary,.name,value,findings,others\nPAIR,,,0x1,0x2,,\n"


def test_csv_has_line_numbers_where_they_are_asked_for() -> None:
    rows = "".join(RENDERERS["csv"]([Item(CLEAR, line=3), Item(CLEAR, line=5)], Style())).splitlines()
    assert [row.split(",")[:2] for row in rows] == [["line", "name"], ["3", "HV_MODE"], ["5", "HV_MODE"]]


# What a spreadsheet would run, and blanks and marks of all kinds that may be before it.
RUN = ("=1", "+1", "-1", "@SUM(A1)", *(f"{sign}1" for sign in "\uff1d\uff0b\uff0d\uff20\ufe66"))
BLANKS = ["", " ", "  ", "\t", " \t", "\r", "\x0b", "\xa0", "\u2003", "\u200b", "\u200b ", " \u200b\u2003"]
BLANKS += ["\u3164", "\u2800", "\u202e\u2066", "\ufeff", "\ufeff \xad"]
CELLS = [*(blanks + run for blanks, run in product(BLANKS, RUN)), "\nx"]


@each(CELLS, ascii)
def test_csv_defuses_what_a_spreadsheet_would_run(cell: str) -> None:
    assert next(csv.reader(io.StringIO(csv_row([cell, "x"]), newline=""))) == [f"'{cell}", "x"]
    assert next(csv.DictReader(io.StringIO(render("csv", Decoded(name="X", raw="", summary=cell)), newline="")))["summary"] == f"'{cell}"


def test_csv_defuses_what_stands_after_a_nul() -> None:
    assert csv_row(["\x00=1"]).startswith("'")


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0")), min_size=1))
def test_a_csv_row_is_read_back_by_the_csv_module(cells: list[str]) -> None:
    (row,) = csv.reader(io.StringIO(csv_row(cells), newline=""))
    assert [cell.removeprefix("'") for cell in row] == [cell.removeprefix("'") for cell in cells]


@pytest.mark.parametrize("name", TREES)
@pytest.mark.parametrize("form", ["json", "ndjson"])
def test_json_of_one_value_is_its_object_on_one_line(form: str, name: str) -> None:
    text = render(form, TREES[name])
    assert text.count("\n") == 1
    assert text.endswith("}\n")
    assert list(json.loads(text)) == list(TREES[name].to_dict())
    assert json.loads(text, object_hook=dict) == plain(TREES[name].to_dict())


def plain(table: object) -> object:
    """With arrays instead of tuples, as in JSON."""
    if isinstance(table, dict):
        return {key: plain(value) for key, value in table.items()}
    return [plain(one) for one in table] if isinstance(table, (list, tuple)) else table


EXACT = (
    '{"name":"HV_MODE","kind":"register","arch":"x64","space":"msr","number":"0x40000099","raw":"0xa3","summary":"mode slow, ready",'
    '"fields":[{"name":"ready","bits":[7,7],"raw":"0x1","value":1},'
    '{"name":"reserved_6_4","bits":[6,4],"raw":"0x2","value":2,"reserved":true},'
    '{"name":"mode","bits":[3,2],"raw":"0x0","value":0,"meaning":"slow"},'
    '{"name":"count","bits":[1,0],"raw":"0x3","value":3}],'
    '"findings":[{"code":"reserved_set","field":"reserved_6_4","text":"reserved bits are set"}],'
    '"other":[{"name":"HV_OTHER","space":"cpuid","number":"0x40000099","summary":"another thing"}],'
    '"read":"read as hex","source":["tlfs:a.md#mode"]}\n'
)


def test_json_is_compact_with_its_keys_in_order_and_without_empty_ones() -> None:
    assert render("json", WORD) == EXACT


def test_json_is_utf8_and_not_escaped() -> None:
    assert render("ndjson", Decoded(name="Ω", summary='„"\n')) == '{"name":"Ω","summary":"„\\"\\n"}\n'


@pytest.mark.parametrize("count", range(5))
def test_json_of_a_stream_is_nothing_an_object_or_an_array(count: int) -> None:
    text = render("json", *[WORD] * count)
    table = plain(WORD.to_dict())
    assert (json.loads(text) if text else None) == (None, table, [table] * 2, [table] * 3, [table] * 4)[count]
    assert text.count("\n") == count


@pytest.mark.parametrize("form", ["fields", "bits", "line", "ndjson", "csv", "table"])
def test_a_value_is_rendered_before_the_next_is_made(form: str) -> None:
    made = []

    def nodes() -> Iterator[Item]:
        for _ in range(3):
            made.append(form)
            yield Item(CLEAR)

    pieces = RENDERERS[form](nodes(), Style())
    assert "HV_MODE" in next(pieces) + (next(pieces) if form == "csv" else "")
    assert len(made) == 1


def test_screens_have_an_empty_line_between_them() -> None:
    one = render("fields", CLEAR)
    assert render("fields", CLEAR, CLEAR) == f"{one}\n{one}"
    assert not one.startswith("\n")


@pytest.mark.parametrize("good", range(4))
def test_json_ends_as_a_document_before_an_error_is_raised(good: int) -> None:
    def nodes() -> Iterator[Item]:
        yield from [Item(WORD)] * good
        raise UsageError("no more")

    pieces: list[str] = []
    with pytest.raises(UsageError, match="no more"):
        collect(render_json(nodes(), Style()), pieces)
    text = "".join(pieces)
    assert (text == "") == (good == 0)
    assert not good or isinstance(json.loads(text), dict if good == 1 else list)


def collect(source: Iterable[str], into: list[str]) -> None:
    into.extend(source)


STYLES = (Style(color=True, width=40), Style(width=0))
FOR_PROGRAMS = ("json", "ndjson", "csv")  # which no style changes


@sampled
@each(THINGS, parts=16)
def test_every_layout_is_rendered_in_every_format_and_read_back_from_json_and_csv(thing: Thing) -> None:
    nodes = [thing.decode(bytes(thing.size)), thing.decode(b"\xff" * thing.size)]
    for form in RENDERERS:
        for style in STYLES[: 1 if form in FOR_PROGRAMS or amount(thing.is_again, False) else None]:
            text = render(form, *nodes, style=style)
            assert text.endswith("\n")
            assert text.replace("\n", "").replace("\x1b", "").isprintable()
    for node in nodes:
        check_json(node)
    check_csv(nodes)


def check_json(node: Decoded) -> None:
    """JSON contains everything in the tree."""
    table = json.loads(render("json", node))
    assert table == plain(node.to_dict())
    assert from_dict(table).raw == node.raw


def check_csv(nodes: list[Decoded]) -> None:
    """A row has as many cells as there are headings, all different."""
    rows = list(csv.reader(io.StringIO(render("csv", *nodes), newline="")))
    assert len(rows) == 1 + len(nodes)
    assert len(set(map(len, rows))) == 1
    assert len(set(rows[0][3:-2])) == len(rows[0][3:-2])


@given(st.sampled_from(THINGS), st.data())
@settings(deadline=None)
def test_the_json_of_any_bytes_parses_back(thing: Thing, data: st.DataObject) -> None:
    node = thing.decode(data.draw(st.binary(min_size=thing.size, max_size=thing.size)))
    assert json.loads(render("ndjson", node)) == plain(node.to_dict())


def test_the_slots_of_a_page_are_nodes_of_its_json() -> None:
    table = json.loads(render("json", PAGE))
    assert [slot["name"] for slot in table["slots"]] == ["[0]", "[1]", "[2]"]
    assert "fields" not in table


INDENTED = """\
{
  "name": "vector",
  "bits": [7, 0],
  "values": {"a": 1, "b": 2},
  "text": "ünïcode \\"quoted\\"",
  "empty": [],
  "fields": [
    {"name": "masked", "value": 1},
    {
      "name": "as_intercept",
      "value": 4294967296
    }
  ]
}"""


def test_json_for_a_person_has_a_line_for_what_fits_on_one() -> None:
    value = json.loads(INDENTED)
    assert indent_json(value, 35) == INDENTED
    assert indent_json(value, 1000) == json.dumps(value, ensure_ascii=False)


@pytest.mark.parametrize(
    "command", ["decode sint2 0x200f3", "decode sint2 1 2", "list irq", "show sint2", "diff sint2 1 2", "find auto eoi"]
)
def test_json_is_indented_on_a_terminal_and_only_there(command: str) -> None:
    words = [*command.split(), "-f", "json"]
    piped, shown = call(*words, columns=0).out, call(*words, columns=60, stdout_is_terminal=True).out
    assert len(shown.splitlines()) > len(piped.splitlines())
    assert json.loads(shown) == json.loads(piped)
    assert call(*words[:-1], "ndjson", columns=60, stdout_is_terminal=True).out == call(*words[:-1], "ndjson", columns=0).out


@pytest.mark.parametrize("good", range(3))
def test_a_few_values_before_an_error_are_shown_still(good: int) -> None:
    def nodes() -> Iterator[Item]:
        yield from [Item(CLEAR)] * good
        raise UsageError("no more")

    pieces: list[str] = []
    with pytest.raises(UsageError, match="no more"):
        collect(render_few(nodes(), Style()), pieces)
    assert "".join(pieces).count("HV_MODE") == min(good, 1)  # two are side by side


def test_a_stream_that_was_taken_for_a_few_values_is_not_kept() -> None:
    made = []

    def nodes() -> Iterator[Item]:
        while True:
            made.append(1)
            yield Item(CLEAR)

    pieces = render_few(nodes(), Style())
    assert "".join(next(pieces) for _ in range(100)).count("HV_MODE") == 100
    assert len(made) == 100
