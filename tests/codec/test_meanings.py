"""The formatters: number → words, and for those that read, words → the same number."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hvrepl.codec.decoded import quote_json
from hvrepl.codec.meanings import MEANINGS, say

SAID = [
    ("linux_version", 0x60657, "6.6.87"),
    ("linux_version", 0, "0.0.0"),
    ("linux_version", 0x40EFF, "4.14.255"),
    ("linux_version", 0xFFFFFFFF, "65535.255.255"),
    ("linux_release", 0x60C01, "6.12.1"),
    ("freebsd_version", 1400097, "14.0 (1400097)"),
    ("freebsd_version", 1302001, "13.2 (1302001)"),
    ("freebsd_version", 500000, "5.0 (500000)"),
    ("freebsd_version", 499999, "499999"),
    ("freebsd_version", 10, "10"),
    ("netbsd_version", 1000000000, "10.0"),
    ("netbsd_version", 999001000, "9.99.10"),
    ("netbsd_version", 0, "0.0"),
    ("100ns", 0, "0 ns"),
    ("100ns", 1, "100 ns"),
    ("100ns", 9, "900 ns"),
    ("100ns", 10, "1 us"),
    ("100ns", 68, "6.8 us"),
    ("100ns", -68, "-6.8 us"),
    ("100ns", 100_000, "10 ms"),
    ("100ns", 10_000_000, "1 s"),
    ("100ns", 73588229205, "7358.823 s"),
    ("100ns", 2**64 - 1, "1844674407370.955 s"),
    ("filetime", 0, "1601-01-01 00:00:00.0000000 UTC"),
    ("filetime", 116444736000000001, "1970-01-01 00:00:00.0000001 UTC"),
    ("filetime", 2**64 - 1, "after the year 9999"),
    ("hz", 2496000499, "2.496 GHz"),
    ("hz", 200000000, "200 MHz"),
    ("hz", 10_000, "10 kHz"),
    ("hz", 250, "250 Hz"),
    ("hz", 0, "0 Hz"),
    ("khz", 2793296, "2.7933 GHz"),
    ("khz", 66000, "66 MHz"),
    ("hz_per_tick", 0xC3500, "80 MHz at HZ 100, 200 MHz at HZ 250, 240 MHz at HZ 300, 800 MHz at HZ 1000"),
    ("gpa", 0xFA1000, "gpa 0xfa1000"),
    ("gpa_page", 0xFA1, "gpa 0xfa1000"),
    ("gpa_page", 0, "gpa 0x0"),
    ("guid", int.from_bytes(bytes(range(16)), "little"), "03020100-0504-0706-0809-0a0b0c0d0e0f"),
    ("guid", 0, "00000000-0000-0000-0000-000000000000"),
    ("decimal", 202510, "202510"),
    ("set_bits", 0, "none"),
    ("set_bits", 1, "0"),
    ("set_bits", 0x8E, "1-3, 7"),
    ("set_bits", 1 << 2047 | 3, "0-1, 2047"),
    ("set_bits", 2**64 - 1, "0-63"),
    ("set_bits", int("5" * 17, 16), ", ".join(str(bit) for bit in range(0, 64, 2)) + ", and 2 more"),
    ("signed", 2**64 - 1, "-1"),
    ("signed", 1, "1"),
    ("signed32", 0xFFFFFFFF, "-1"),
    ("signed32", 7, "7"),
    ("errno", 2**64 - 38, "-38"),
    ("errno", 2**64 - 4095, "-4095"),
    ("errno", 2**64 - 4096, ""),
    ("errno", 38, ""),
    ("ascii", int.from_bytes(b"Hv#1", "little"), "Hv#1"),
    ("ascii", int.from_bytes(b"a\0b\0\0", "little"), "a\\x00b"),
    ("ascii", int.from_bytes(b"\x1b[31m\x9b", "little"), "\\x1b[31m\\x9b"),
    ("ascii", 0, ""),
    ("utf16", int.from_bytes("disk".encode("utf-16-le"), "little"), "disk"),
    ("utf16", int.from_bytes("é\u202e".encode("utf-16-le"), "little"), "\\xe9\\u202e"),
    ("utf16", 0xD800, "\\ufffd"),
    ("utf16", 0, ""),
    ("package ABI {}", 1071, "package ABI 1071"),
]


@pytest.mark.parametrize(("show", "value", "words"), SAID, ids=[f"{show} {value:#x}" for show, value, _ in SAID])
def test_a_formatter_says(show: str, value: int, words: str) -> None:
    assert say(show, value) == words


READ = [
    ("linux_version", "6.6.87", 0x60657),
    ("linux_version", "v6.6", 0x60600),
    ("linux_release", "6.6.87-lts-rt53", 0x60657),
    ("linux_release", "5.15.0-1071-azure", 0x50F00),
    ("linux_release", "6.6.87+", 0x60657),
    ("linux_release", "6.6.87.2-microsoft-standard-WSL2", 0x60657),
    ("linux_release", "6.6.104.2-4.azl3", 0x60668),
    ("linux_release", "5.15.0-308.179.6.3.el9uek.x86_64", 0x50F00),
    ("linux_release", "6.12.48+deb13-amd64", 0x60C30),
    ("linux_release", "6.12-rc3", 0x60C00),
    ("linux_release", "4.14.336", 0x40EFF),
    ("linux_release", "3.10.0-1160.15.2.el7.x86_64", 0x30A00),
    ("freebsd_version", "14.0", 1400000),
    ("freebsd_version", "13.2", 1302000),
    ("gpa_page", "gpa 0xfa1000", 0xFA1),
    ("gpa_page", "gpa:0xFA1000", 0xFA1),
    ("gpa_page", "gpa 0x0", 0),
    ("guid", "03020100-0504-0706-0809-0a0b0c0d0e0f", int.from_bytes(bytes(range(16)), "little")),
    ("guid", "{03020100-0504-0706-0809-0A0B0C0D0E0F}", int.from_bytes(bytes(range(16)), "little")),
]


@pytest.mark.parametrize(("show", "text", "value"), READ, ids=[f"{show} {text}" for show, text, _ in READ])
def test_a_formatter_reads(show: str, text: str, value: int) -> None:
    read = MEANINGS[show].read
    assert read
    assert read(text) == value


NOT_READ = [
    ("linux_version", "", "'' is not a kernel version such as 6.6.87"),
    ("linux_version", "6", "'6' is not a kernel version"),
    ("linux_version", "6.6.6.6.6", "is not a kernel version"),
    ("linux_version", "six.six", "is not a kernel version"),
    ("linux_version", "٦.٦", "is not a kernel version"),
    ("linux_version", "65536.0", "a kernel version is at most 65535.255.255"),
    ("linux_version", "6.256.0", "a kernel version is at most 65535.255.255"),
    ("freebsd_version", "14", "is neither a FreeBSD release such as 14.0 nor a number"),
    ("freebsd_version", "14.0-RELEASE", "is neither a FreeBSD release"),
    ("gpa_page", "gpa:0xfa1001", "is neither a page number nor the address of a page"),
    ("gpa_page", "0xfa1000 bytes", "is neither a page number"),
    ("guid", "03020100", "is not a GUID such as"),
]


@pytest.mark.parametrize(("show", "text", "message"), NOT_READ, ids=[f"{show} {text}" for show, text, _ in NOT_READ])
def test_words_that_a_formatter_does_not_know_are_refused(show: str, text: str, message: str) -> None:
    read = MEANINGS[show].read
    assert read
    with pytest.raises(ValueError, match=re.escape(message)):
        read(text)


WIDTHS = {"guid": 128, "linux_version": 32, "linux_release": 32, "gpa_page": 52}


@pytest.mark.parametrize("show", sorted(WIDTHS))
@given(st.data())
def test_words_of_a_formatter_read_back(show: str, data: st.DataObject) -> None:
    value = data.draw(st.integers(0, (1 << WIDTHS[show]) - 1))
    meaning = MEANINGS[show]
    assert meaning.read
    assert meaning.read(meaning.say(value)) == value


@pytest.mark.parametrize("show", sorted(MEANINGS))
@given(st.integers(0, 2**128 - 1))
def test_words_are_one_line_of_printable_ascii(show: str, value: int) -> None:
    text = say(show, value)
    assert re.fullmatch(r"[ -~]*", text)
    if MEANINGS[show].is_plain:
        assert text
        assert quote_json(text) == f'"{text}"'


def test_every_formatter_is_in_the_tables() -> None:
    assert {show for show, _, _ in SAID} >= set(MEANINGS)
    assert {show for show, _, _ in READ} >= {name for name, meaning in MEANINGS.items() if meaning.read}
