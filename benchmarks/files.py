"""`scan` of a large image compared with `cat`; `annotate` of large logs compared with `grep`: one without Hyper-V, and one full of it."""

from __future__ import annotations

import os
import re
import struct
from collections.abc import Iterator, Sequence
from pathlib import Path

from benchmarks.measure import BUILD, Program, Row, compare, memory
from benchmarks.wheel import hvrepl

MIB = 128
SCAN_MIB = 40
BLOCK = 1 << 20
TIMER = struct.pack("<IBBHQIIQQ", 0x80000010, 24, 0, 0, 0, 0, 0, 0x1000, 0x1044)
DENSE = [
    *["> +\tret = do_something(dev, index + {});  /* plain code of a patch, or a sentence */\n"] * 8,
    "> > The Hyper-V host keeps {} of these for the guest, and hv_vmbus asks for them again.\n",
    "> @@ -{},7 +269,7 @@ static int hv_pci_probe(struct hv_device *hdev)\n",
    "Subject: [PATCH v2 {}/12] Drivers: hv: vmbus: take the lock before the channel is offered\n",
    "[    0.{:06}] hv_netvsc: a message of the driver without anything to tell\n",
]
DENSE = [*DENSE * 200, "[    0.{:06}] kvm_msr: msr_write 40000083 = 0xfa1001\n", "[    0.{:06}] hv_vmbus: Vmbus version:5.3\n"]
LINE = "Nov 22 10:00:{:02} node7 systemd[1]: Started session {} of user build; unit took {} ms and used 12.5M memory.\n"


def rows(quick: bool) -> Iterator[Row]:
    times = 1 if quick else 3
    yield from scans(quick, times)
    log = write_log(1 if quick else 1024)
    grep = Program(["grep", "-c", "-i", "-E", "|".join(map(re.escape, key_words())), str(log)], may_fail=True)
    for name, missing in (("annotate", ()), ("annotate without hvrepl[fast]", ("ahocorasick_rs",))):
        ours = hvrepl("annotate", str(log), missing=missing)
        row, cost = compare(f"{name}, times as fast as grep", ours, grep, 0.4, times, faster=True)
        yield row
        yield memory(name, cost, MIB)
    log.unlink()
    dense = write_dense(1 if quick else 10)
    grep = Program(["grep", "-c", "-i", "hyper", str(dense)])
    row, _ = compare("annotate of text full of Hyper-V, times as long", hvrepl("annotate", str(dense)), grep, 2000, times)
    yield row
    dense.unlink()


def scans(quick: bool, times: int) -> Iterator[Row]:
    mib = 8 if quick else 4096
    contents = {"random bytes": [os.urandom(min(mib, 256) * BLOCK)], "zeros": [bytes(BLOCK)], "numbers": number_blocks()}
    for name, blocks in contents.items():
        image = write_image(blocks, mib)
        row, cost = compare(f"scan of an image of {name}", hvrepl("scan", str(image)), Program(["cat", str(image)]), 1.75, times)
        yield row
        yield memory(f"scan of {name}", cost, SCAN_MIB)
        image.unlink()
    full, single = write_pages("pages.bin", 10 if quick else 1000), write_pages("page.bin", 1)
    # This was 160 when every slot of a page was decoded again on each arch.
    row, cost = compare("scan of a thousand message pages, against one", hvrepl("scan", str(full)), hvrepl("scan", str(single)), 40, times)
    yield row
    yield memory("scan of a thousand message pages", cost, SCAN_MIB)


def key_words() -> Sequence[str]:
    """The words that annotate searches for."""
    from hvrepl.catalog.catalog import Catalog
    from hvrepl.catalog.opening import open_index
    from hvrepl.readers.find_forms import Recogniser

    return Recogniser(Catalog(open_index()).log_forms()).words


def number_blocks() -> list[bytes]:
    """Pages of numbers that are not messages, and zeros; one message page per GiB."""
    noise = b"".join(number.to_bytes(8, "little") for number in range(0xFFFF_8880_0000_0000, 0xFFFF_8880_0000_0000 + BLOCK // 16))
    block = noise + bytes(BLOCK // 2)
    return [timer(0).ljust(4096, b"\0") + block[4096:], *[block] * 1023]


def write_image(blocks: Sequence[bytes], mib: int) -> Path:
    """The blocks, repeated."""
    path = BUILD / "image.bin"
    with path.open("wb") as file:
        written = 0
        while written < mib * BLOCK:
            for block in blocks:
                written += file.write(block[: mib * BLOCK - written])
    return path


def write_pages(name: str, count: int) -> Path:
    """Message pages with two messages each, different on every page."""
    path = BUILD / name
    with path.open("wb") as file:
        for number in range(count):
            slots = [timer(number), bytes(256), timer(number + 7)]
            file.write(b"".join(slot.ljust(256, b"\0") for slot in slots).ljust(4096, b"\0"))
    return path


def timer(number: int) -> bytes:
    return struct.pack("<IBBHQIIQQ", 0x80000010, 24, 0, 0, 0, number % 4, 0, 0x1000 + number, 0x1044 + number)


def write_dense(mib: int) -> Path:
    """A discussion of the interface: one line in twelve has a word of it, and one in some hundred gets a note."""
    path = BUILD / "dense.log"
    lines = [DENSE[number % len(DENSE)].format(number) for number in range(BLOCK // 60)]
    with path.open("w", encoding="utf-8") as file:
        for _ in range(mib):
            file.writelines(lines)
    return path


def write_log(mib: int) -> Path:
    path = BUILD / "unrelated.log"
    block = "".join(LINE.format(number % 60, number, number * 7 % 1000) for number in range(BLOCK // 110)).encode()
    with path.open("wb") as file:
        for _ in range(mib):
            file.write(block)
    return path
