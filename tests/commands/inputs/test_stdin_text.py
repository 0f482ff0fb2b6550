"""Text on stdin is read like the same text in a file, whatever its encoding and the terminal's escapes in it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.paths import DATA
from tests.program import call

PAGE = (DATA / "dumps" / "page.bin").read_bytes()
TEXT = (DATA / "dumps" / "page.xxd.txt").read_text()
COLOURED = "".join(f"\x1b[33m{line[:8]}\x1b[0m{line[8:]}\n" for line in TEXT.splitlines())
MONITOR = "(qemu) x\x1b[K\x1b[Dxp\x1b[K\r\n" + TEXT.replace("\n", "\r\n") + "(qemu) "
AS_TEXT = {
    "plain": TEXT.encode(),
    "UTF-8 with a mark": TEXT.encode("utf-8-sig"),
    "UTF-16": TEXT.encode("utf-16"),
    "UTF-16, the other way": b"\xfe\xff" + TEXT.encode("utf-16-be"),
    "UTF-16 without a mark": TEXT.encode("utf-16-le"),
    "a comment in UTF-8": ("# caf\u00e9\n" + TEXT).encode(),
    "a comment in Latin-1": ("# caf\u00e9\n" + TEXT).encode("latin-1"),
    "colour": COLOURED.encode(),
    "a terminal's title": ("\x1b]0;root@vm\x07" + TEXT).encode(),
    "a monitor's echo": MONITOR.encode(),
    "what was erased": ("ls\x08\x08" + TEXT).encode(),
    "a console's line ends": TEXT.replace("\n", "\r\r\n").encode(),
}


@pytest.mark.parametrize("given", AS_TEXT.values(), ids=AS_TEXT)
def test_text_is_read_the_same_way_from_a_file_and_from_stdin(given: bytes, tmp_path: Path) -> None:
    (tmp_path / "dump").write_bytes(given)
    from_file = call("decode", "page", f"@{tmp_path / 'dump'}", "-f", "json")
    from_stdin = call("decode", "page", "-", "-f", "json", stdin=given)
    assert (from_file.status, from_stdin.status) == (0, 0)
    assert from_file.out == from_stdin.out
    assert json.loads(from_stdin.out)["raw"] == PAGE.hex()


@pytest.mark.parametrize("damage", [b"\0", b"\x01"])
@pytest.mark.parametrize("at", [20, 5000, len(TEXT) - 1])
def test_text_with_a_byte_that_no_text_has_is_refused_and_not_read_as_raw_bytes(damage: bytes, at: int, tmp_path: Path) -> None:
    given = TEXT.encode()[:at] + damage + TEXT.encode()[at:]
    (tmp_path / "dump").write_bytes(given)
    for ended in (call("decode", "page", f"@{tmp_path / 'dump'}"), call("decode", "page", "-", stdin=given)):
        assert ended.status == 2
        assert f"byte 0x{damage.hex()} in a dump that is otherwise text" in ended.err


def test_raw_bytes_that_begin_as_text_are_raw_bytes_of_many_pages() -> None:
    given = b"plain text, and no dump\n" * 3000 + bytes(4096 * 18 - 72000)
    ended = call("decode", "page", "-", "-f", "ndjson", stdin=given)
    assert (ended.status, ended.out.count("\n")) == (0, 18)


MARKED = {
    "with a mark": b"\xef\xbb\xbf0x200f3\n0x10013\n",
    "in UTF-16": "0x200f3\n0x10013\n".encode("utf-16"),
    "with a comment in UTF-8": "# caf\u00e9\n0x200f3\n0x10013".encode(),
    "with a comment in Latin-1": "# caf\u00e9, of the host\n0x200f3\n0x10013".encode("latin-1"),
}


@pytest.mark.parametrize("given", MARKED.values(), ids=MARKED)
def test_values_of_registers_are_read_in_any_encoding(given: bytes, tmp_path: Path) -> None:
    (tmp_path / "values").write_bytes(given)
    for ended in (
        call("decode", "sint2", f"@{tmp_path / 'values'}", "-f", "line"),
        call("decode", "sint2", "-", "-f", "line", stdin=given),
    ):
        rows = [line.split()[1] for line in ended.out.splitlines()]
        assert (ended.status, rows) == (0, ["0x00000000000200f3", "0x0000000000010013"])
