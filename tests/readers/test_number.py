"""Numbers as people paste them; refusals say what would be right."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hvrepl.errors import UsageError
from hvrepl.readers.number import Reading, fit, read_cpuid, read_number
from hvrepl.wording import shorten

READ = [
    ("0x8100000606570000", 0x8100000606570000, ""),
    ("0x8100_0006_0657_0000", 0x8100000606570000, ""),
    ("0X1F", 0x1F, ""),
    ("42", 42, ""),
    ("1_000", 1000, "read as decimal"),
    ("8100_0006", 81000006, "read as decimal"),
    ("40000083", 40000083, ""),
    ("0", 0, ""),
    ("00", 0, ""),
    ("81000006`06570000", 0x8100000606570000, "read as WinDbg hex"),
    ("0x81000006`06570000", 0x8100000606570000, "read as WinDbg hex"),
    ("0`00000001", 1, "read as WinDbg hex"),
    ("0n15", 15, "read as WinDbg decimal"),
    ("0t17", 15, "read as WinDbg octal"),
    ("0y101", 5, "read as WinDbg binary"),
    ("8100000606570000", 8100000606570000, ""),
    ("fa1001", 0xFA1001, "read as hex"),
    ("1e5", 0x1E5, "read as hex"),
    ("101b", 0x101B, "read as hex"),
    ("00000010", 0x10, "read as hex"),
    ("0000000000000010", 0x10, "read as hex"),
    ("0f3h", 0xF3, "read as hex with a trailing h"),
    ("10H", 0x10, "read as hex with a trailing h"),
    ("0b1111_0011", 0xF3, "read as binary"),
    ("0o17", 15, "read as octal"),
    ("1U", 1, ""),
    ("0x10ULL", 0x10, ""),
    ("0xful", 0xF, ""),
    ("0xffu64", 0xFF, ""),
    ("10_u64", 10, ""),
    ("10usize", 10, ""),
    ("0x1f32", 0x1F32, ""),
    ("(0x8100 << 48)", 0x8100 << 48, "read as arithmetic"),
    ("(1ULL << 63) | (1UL << 62)", 3 << 62, "read as arithmetic"),
    ("~(0xff) & (0n10 * 0f3h - 1)", ~0xFF & 2429, "read as arithmetic"),
    ("((7 // 2) + (8 / 4) % 3 ^ 1)", 4, "read as arithmetic"),
    ("-(1 << 3)", -8, "read as arithmetic"),
    ("(1 >> 9999)", 0, "read as arithmetic"),
    ("-1", -1, ""),
    ("-0x10", -16, ""),
    ("+5", 5, ""),
    (" 0x10\n", 0x10, ""),
    ("0x10,", 0x10, "read without the surrounding ,"),
    ("='0x10';", 0x10, "read without the surrounding ='';"),
    ("`0x10`", 0x10, "read without the surrounding ``"),
    ("0x79\uff0c", 0x79, "read without the surrounding \uff0c"),
    ('"1e5"', 0x1E5, 'read as hex, read without the surrounding ""'),
    ("0e0b6031-5213-4934-818b-38d90ced39db", 0xDB39ED0CD9388B81493452130E0B6031, ""),
    ("{0E0B6031-5213-4934-818B-38D90CED39DB}", 0xDB39ED0CD9388B81493452130E0B6031, ""),
]

REFUSED = [
    ("0e0b6031-5213-4934-818b-38d90ced39d", "is not a number"),
    ("", "empty value"),
    ("  ", "empty value"),
    ("''", "empty value"),
    ("0x", "no digits after the prefix"),
    ("-0x_", "no digits after the prefix"),
    ("010", "octal or decimal; write 0o10, 10 or 0x10"),
    ("-010", "octal or decimal"),
    ("08", "write 8 or 0x8"),
    ("0b2", "neither binary"),
    ("0x0Obed7b2", "letter O at character 4 of '0x0Obed7b2'; did you mean zero?"),
    ("O10", "letter O at character 1"),
    ("0O17", "letter O at character 2"),
    ("0xl0", "letter l at character 3 of '0xl0'; did you mean one?"),
    ("0x1g", "'g' at character 4 of '0x1g' is not a hex digit"),
    ("zz", "'zz' is not a number"),
    ("--1", "is not a number"),
    ("1,000", "without them"),
    ("1.5", "not a whole number"),
    ("10 00", "more than one word"),
    ("81`06", "eight hex digits after the backtick"),
    ("\uff11\uff12", "(U+FF11) at character 1"),
    ("\u0661", "(U+0661) at character 1"),
    ("\u22121", "(U+2212) at character 1"),
    ("1<<4", "put arithmetic in parentheses"),
    ("(2**3)", "the operators are + - * /"),
    ("(ff << 1)", "'ff' in arithmetic is not a number; write 0xff"),
    ("(010 << 1)", "octal or decimal"),
    ("(a.b)", "'.' in '(a.b)' is not an operator"),
    ("(1)(2)", "only numbers and operators"),
    ("()", "only numbers and operators"),
    ("((1)", "is not arithmetic"),
    ("(1 < 2)", "only numbers and operators"),
    ("(7 / 2)", "leaves a remainder; // rounds down"),
    ("(1 / 0)", "division by zero"),
    ("(1 // 0)", "division by zero"),
    ("(1 % 0)", "division by zero"),
    ("(1 << -1)", "cannot be negative"),
    ("(1 >> -1)", "cannot be negative"),
    ("(1 << 4097)", "wider than 4096 bits"),
    ("(1 << 1 << (1 << 4000))", "wider than 4096 bits"),
    ("((1 << 2048) * (1 << 2048))", "wider than 4096 bits"),
    ("(" * 300 + "1" + ")" * 300, "is not arithmetic"),
    ("(" + "~" * 2000 + "1)", "arithmetic has at most 1000"),
    ("0x1" + "0" * 1024, "4097 bits wide"),
    ("9" * 5000, "wider than 4096 bits"),
    ("0x" + "f" * 100_000, "100002 characters long"),
    ("\x1b[31m0x10", "\\x1b[31m0x10"),
]


@pytest.mark.parametrize(("text", "value", "how"), READ, ids=[case[0] for case in READ])
def test_a_number_is_read_and_how_is_said_when_not_plain(text: str, value: int, how: str) -> None:
    assert read_number(text) == Reading(value, how)


@pytest.mark.parametrize(("text", "message"), REFUSED, ids=[shorten(case[0], 20) or "empty" for case in REFUSED])
def test_what_is_not_a_number_is_refused_in_one_short_line(text: str, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        read_number(text)
    said = str(caught.value)
    assert message in said
    assert len(said) < 250
    assert said.isprintable()


NOTATIONS = {
    "0x": "0x{:x}",
    "padded": "{:#018x}",
    "underscores": "0x{:_x}",
    "decimal": "{}",
    "WinDbg decimal": "0n{}",
    "masm": "0{:x}h",
    "binary": "0b{:_b}",
    "octal": "0o{:o}",
    "C": "0x{:X}ULL",
    "Rust": "{}_u64",
    "arithmetic": "(0x{:x} << 4 >> 4)",
}


@pytest.mark.parametrize("notation", NOTATIONS.values(), ids=NOTATIONS)
@given(value=st.integers(0, 2**64 - 1))
def test_a_printed_number_reads_back_equal(notation: str, value: int) -> None:
    assert read_number(notation.format(value)).value == value


@given(st.integers(0, 2**64 - 1))
def test_a_windbg_number_reads_back_equal(value: int) -> None:
    assert read_number(f"{value >> 32:08x}`{value & 0xFFFFFFFF:08x}").value == value


@given(st.one_of(st.text(), st.text("0123456789abcdefxXoOlhuUnbyt_`()+-*/%<>|&^~,;='\" \n", max_size=40)))
def test_any_text_is_a_number_or_a_usage_error(text: str) -> None:
    try:
        reading = read_number(text)
    except UsageError:
        return
    assert reading.value.bit_length() <= 4096


CPUID = [
    (["eax=0x1", "ebx=0x2", "ecx=0x3", "edx=0x4"], 0x00000004_00000003_00000002_00000001),
    (["EDX=4", "Eax=1"], 4 << 96 | 1),
    (["eax=0xae7f, ebx=0x3b8030,"], 0x3B8030 << 32 | 0xAE7F),
    (["ecx=-1"], 0xFFFFFFFF << 64),
]
CPUID_REFUSED = [
    (["eax=1", "EAX=2"], "eax is given twice"),
    (["eax=1", "0x10"], "'0x10' is not eax="),
    (["eax=0x100000000"], "0x100000000 is 33 bits wide; eax has 32"),
    (["ebx="], "ebx: an empty value"),
]


@pytest.mark.parametrize(("words", "value"), CPUID, ids=[" ".join(case[0]) for case in CPUID])
def test_cpuid_registers_make_one_number(words: list[str], value: int) -> None:
    assert read_cpuid(words) == Reading(value, "read as edx:ecx:ebx:eax")


@pytest.mark.parametrize(("words", "message"), CPUID_REFUSED, ids=[" ".join(case[0]) for case in CPUID_REFUSED])
def test_cpuid_registers_that_cannot_be_read_are_refused(words: list[str], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        read_cpuid(words)


@pytest.mark.parametrize("words", [[], ["0x10"], ["os_type=linux"], ["eaxx=1"]], ids=str)
def test_words_without_cpuid_registers_are_left_to_others(words: list[str]) -> None:
    assert read_cpuid(words) is None


FITS = [(0, 1, 0), (0xFF, 8, 0xFF), (-1, 64, 2**64 - 1), (-128, 8, 0x80), (-1, 1, 1)]
TOO_WIDE = [
    (0x1FFFFFFFFFFFFFFFF, 64, "0x1ffffffffffffffff is 65 bits wide; sint2 has 64"),
    (-129, 8, "-0x81 is 9 bits wide; sint2 has 8"),
]


@pytest.mark.parametrize(("value", "width", "fitted"), FITS)
def test_a_value_that_fits_is_made_unsigned(value: int, width: int, fitted: int) -> None:
    assert fit(value, width, "sint2") == fitted


@pytest.mark.parametrize(("value", "width", "message"), TOO_WIDE)
def test_a_value_that_is_too_wide_is_refused_with_both_widths(value: int, width: int, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        fit(value, width, "sint2")
