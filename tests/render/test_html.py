"""HTML: the facts of the screen in its order, well formed, escaped, and without anything that a strict page would not run."""

from __future__ import annotations

import re
from html.parser import HTMLParser

import pytest

import hvrepl
from hvrepl.codec.decoded import Decoded, Finding
from hvrepl.record import replace
from hvrepl.render.html import DARK, LIGHT, STYLE, render_html
from hvrepl.render.rows import head_of, rows_of, slot_table
from hvrepl.render.screen import findings_of, others_of
from hvrepl.render.style import Style
from tests.codec.layouts import THINGS, Thing
from tests.contrast import contrast
from tests.each import each
from tests.fuzz import amount, sampled
from tests.render.trees import PAGE, STRUCT, TREES, WORD

EMPTY = {"br"}
ALLOWED = {"class", "scope", "colspan", "open", "aria-label"}
TEXT_READS = 4.5  # the contrast that WCAG requires for text


class Reader(HTMLParser):
    """The text and the rows of a fragment; fails if a tag is not closed in order."""

    def __init__(self, fragment: str) -> None:
        super().__init__()
        self.words: list[str] = []
        self.tags: set[str] = set()
        self.names: set[str] = set()
        self.rows: list[dict[str, str | None]] = []
        self.open: list[str] = []
        self.feed(fragment)
        self.close()
        assert self.open == []

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.names.update(name for name, _ in attrs)
        if tag == "tr":
            self.rows.append(dict(attrs))
        if tag not in EMPTY:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.words.append(data)


def row_of(reader: Reader, name: str) -> dict[str, str | None]:
    return next(row for row in reader.rows if row.get("data-name") == name)


def assert_in_order(words: list[str], text: str) -> None:
    at = 0
    for word in words:
        found = text.find(word, at)
        assert found >= 0, f"{word!r} is not after {text[max(0, at - 60) : at]!r}"
        at = found + len(word)


def said_of(node: Decoded) -> list[str]:
    """The words of the screen, in order."""
    wide = Style(width=0)
    head = head_of(node)
    said = [head.title, head.value, head.sentence, head.read, head.numbers]
    if node.slots:
        table = slot_table(node)
        said += [*table.columns, *(cell for row in table.rows for cell in row)]
    else:
        said += [cell for row in rows_of(node) for cell in row.cells]
    said += [*findings_of(node, wide), *others_of(node, wide)]
    return [" ".join(text.split()) for text in said]


@pytest.mark.parametrize("name", TREES)
def test_html_says_what_the_screen_says_in_its_order(name: str) -> None:
    assert_in_order(said_of(TREES[name]), Reader(render_html(TREES[name])).text)


@sampled
@each(THINGS, parts=8)
def test_all_things_are_well_formed_and_complete(thing: Thing) -> None:
    for byte in (0xFF,) if amount(thing.is_again, False) else (0, 0xFF):
        node = thing.decode(bytes([byte]) * thing.size)
        reader = Reader(render_html(node))
        assert_in_order(said_of(node), reader.text)
        assert not reader.tags & {"script", "style"}
        assert {name for name in reader.names if not name.startswith("data-")} <= ALLOWED


def test_a_row_says_where_its_field_is_and_what_bits_it_has() -> None:
    word = Reader(render_html(WORD))
    assert row_of(word, "mode") == {"class": "hv-zero", "data-bits": "3:2", "data-name": "mode", "data-raw": "0x0"}
    assert row_of(word, "ready")["data-bits"] == "7:7"
    assert row_of(word, "ready")["class"] == "hv-set"
    assert row_of(word, "reserved_6_4")["class"] == "hv-loud"
    kind = row_of(Reader(render_html(STRUCT)), "kind")
    assert (kind["data-offset"], kind["data-size"], kind["data-raw"]) == ("0", "2", "0x0201")
    assert row_of(Reader(render_html(PAGE)), "[1]")["data-offset"] == "2"


def test_reserved_bits_that_are_clear_share_a_row_with_all_their_ranges() -> None:
    fields = tuple(Decoded(name=f"r{high}", bits=(high, low), raw="0x0", value=0, reserved=True) for high, low in ((7, 5), (3, 3)))
    (row,) = (row for row in Reader(render_html(Decoded(name="A", raw="0x00", fields=fields))).rows if row)
    assert row == {"class": "hv-zero hv-reserved", "data-bits": "7:5 3:3"}


def test_what_is_within_a_part_is_a_table_within_its_row() -> None:
    html = render_html(STRUCT)
    assert html.index("<details open>") < html.index('data-name="kind"') < html.index("</details>") < html.index('data-name="sender"')


def test_every_text_is_escaped() -> None:
    bad = '<script>alert("1")</script>&\'\x1b[31m\u202e'
    part = Decoded(name=bad, bits=(0, 0), raw=bad, value=1, meaning=bad, register=bad, column=bad, fields=())
    holds = replace(part, fields=(part,), readings=(part,), summary=bad)
    node = Decoded(
        name=bad,
        raw=f"0x1{bad}",
        summary=bad,
        read=bad,
        number=bad,
        subtitle=bad,
        fields=(part, holds),
        findings=(Finding("odd", bad, bad),),
        other=(replace(part, summary="else"),),
    )
    for one in (node, replace(node, raw="00", slots=(replace(holds, name="[0]", unused=False),))):
        html = render_html(one)
        reader = Reader(html)
        assert "script" not in reader.tags
        assert {name for name in reader.names if not name.startswith("data-")} <= ALLOWED
        assert not re.search("[\x1b\u202e]", html)
        assert '<script>alert("1")</script>&\'\\x1b[31m\\u202e' in reader.text


@pytest.mark.parametrize("colours", [LIGHT, DARK], ids=["light", "dark"])
def test_every_colour_reads_on_its_ground(colours: str) -> None:
    named = dict(re.findall(r"--hv-(\w+): #(\w{6});", colours))
    assert {name for name in ("text", "dim", "loud") if contrast(named[name], named["back"]) < TEXT_READS} == set()


def test_the_style_is_for_both_themes_and_for_nothing_else_on_the_page() -> None:
    assert STYLE.count(LIGHT) == STYLE.count(DARK) == 2
    selectors = re.findall(r"(?:^|[}{])\s*([^@{}]+)\{", STYLE)
    assert len(selectors) > 10
    assert [one for one in selectors if any(".hv-decoded" not in part for part in re.split(r",(?![^(]*\))", one))] == []


def test_a_fragment_is_no_longer_for_the_bytes_that_a_row_cannot_show() -> None:
    """A message of VMBus can be as long as memory, and its bytes without a field are a row."""
    short, long = (render_html(hvrepl.decode("vmbus-message", b"\x0f\0\0\0\0\0\0\0".ljust(size, b"x"))) for size in (1 << 12, 1 << 20))
    assert 'data-name="rest"' in long
    assert len(long) < len(short) + 100
