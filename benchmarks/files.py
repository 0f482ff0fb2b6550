"""`scan` of a large image beside `cat`, and `annotate` of a large log beside `grep`."""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator, Sequence
from pathlib import Path

from benchmarks.measure import BUILD, Program, Row, beside, memory
from benchmarks.wheel import hvrepl

MIB = 128
BLOCK = 1 << 20
TIMER = struct.pack("<IBBHQIIQQ", 0x80000010, 24, 0, 0, 0, 0, 0, 0x1000, 0x1044)
LINE = "Nov 22 10:00:{:02} node7 systemd[1]: Started session {} of user build; unit took {} ms and used 12.5M memory.\n"


def rows(quick: bool) -> Iterator[Row]:
    times = 1 if quick else 3
    image = write_image(8 if quick else 2048)
    row, cost = beside(
        "scan of an image, times as fast as cat", hvrepl("scan", str(image)), Program(["cat", str(image)]), 0.3, times, faster=True
    )
    yield row
    yield memory("scan", cost, MIB)
    image.unlink()
    log = write_log(1 if quick else 1024)
    grep = Program(["grep", "-c", "-i", "-E", "|".join(map(re.escape, key_words())), str(log)], may_fail=True)
    for name, missing in (("annotate", ()), ("annotate without hvrepl[fast]", ("ahocorasick_rs",))):
        ours = hvrepl("annotate", str(log), missing=missing)
        row, cost = beside(f"{name}, times as fast as grep", ours, grep, 0.2, times, faster=True)
        yield row
        yield memory(name, cost, MIB)
    log.unlink()


def key_words() -> Sequence[str]:
    """What annotate looks for in a log."""
    from hvrepl.catalog.catalog import Catalog
    from hvrepl.catalog.opening import open_index
    from hvrepl.readers.log_lines import Recogniser

    return Recogniser(Catalog(open_index()).log_forms()).words


def write_image(mib: int) -> Path:
    """Pages of numbers that are no messages, zeros, and one message page in each GiB."""
    path = BUILD / "image.bin"
    noise = b"".join(number.to_bytes(8, "little") for number in range(0xFFFF_8880_0000_0000, 0xFFFF_8880_0000_0000 + BLOCK // 16))
    block = noise + bytes(BLOCK // 2)
    with path.open("wb") as file:
        for number in range(mib):
            file.write(block if number % 1024 else TIMER.ljust(4096, b"\0") + block[4096:])
    return path


def write_log(mib: int) -> Path:
    path = BUILD / "unrelated.log"
    block = "".join(LINE.format(number % 60, number, number * 7 % 1000) for number in range(BLOCK // 110)).encode()
    with path.open("wb") as file:
        for _ in range(mib):
            file.write(block)
    return path
