"""Dumps as tools print them: each form gives back its bytes, and a damaged one is refused with its line."""

from __future__ import annotations

import random
import re
import struct
import subprocess
from pathlib import Path

import pytest
from hypothesis import assume, example, given, settings
from hypothesis import strategies as st

from hvrepl.errors import UsageError
from hvrepl.readers.dump import MOST_FOLDED, Dump, read_bytes, read_dump
from hvrepl.wording import shorten
from tests.at_hand import need
from tests.fuzz import amount, examples, sampled
from tests.paths import DATA
from tests.readers.dump_printers import BASE, PRINTERS, print_kernel

DUMPS = DATA / "dumps"
PAGE = (DUMPS / "page.bin").read_bytes()

FIXTURES = [
    ("page.bin", "read as raw binary, 4096 bytes", None),
    ("page.gdb.txt", f"read as gdb x/gx words, 4096 bytes at {BASE:#x}", BASE),
    ("page.crash.txt", f"read as crash rd words, 4096 bytes at {BASE:#x}", BASE),
    ("page.windbg.txt", f"read as WinDbg dq words, 4096 bytes at {BASE:#x}", BASE),
    ("page.xxd.txt", "read as xxd bytes, 4096 bytes", 0),
    ("page.hexdump.txt", "read as hexdump words, 4096 bytes", 0),
]


@pytest.mark.parametrize(("name", "how", "address"), FIXTURES, ids=[case[0] for case in FIXTURES])
def test_a_message_page_is_read_from_each_form(name: str, how: str, address: int | None) -> None:
    assert read_bytes((DUMPS / name).read_bytes()) == [Dump(PAGE, how, address)]


def test_the_page_has_a_timer_message_and_a_vmbus_message() -> None:
    assert struct.unpack_from("<IBBHQ", PAGE, 0) == (0x80000010, 24, 0, 0, 0)
    assert struct.unpack_from("<IIQQ", PAGE, 16) == (0, 0, 0x1122334455, 0x1122334455 + 68)
    assert struct.unpack_from("<IBBHQ", PAGE, 512) == (1, 16, 1, 0, 0x10001)
    assert struct.unpack_from("<IIB", PAGE, 528) == (15, 0, 1)


@pytest.mark.parametrize("name", PRINTERS)
@settings(max_examples=examples(20))
@given(seed=st.binary(min_size=1, max_size=12), words=st.integers(2, 12))
def test_printed_bytes_read_back_equal(name: str, seed: bytes, words: int) -> None:
    printer, size = PRINTERS[name]
    assume(not re.fullmatch(rb"[0-9a-fA-F :-]+", seed))  # this would be hex in quotes
    data = (seed * 8 * words)[: 8 * words]
    dumps = read_dump(printer(data, size))
    assert [dump.data for dump in dumps] == [data]


def test_a_kernel_dump_of_odd_length_ends_in_bytes() -> None:
    data = bytes(range(0x20, 0x3B))
    assert [dump.data for dump in read_dump(print_kernel(data, 8))] == [data]


TOOLS = [
    "xxd",
    "xxd -a",
    "xxd -u -c 8",
    "xxd -g 1",
    "xxd -g 4",
    "xxd -g 8",
    "xxd -e",
    "xxd -e -g 2",
    "xxd -e -g 8",
    "xxd -d",
    "xxd -o 0x1000",
    "xxd -p",
    "xxd -i",
    "hexdump",
    "hexdump -v",
    "hexdump -C",
    "hexdump -x",
    "od",
    "od -v",
    "od -A x",
    "od -A d",
    "od -t x1",
    "od -v -t x2",
    "od -t x4",
    "od -t x8",
    "od -t o1",
    "od -t o4",
    "od -A x -t x1z",
    "od -A x -t x2",
    "od -A d -t x4z",
    "od -A x -t x8z",
    "objdump -s -b binary",
]
SAMPLES = {
    "page": PAGE,
    "counting": bytes(range(256)),
    "full page": b"".join(struct.pack("<IBBHQ", 1, 240, 1, 0, 0x10001) + random.Random(slot).randbytes(240) for slot in range(16)),
    "random": random.Random(1).randbytes(1000),
    "text like hex": b"dead beef 00 11 cafe 2222 33" * 4,
    "spaces": b"  ab  " * 9 + b" " * 42,
    "bars": b"|>.<|  |" * 8 + b">",
    "zeros": bytes(4096),
    "folds, then a short row": bytes(100) + b"\x01\x02\x03",
    "octal like": b"\x10\x11\x12" * 11,
}


@pytest.mark.parametrize("command", TOOLS)
def test_a_tools_output_reads_back_equal(command: str, tmp_path: Path) -> None:
    words = command.split()
    need(words[0])
    for name, data in SAMPLES.items():
        (tmp_path / "data").write_bytes(data)
        done = subprocess.run([*words, "data"], cwd=tmp_path, capture_output=True, text=True, check=True)
        dumps = read_dump(done.stdout)
        assert [dump.data for dump in dumps] == [data], name
        assert dumps[0].address in (0x1000 if "-o" in words else 0, None), name


@pytest.mark.parametrize("size", ["b", "h", "w", "g"])
def test_gdbs_output_reads_back_equal(size: str, tmp_path: Path) -> None:
    need("gdb", "objcopy")
    (tmp_path / "data").write_bytes(PAGE)
    subprocess.run(["objcopy", "-I", "binary", "-O", "elf64-little", "data", "data.o"], cwd=tmp_path, check=True)
    count = len(PAGE) // {"b": 1, "h": 2, "w": 4, "g": 8}[size]
    command = ["gdb", "-q", "-nx", "-batch", "-ex", f"x/{count}{size}x &_binary_data_start", "data.o"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert [dump.data for dump in read_dump(done.stdout)] == [PAGE]


XXD = "00000000: 0001 0203  ....\n00000004: 0405 0607  ....\n"
PASTES = {
    "plain bytes": ("10 00 00 80", "hex bytes, 4 bytes", "10000080"),
    "plain groups that read alike": ("0000 8080", "hex bytes, 4 bytes", "00008080"),
    "hexlify": ("b'1000008018'", "hex bytes in quotes, 5 bytes", "1000008018"),
    "hex with separators": ("'10-00-00-80'", "hex bytes in quotes, 4 bytes", "10000080"),
    "gdb's text": (
        """$1 = "\\020\\000\\000\\200", '\\000' <repeats 3 times>, "UD3\\\"\"""",
        "bytes literal, 11 bytes",
        "100000800000005544332" + "2",
    ),
    "lldb's array": ("(unsigned char[2]) $0 = ([0] = 0x10, [1] = 0x80)", "bytes, 2 bytes", "1080"),
    "lldb's lines": ("(unsigned char [2]) {\n  [0] = 0x10\n  [1] = 0x80\n}", "C array of bytes, 2 bytes", "1080"),
    "Rust's hex": ("[10, 0, 0, a]", "bytes, 4 bytes", "1000000a"),
    "Rust's hex of two digits": ("[10, 00, 00, 80]", "bytes, 4 bytes", "10000080"),
    "Rust's lines": ("[\n    0x10,\n    0x0,\n]", "bytes, 2 bytes", "1000"),
    "Go": ("[16 0 0 128]", "bytes, 4 bytes", "10000080"),
    "Go's bytes": ("[]byte{0x10, 0x0, 0x0, 0x80}", "C array of bytes, 4 bytes", "10000080"),
    "Java": ("[16, 0, 0, -128]", "bytes, 4 bytes", "10000080"),
    "Java's source": ("new byte[] {0x10, (byte) 0x80}", "C array of bytes, 2 bytes", "1080"),
    "Python's array": ("array('I', [2147483664, 24])", "4-byte words, 8 bytes", "1000008018000000"),
    "Python's tuple": ("(16, 0, 0, 128)", "bytes, 4 bytes", "10000080"),
    "numpy": ("array([ 16,   0,\n        24], dtype=uint16)", "2-byte words, 6 bytes", "100000001800"),
    "Node": ("<Buffer 10 00 00 80>", "hex bytes, 4 bytes", "10000080"),
    "Node's JSON": ('{"type":"Buffer","data":[16,0,0,12]}', "bytes, 4 bytes", "1000000c"),
    "Node's words": ("BigUint64Array(2) [ 105226698768n, 0n ]", "8-byte words, 16 bytes", "1000008018" + "00" * 11),
    "Intel HEX": (
        ":02000004FFF00B\n:0400100010000080" + "5C" + "\n:00000001FF\n",
        "Intel HEX, 4 bytes at 0xfff00010",
        "10000080",
    ),
    "S-records": ("S1070010100000805" + "8\nS9030000FC", "S-records, 4 bytes at 0x10", "10000080"),
    "Verilog": ("// a page\n@03C5A000 10 00\n00 80", "@ADDRESS and bytes, 4 bytes at 0x3c5a000", "10000080"),
    "armoured base64": ("-----BEGIN PAGE-----\nEAAAgA==\n-----END PAGE-----\n", "base64 bytes, 4 bytes", "10000080"),
    "U-Boot": (
        "03c5a000: 80000010 00000018    ........\n03c5a008: 00000001 00000000    ........",
        "xxd -e words, 16 bytes at 0x3c5a000",
        "1000008018000000" + "0100000000000000",
    ),
    "bits": ("00000000: 00010000 00000000 10000000  ...", "hex dump bytes, 3 bytes", "100080"),
    "one long string": ("1000008018000000", "hex bytes, 8 bytes", "1000008018000000"),
    "colons": ("10:00:00:80", "hex bytes, 4 bytes", "10000080"),
    "one byte": ("10", "hex bytes, 1 byte", "10"),
    "a long 0x string": ("0x" + "10" * 9, "hex bytes, 9 bytes", "10" * 9),
    "one 0x word": ("0x80000010", "4-byte words, 4 bytes", "10000080"),
    "0x words": ("0x0000000080000010 0x0000000000000018", "8-byte words, 16 bytes", "10000080000000001800000000000000"),
    "shell escapes": (r"\x10\x00" + "\n" + r"\x00\x80", "escaped bytes, 4 bytes", "10000080"),
    "C by declaration": (
        "__u32 a[] = {0x80000010, 0x18 /* size */, 1, };",
        "C array of 4-byte words, 12 bytes",
        "100000801800000001000000",
    ),
    "C with suffixes": (
        "{0x0000000080000010ULL,\n0x0000000000000018ULL}",
        "C array of 8-byte words, 16 bytes",
        "1000008000000000" + "18" + "00" * 7,
    ),
    "C in decimal": ("unsigned char a[4] = { 16, 0, 0, 128 };", "C array of bytes, 4 bytes", "10000080"),
    "a mail's quotes": ("> > 00000000: 0001 0203  ....\n> > 00000004: 0405 0607  ....", "xxd bytes, 8 bytes", "0001020304050607"),
    "a terminal's colours": ("\x1b[1;32m00000000\x1b[0m: 0001 0203  ....", "xxd bytes, 4 bytes", "00010203"),
    "a gdb session": (
        "(gdb) x/gx page\n0x4020 <page>:\t0x0000000080000010\n(gdb) ",
        "gdb x/gx words, 8 bytes at 0x4020",
        "1000008000000000",
    ),
    "a crash session": (
        "crash> rd -32 c5a000 2\n00c5a000:  80000010 00000018   ........\ncrash> ",
        "crash rd -32 words, 8 bytes at 0xc5a000",
        "1000008018000000",
    ),
    "a WinDbg session": (
        "0: kd> db fffff801`23456000 L8\nfffff801`23456000  41 2d 42 80 18 00 00 00                          A-B.....\n0: kd> ",
        "WinDbg db bytes, 8 bytes at 0xfffff80123456000",
        "412d428018000000",
    ),
    "a shell session": ("$ xxd page.bin\n" + XXD + "root@vm:~# ", "xxd bytes, 8 bytes", "0001020304050607"),
    "words around it": ("Here it is\n" + XXD + "Regards", "xxd bytes, 8 bytes, 2 other lines left out", "0001020304050607"),
    "carriage returns": (XXD.replace("\n", "\r\n"), "xxd bytes, 8 bytes", "0001020304050607"),
    "kernel without addresses": ("[ 1.0] page: 10 00\n[ 1.0] page: 00 80\n", "kernel hex dump bytes, 4 bytes", "10000080"),
    "xxd without its text": ("00000000: 1000 0080\n", "xxd bytes, 4 bytes", "10000080"),
    "words without text": ("00000000: 80000010 00000018\n", "kernel hex dump words, 8 bytes", "1000008018000000"),
    "text in another character set": (
        "00000000: e4f6 fcdf 4142 4344  \u00e4\u00f6\u00fc\u00dfABCD",
        "xxd bytes, 8 bytes",
        "e4f6fcdf41424344",
    ),
    "hexdump of zeros": ("0000000 0000 0000 0000 0000 0000 0000 0000 0000\n*\n0000020\n", "hexdump words, 32 bytes", "00" * 32),
}


@pytest.mark.parametrize(("text", "how", "data"), PASTES.values(), ids=PASTES)
def test_a_paste_is_read_and_how_is_said(text: str, how: str, data: str) -> None:
    assert [(dump.how, dump.data.hex()) for dump in read_dump(text)] == [(f"read as {how}", data)]


TWO = {
    "a jump": (XXD + "00001000: ffff  ..", [(0, 8), (0x1000, 2)]),
    "a restart": (XXD + XXD, [(0, 8), (0, 8)]),
    "another tool": (XXD + "0x10:\t0x01\t0x02", [(0, 8), (0x10, 2)]),
    "after an end": ("0000000 0100\n0000002\n0000000 0302\n0000001\n", [(0, 2), (0, 1)]),
    "words between": (XXD + "and the other\n00001000: ffff  ..", [(0, 8), (0x1000, 2)]),
    "hex addresses, then octal ones": (
        "".join(f"{at:07x} 0100 0302 0504 0706 0908 0b0a 0d0c 0f0e\n" for at in (0, 16, 32))
        + "".join(f"{at:07o} 000400 001402 002404 003406 004410 005412 006414 007416\n" for at in (0, 16, 32)),
        [(0, 48), (0, 48)],
    ),
    "a session of both": ("$ xxd a\n" + XXD + "$ gdb\n(gdb) x/2bx 0x10\n0x10:\t0x01\t0x02\n(gdb) q\n", [(0, 8), (0x10, 2)]),
    "two arrays": ("u8 a[] = {1, 2};\nu16 b[] = {3};", [(None, 2), (None, 2)]),
}


@pytest.mark.parametrize(("text", "parts"), TWO.values(), ids=TWO)
def test_two_dumps_in_one_paste_are_two(text: str, parts: list[tuple[int | None, int]]) -> None:
    assert [(dump.address, len(dump.data)) for dump in read_dump(text)] == parts


def test_prompts_within_a_dump_that_continues_do_not_split_it() -> None:
    text = "(gdb) x/gx p\n0x10:\t0x0000000000000001\n(gdb) \n0x18:\t0x0000000000000002\t0x0000000000000003\n"
    assert [len(dump.data) for dump in read_dump(text)] == [24]


REFUSED = {
    "empty": ("", "an empty dump"),
    "prompts alone": ("$ \n", "a dump without bytes"),
    "prose": ("hello world", "line 1: 'hello' is not hex"),
    "odd digits": ("10 00\n10 0", "line 2: '0' has an odd number of hex digits"),
    "odd digits in a row": ("00000000: 1000 008", "line 1: '008' after 1000 has an odd number of hex digits"),
    "no hex in a row": ("00000000: 1000 00zz  ....", "line 1: '00zz  ....' after 1000 is not hex"),
    "a letter O": (XXD + "00000008: 04O5 0607  ....", "line 3: '04O5 0607  ....' is no"),
    "a damaged address": (XXD.replace("00000004:", "0000OO04"), "line 2: '0000OO04 0405 0607  ....' is not a row"),
    "words within": (XXD.replace("....\n0", "....\nwhat?\n0"), "line 2: 'what\\?' is in the middle"),
    "words for a lost row": (XXD.replace("....\n00000004", "....\nlost\n00000008"), "line 2: 'lost' is in the middle"),
    "a short row": ("00000000: 0001  ..\n" + XXD.replace("00000004", "00000002"), "line 3: has 4 bytes, and line 2|line 2"),
    "a row cut short": (
        "00000000: 0001 0203  ....\n00000004: 0405  ..\n00000008: 0607  ..",
        "line 2: has 2 bytes, but line 3 starts 4 after it",
    ),
    "unread memory": ("fffff801`23456000  ????????`????????", "is memory that was not read"),
    "* first": ("*\n" + XXD, "line 1: \\* repeats the line before it, but there is none"),
    "* last": (XXD + "*\n", "line 3: no line with an address follows the \\*"),
    "* twice": (XXD + "*\n*\n00000010: 0000  ..", "line 4: \\* repeats the line before it, but there is none"),
    "* without addresses": ("1000 0080\n*\n", "line 2: \\* repeats the line before it, but without addresses"),
    "* to the side": (XXD + "*\n0000000a: 0000  ..", "line 3: \\* cannot repeat 4 bytes from 0x8 to 0xa"),
    "* backwards": (XXD + "*\n00000000: 0000  ..", "line 3: \\* cannot repeat"),
    "* too far": (XXD + f"*\n{MOST_FOLDED * 2:08x}: 0000  ..", "line 3: \\* would repeat"),
    "a wrong end": ("0000000 0100 0302\n0000004\n0000008\n", "line 3: the dump ends at 0x4, but this line says 0x8"),
    "no escape": ("\\x10\n\\xzz", "line 2: '\\\\\\\\?xzz'"),
    "an open brace": ("{0x10,\n0x00", "line 1: '{' is unmatched"),
    "an empty array": ("a = {};", "line 1: an empty array"),
    "mixed widths": ("{0x80000010, 0x18}", "line 1: elements of different or odd widths"),
    "an element too wide": ("u8 a[] = {0x10,\n0x100};", "line 2: 0x100 does not fit into 1 byte"),
    "no element": ("{0x10,\nPAGE_SIZE}", "line 2: 'PAGE_SIZE' is not a number"),
    "a cut array": ("unsigned char a[] = {\n 0x00, 0x01\n};\nunsigned int a_len = 3;", "_len = 3; is declared for an array of 2 bytes"),
    "gdb in decimal": ("0x4020 <page>:\t-2147483632\t24\n", "line 1: gdb did not print hex; use x/gx"),
    "an escape of none": (r"b'\x10\q'", "line 1: '.*q' is not part of a bytes literal"),
    "text in the midst of rows": ("[ 1.0] p: 10000080 00000018\n[ 1.0] what\n", "line 2: 'what' is not a row of a dump"),
    "groups that can be words": ("1000 0080\n1000 0080", "line 1: '1000' can be 2 bytes as printed or a word; use --words 1"),
    "words without addresses": (" 0000001880000010 0000000000000000", "line 1: .*or --words 8 for little-endian words"),
    "lines like addresses": ("00000000 10000080\n00000000 10000080", "line 1: '10000080' can be 4 bytes as printed or a word"),
    "hex or decimal": ("[10, 0, 80]", "line 1: '10' and the other elements can be hex or decimal; use --hex, or put decimal ones in { }"),
    "decimal rows": (
        "ffff888003c5a000:            105226698768                   0   ................",
        "are decimal numbers; .*crash rd -64",
    ),
    "decimal words": (" 16   0   0 128\n", "are decimal numbers"),
    "od -c": ("0000000 020  \\0  \\0 200 030  \\0  \\0  \\0\n0000010\n", "are characters, as od -c and hexdump -c print them"),
    "od -a": ("0000000 dle nul nul nul can nul\n0000006\n", "are names of characters, as od -a prints them"),
    "a list cut by Node": ("<Buffer 10 00 ... 14 more bytes>", "line 1: '...' stands for bytes"),
    "a list cut by gdb": ("$1 = {0x10, 0x0 <repeats 198 times>...}", "line 1: '...' stands for elements"),
    "text cut by gdb": ("""$1 = "\\020\\000"...""", "use `set print elements 0`"),
    "a wrong checksum": (":0400100010000080" + "5D" + "\n:00000001FF\n", "line 1: the length or checksum"),
    "Intel HEX without an end": (":0400100010000080" + "5C" + "\n", "it is truncated"),
    "escapes escaped once more": (r"b'\\x10\\x00'", "line 1: each backslash of .* is doubled"),
    "an index left out": ("{[0] = 0x10, [2] = 0x80}", "line 1: element 2 is not the next one, which is 1"),
    "too few elements": ("Uint8Array(3) [ 16, 0 ]", "line 1: 3 elements are announced, but there are 2"),
    "words of no known order": ("03c5a000: 80000010 00000018  ........", "line 1: nothing shows the byte order"),
    "an endless line": ("zz" * 50_000, "line 1: 'zz"),
}


@pytest.mark.parametrize(("text", "message"), REFUSED.values(), ids=REFUSED)
def test_a_dump_that_cannot_be_read_is_refused_with_its_line(text: str, message: str) -> None:
    with pytest.raises(UsageError, match=message) as caught:
        read_dump(text)
    assert len(str(caught.value)) < 250
    assert str(caught.value).isprintable()


FORCED = [
    ("0001020304050607", 1, "0001020304050607"),
    ("0001 0203 0405 0607", 4, "0302010007060504"),
    ("00000000: 0001 0203 0405 0607  ........", 8, "0706050403020100"),
    ("0x0:\t0x03020100\t0x07060504", 1, "0302010007060504"),
    ("{0x80000010, 0x18}", 4, "1000008018000000"),
    (r"\x00\x01", 2, "0100"),
]


@pytest.mark.parametrize(("text", "size", "data"), FORCED, ids=[shorten(case[0], 20) for case in FORCED])
def test_a_given_word_size_is_obeyed(text: str, size: int, data: str) -> None:
    assert [dump.data.hex() for dump in read_dump(text, size)] == [data]


@pytest.mark.parametrize(("text", "size", "message"), [("000102", 2, "line 1: 3 bytes are not a whole number"), ("00", 3, "not 3")])
def test_a_word_size_that_does_not_divide_is_refused(text: str, size: int, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        read_dump(text, size)


ENDLESS = ["10", "10 ", "zz ", "> ", "# ", " ", "g", "a:", "w.-", "\\x10", "{", "0x", "00000000`", "kernel: ", "*\n"]


@sampled
@pytest.mark.parametrize("piece", ENDLESS)
@pytest.mark.parametrize(("before", "after"), [("", ""), ("00000000: 10", "10"), ("[ 1.0] ", ": 10 00")])
def test_a_line_of_any_length_is_read_or_refused(piece: str, before: str, after: str) -> None:
    try:
        says = [dump.how for dump in read_dump(before + piece * (amount(1 << 16, 1 << 20) // len(piece)) + after)]
    except UsageError as error:
        says = [str(error)]
    assert says
    assert all(0 < len(text) < 250 for text in says)


RAW = {
    "NUL": (b"10 00\x00", "raw binary", 6),
    "no UTF-8": (b"\x80\xff", "raw binary", 2),
    "text": (b"10 00", "hex bytes", 2),
    "UTF-8 with a mark": (b"\xef\xbb\xbf10 00", "hex bytes", 2),
    "PowerShell's UTF-16": ("10 00\r\n".encode("utf-16"), "hex bytes", 2),
}


@pytest.mark.parametrize(("raw", "name", "size"), RAW.values(), ids=RAW)
def test_raw_bytes_are_distinguished_from_text(raw: bytes, name: str, size: int) -> None:
    (dump,) = read_bytes(raw)
    assert (len(dump.data), dump.how.startswith(f"read as {name}")) == (size, True)


FRAGMENTS = [
    *"0123456789abcdef `*|<>:-{}[]()\n\t,;=?xX\\\"'.$#Oz",
    "0x",
    "  ",
    "00000000: ",
    "0000010 ",
    "1000 ",
    "10 ",
    "\n*\n",
    "fffff801`23456000  ",
]
FRAGMENTS += [
    *XXD.splitlines(keepends=True),
    "\\x10",
    "....",
    "(gdb) ",
    "[    0.0] ",
    "0x10:\t0x01\t",
    "u8 a[] = {",
    "};",
    "_len = 3;",
    "/*",
    "\x00",
    "\x1b[1m",
]


@example('""', None)
@given(st.one_of(st.text(), st.lists(st.sampled_from(FRAGMENTS), max_size=30).map("".join)), st.sampled_from([None, 1, 2, 4, 8]))
def test_any_text_is_dumps_or_a_usage_error(text: str, size: int | None) -> None:
    try:
        dumps = read_dump(text, size)
    except UsageError:
        return
    assert dumps
    assert all(dump.data for dump in dumps)


@given(st.one_of(st.binary(), st.text().map(lambda text: text.encode("utf-16"))))
def test_any_bytes_are_dumps_or_a_usage_error(raw: bytes) -> None:
    try:
        dumps = read_bytes(raw)
    except UsageError:
        return
    assert dumps


@given(st.data())
def test_a_page_with_a_lost_character_is_never_read_as_another_page(data: st.DataObject) -> None:
    text = data.draw(st.sampled_from([(DUMPS / name).read_text()[:400] for name, _, _ in FIXTURES[1:]]))
    whole = read_dump(text[: text.rindex("\n")])
    at = data.draw(st.integers(0, text.rindex("\n") - 1))
    try:
        dumps = read_dump(text[:at] + text[at + 1 : text.rindex("\n")])
    except UsageError:
        return
    assert len(dumps) > 1 or dumps[0].data == whole[0].data or dumps[0].address != whole[0].address or "other line" in dumps[0].how
