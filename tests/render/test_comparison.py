"""Values side by side: differences are in words that fit the terminal, and never in colour alone."""

from __future__ import annotations

import pytest

from hvrepl.catalog.catalog import Catalog
from hvrepl.catalog.opening import open_index
from hvrepl.codec.decode import Decoder
from hvrepl.render.comparison import changes, compare
from hvrepl.render.style import Style
from tests.program import without_colour

CATALOG = Catalog(open_index())
SINT = CATALOG.find_name("sint2")


def test_a_single_bit_is_1_and_other_numbers_keep_their_base() -> None:
    nodes = [Decoder(CATALOG).decode(SINT, value.to_bytes(8, "little")) for value in (0x200F3, 0x100F4)]
    lines = [" ".join(line.split()) for line in changes([row for row in compare(nodes) if row.differs], Style(width=60))]
    assert lines == ["17 auto_eoi 1 → 0", "16 masked 0 → 1", "7:0 vector 0xf3 → 0xf4"]


@pytest.mark.parametrize("width", [40, 80])
def test_changes_that_do_not_fit_are_wrapped_and_keep_their_words(width: int) -> None:
    found = CATALOG.find_name("guest-id")
    nodes = [Decoder(CATALOG).decode(found, value.to_bytes(8, "little")) for value in (0x8100000606570000, 0x818000050FA7042F)]
    rows = [row for row in compare(nodes) if row.differs]
    lines = changes(rows, Style(width=width))
    assert max(map(len, lines)) <= width
    assert " ".join(lines).split() == " ".join(changes(rows, Style(width=0))).split()
    assert [without_colour(line) for line in changes(rows, Style(color=True, width=width))] == lines


def test_long_bytes_are_shown_from_where_they_differ() -> None:
    found = CATALOG.find_name("message")
    data = bytes([1] * 200 + [2] * 56), bytes([1] * 256)
    [row] = [row for row in compare([Decoder(CATALOG).decode(found, one) for one in data]) if row.differs]
    assert row.place == "+17"
    assert [cell[:16] for cell in row.cells] == ["byte 183: 02 02 ", "byte 183: 01 01 "]
