"""The SynIC pages of a guest, whatever debugger they come from."""

from __future__ import annotations

import pytest

from hvrepl.analysis.synic_pages import EVENTS, MESSAGES, judge_page, read_page
from hvrepl.codec.targets import open_decoder
from hvrepl.errors import FileError
from tests.images.core import TIMER, VERSION_RESPONSE, page

DECODER = open_decoder("x64", None)
PENDING = bytearray(VERSION_RESPONSE)
PENDING[5] = 1


@pytest.mark.parametrize(
    ("slots", "used", "owed"),
    [({}, (), ()), ({0: TIMER}, (0,), ()), ({0: TIMER, 2: bytes(PENDING)}, (0, 2), (2,)), ({15: bytes(PENDING)}, (15,), (15,))],
)
def test_a_page_says_for_which_slots_an_end_of_message_is_owed(
    slots: dict[int, bytes], used: tuple[int, ...], owed: tuple[int, ...]
) -> None:
    found = judge_page(DECODER, page(slots), cpu=0, kind=MESSAGES, address=0x1000)
    assert (found.used, found.owed) == (used, owed)


def test_a_page_that_is_not_there_is_not_read() -> None:
    found = read_page(DECODER, refuse, cpu=3, kind=EVENTS, address=0)
    assert found.to_dict() == {"cpu": 3, "online": True, "page": "events", "address": "0x0"}


def refuse(address: int, _: int) -> bytes:
    raise FileError(f"{address:#x} cannot be read")
