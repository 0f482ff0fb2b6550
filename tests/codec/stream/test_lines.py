"""A stream's lines equal the result of decoding each value, byte for byte, for every layout and all bytes."""

from __future__ import annotations

from itertools import islice

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hvrepl.codec import stream as explained
from hvrepl.codec.decoded import Decoded, dump
from hvrepl.codec.stream.fragments import Code, Memo
from hvrepl.codec.stream.lines import WORTH, Stream
from hvrepl.errors import UsageError
from tests.codec.layouts import LARGE, THINGS, Thing, samples, thing
from tests.each import each
from tests.fuzz import amount, examples, sampled


def stream(one: Thing, worth: int = 1) -> Stream:
    return Stream(one.decoder, one.found, output=one.output, worth=worth)


def line(one: Thing, data: bytes) -> str:
    return dump(one.decode(data).to_dict())


MESSAGE = thing("message")
MESSAGES = stream(MESSAGE)


def tried(one: Thing) -> list[bytes]:
    """Some samples of a struct; for a word all but some of its single bits."""
    if not one.width:
        return list(islice(samples(one), 4 if one.size > LARGE else amount(6, 12)))
    found = list(samples(one))
    return found[:2] + found[2 :: max(1, len(found) // amount(16, 64))]


@sampled
@each(THINGS, parts=16)
def test_a_line_is_what_decoding_gives_and_every_word_has_a_function(one: Thing) -> None:
    lines = stream(one)
    first, *rest = tried(one)
    assert lines.line(first) == line(one, first)
    assert lines.made == 1 or not one.width
    for data in rest:
        assert lines.line(data) == line(one, data)


@settings(max_examples=examples(200), deadline=None)
@given(st.sampled_from([one for one in THINGS if one.width]), st.lists(st.integers(0, (1 << 128) - 1), min_size=1, max_size=4))
def test_lines_of_any_numbers_are_what_decoding_gives(one: Thing, numbers: list[int]) -> None:
    lines = stream(one)
    values = [number & (1 << one.width) - 1 for number in numbers]
    expected = [line(one, value.to_bytes(one.width // 8, "little")) for value in values]
    assert lines.lines(values) == expected
    assert lines.lines(values) == expected


@settings(max_examples=examples(60), deadline=None)
@given(st.sampled_from([0, 1, 0x80000010, 0x80000001, 0xFFFFFFFF]), st.integers(0, 255), st.binary(min_size=251, max_size=251))
def test_a_line_of_any_message_is_what_decoding_gives(kind: int, used: int, rest: bytes) -> None:
    message = kind.to_bytes(4, "little") + bytes([used]) + rest
    assert MESSAGES.line(message) == line(MESSAGE, message)
    later = message[:16] + bytes(reversed(message[16:]))
    assert MESSAGES.lines([message, later]) == [line(MESSAGE, message), line(MESSAGE, later)]


@pytest.mark.parametrize("name", ["guest-id", "message"])
def test_a_function_is_made_when_enough_values_had_the_shape(name: str) -> None:
    one = thing(name)
    lines = stream(one, WORTH)
    for count in range(2 * WORTH):
        assert lines.line(bytes(one.size)) == line(one, bytes(one.size))
        assert lines.made == (count + 1 >= WORTH)


def test_how_a_value_was_read_and_what_else_it_could_be_are_in_the_line() -> None:
    one = thing("sint2")
    other = Decoded(name="OTHER", space="register", number="0x1")
    lines = Stream(one.decoder, one.found, other=(other,), worth=1)
    table = one.decode(bytes(8)).to_dict()
    source = table.pop("source")
    assert lines.line(bytes(8), "read as hex") == dump(table | {"other": [other.to_dict()], "read": "read as hex", "source": source})
    assert lines.line(bytes(8)) == dump(table | {"other": [other.to_dict()], "source": source})


def test_fewer_bytes_than_the_head_are_refused_as_ever() -> None:
    with pytest.raises(UsageError, match="got 15 bytes, needs at least 16"):
        stream(MESSAGE).line(bytes(15))


def test_bytes_of_another_size_take_the_way_through_the_tree() -> None:
    for size in (16, 40, 255, 257):
        assert stream(MESSAGE).line(bytes(size)) == line(MESSAGE, bytes(size))


def test_the_cache_does_not_grow_with_the_stream() -> None:
    kept = Memo(str, 100)
    assert [kept[number] for number in range(1000)] == [str(number) for number in range(1000)]
    assert len(kept) <= 100


def test_the_function_that_the_folder_shows_is_the_one_that_is_generated(monkeypatch: pytest.MonkeyPatch) -> None:
    sources: list[str] = []
    write = Code.source
    monkeypatch.setattr(Code, "source", lambda code, text: sources.append(write(code, text)) or sources[-1])
    lines = stream(thing("HV_X64_MSR_SIRBP"))
    lines.line(bytes(8))
    _, shown = str(explained.__doc__).split("    def function", 1)
    shown = shown.partition("\n\n")[0]
    assert "".join(map(str.strip, f"def function{shown}".splitlines())) == "".join(map(str.strip, sources[-1].splitlines()))
