"""Each tool's form is read correctly, and a damaged one is read correctly or refused: never as other bytes."""

from __future__ import annotations

import base64
import json
import random
import subprocess
from collections.abc import Callable, Iterator
from itertools import product

import pytest

from hvrepl.errors import UsageError
from hvrepl.readers.dump import Dump, read_bytes
from tests.at_hand import need
from tests.each import each
from tests.fuzz import amount, sampled
from tests.paths import DATA
from tests.program import call
from tests.readers.dump_printers import PRINTERS, ROWS, VALUES

FORMS = DATA / "dumps" / "forms"
PAGE = (FORMS / "page.bin").read_bytes()
TRICKY = b"12345678: 0000 dead beef 00 11 ca" + bytes(range(0x61, 0x67)) * 2 + b"\x00\x80|*>  #" + random.Random(7).randbytes(80)
DATAS = {"page": PAGE[:256], "zeros": bytes(64), "tricky": TRICKY[:128], "text": b"0x3c5a000 80 18 " * 4, "counting": bytes(range(64))}
SIZED = {name: (lambda data, made=made, size=size: made(data, size)) for name, (made, size) in PRINTERS.items()}
WITH_ADDRESS = {
    **ROWS,
    **{
        name: made
        for name, made in SIZED.items()
        if name.startswith(("gdb", "QEMU", "crash", "WinDbg", "kernel ")) and "alone" not in name and "without" not in name
    },
}
ALL: dict[str, Callable[[bytes], str]] = {
    **WITH_ADDRESS,
    **VALUES,
    **{name: made for name, made in SIZED.items() if name not in WITH_ADDRESS},
}


@each(product(ALL, DATAS))
def test_a_form_is_read_right(name: str, given: str) -> None:
    text = ALL[name](DATAS[given]).encode()
    dumps = read_bytes(text, is_hex="Rust" in name)
    assert [dump.data for dump in dumps] == [DATAS[given]]


def encodings(text: str) -> Iterator[tuple[str, bytes]]:
    yield "a mark", text.encode("utf-8-sig")
    yield "UTF-16", text.encode("utf-16")
    yield "CRLF", text.replace("\n", "\r\n").encode()
    yield "colour", "".join(f"\x1b[33m{line[:6]}\x1b[0m{line[6:]}\n" for line in text.splitlines()).encode()


def damages(lines: list[str], chance: random.Random) -> Iterator[tuple[str, list[str]]]:
    """Typical damage of pastes. A row is one line of many."""
    at = chance.randrange(len(lines))
    for row in {0, 1, len(lines) // 2, len(lines) - 2, len(lines) - 1, at} & set(range(len(lines))):
        yield f"without line {row + 1}", lines[:row] + lines[row + 1 :]
        yield f"line {row + 1} twice", [*lines[: row + 1], *lines[row:]]
        yield f"a comment before line {row + 1}", [*lines[:row], "# a comment", *lines[row:]]
        yield f"words before line {row + 1}", [*lines[:row], "here it goes on", *lines[row:]]
        yield f"a mark before line {row + 1}", [*lines[:row], "---", *lines[row:]]
        for cut in (1, len(lines[row]) // 3, len(lines[row]) // 2, len(lines[row]) - 1):
            yield f"line {row + 1} cut at {cut}", [*lines[:row], lines[row][:cut], *lines[row + 1 :]]
            yield f"all cut in line {row + 1} at {cut}", [*lines[:row], lines[row][:cut]]
        place = chance.randrange(max(1, len(lines[row])))
        yield f"line {row + 1} without character {place}", [*lines[:row], lines[row][:place] + lines[row][place + 1 :], *lines[row + 1 :]]
        yield f"line {row + 1} with a letter at {place}", [*lines[:row], lines[row][:place] + "O" + lines[row][place:], *lines[row + 1 :]]
    yield "two lines in the other order", [*lines[:-2], *lines[:-3:-1]]
    yield "a prompt before", ["$ print page", *lines]
    yield "debugger's prompts", ["(gdb) print page", *lines, "(gdb) "]
    yield "a log's clock", [f"[   12.345678] {line}" for line in lines]
    yield "a log's priority", [f"<6>{line}" for line in lines]
    yield "a mail's quotes", [f"> {line}" for line in lines]


def is_right(dumps: list[Dump], truth: Dump, how: str) -> bool:
    """Whether all dumps are pieces of the original, at their places unless a digit of an address was lost."""
    for dump in dumps:
        if truth.address is None or dump.address is None:
            return False
        offset = dump.address - truth.address
        found = truth.data[offset : offset + len(dump.data)] if offset >= 0 else b""
        if dump.data != found and not ("character" in how and dump.data in truth.data):
            return False
    return True


@sampled
@each(product(ALL, amount(["tricky"], list(DATAS))), parts=4)
def test_a_form_that_was_copied_is_read_right(name: str, given: str) -> None:
    for how, raw in encodings(ALL[name](DATAS[given])):
        assert [dump.data for dump in read_bytes(raw, is_hex="Rust" in name)] == [DATAS[given]], how


@sampled
@each(product(WITH_ADDRESS, amount(["tricky"], list(DATAS))), parts=8)
def test_a_damaged_dump_is_read_right_or_refused(name: str, given: str) -> None:
    text = WITH_ADDRESS[name](DATAS[given])
    (whole,) = read_bytes(text.encode())
    unknowable = ("all cut in line 1 ", "without line 1" if name == "Intel HEX" else "-")  # the rest cannot show it
    wrong = []
    for seed in range(amount(1, 4)):
        for how, lines in damages(text.splitlines(), random.Random(seed)):
            if how.startswith(unknowable):
                continue
            try:
                dumps = read_bytes("\n".join(lines).encode())
            except UsageError:
                continue
            if not is_right(dumps, whole, how):
                wrong.append((how, [(dump.how, dump.data.hex()) for dump in dumps]))
    assert not wrong


# Each tool's text, and the options that it needs.
TOLD = {"hexdump-ve4.A.txt": ["--words", "4"], "od-An-tx8-v.A.txt": ["--words", "8"], "rust-x.A.txt": ["--hex"]}
TEXTS = sorted(path.name for path in FORMS.glob("*.A.txt"))


@pytest.mark.parametrize("name", TEXTS)
def test_the_page_is_read_from_a_file_and_from_stdin(name: str) -> None:
    given = (FORMS / name).read_bytes()
    for words, stdin in ([f"@{FORMS / name}"], b""), (["-"], given):
        if name in TOLD:
            refused = call("decode", "page", *words, stdin=stdin)
            assert (refused.status, refused.out) == (2, "")
            assert TOLD[name][0] in refused.err
        told = call(*TOLD.get(name, []), "decode", "page", *words, "-f", "json", stdin=stdin)
        assert (told.status, json.loads(told.out)["raw"]) == (0, PAGE.hex())


@pytest.mark.parametrize("options", ["", "--border ascii", "--color always", "--no-squeezing"])
def test_hexyls_output_reads_back_equal(options: str) -> None:
    need("hexyl")
    done = subprocess.run(["hexyl", *options.split(), FORMS / "page.bin"], capture_output=True, check=True)
    assert [dump.data for dump in read_bytes(done.stdout)] == [PAGE]


def test_all_texts_are_tried() -> None:
    assert len(TEXTS) >= 13


# Texts of other pages, or of parts of one: file → address and size of each dump.
OTHERS = {
    "kdb_md_line_missing.txt": [(0xFFFF888003C5A000, 64), (0xFFFF888003C5A050, 4096 - 80)],
    "kdb_md_rows.txt": [(0xFFFF888003C5A110, 48)],
    "two_dumps_0x_no_colon.txt": [(0xFFFF888003C5A000, 16), (0xFFFF888099999000, 16)],
    "qemu_monitor_socat_escapes.txt": [(0x29F6000, 4096)],
    "stdin_ansi_colour.txt": [(0, 4096)],
    "stdin_non_ascii_comment.txt": [(0, 4096)],
    "stdin_utf8_bom.txt": [(0, 4096)],
}


@pytest.mark.parametrize(("name", "parts"), OTHERS.items(), ids=OTHERS)
def test_parts_of_pages_are_distinguished_by_their_addresses(name: str, parts: list[tuple[int, int]]) -> None:
    dumps = read_bytes((FORMS / name).read_bytes())
    assert [(dump.address, len(dump.data)) for dump in dumps] == parts
    if parts[0] == (0, 4096):
        assert dumps[0].data == PAGE


@pytest.mark.parametrize("name", [name for name in OTHERS if name.startswith(("stdin", "qemu"))])
def test_a_text_is_read_the_same_way_from_a_file_and_from_stdin(name: str) -> None:
    given = (FORMS / name).read_bytes()
    from_file, from_stdin = call("decode", "page", f"@{FORMS / name}", "-f", "json"), call("decode", "page", "-", "-f", "json", stdin=given)
    assert from_stdin == from_file
    assert from_file.status == 0


def test_base64_is_read_where_it_is_what_is_asked_for() -> None:
    text = base64.b64encode(PAGE)
    assert json.loads(call("decode", "page", "-", "-f", "json", stdin=text).out)["raw"] == PAGE.hex()
    assert call("decode", "message", "-", stdin=text).status == 2
    with pytest.raises(UsageError, match="is not hex"):
        read_bytes(text)
