"""`scan` of a large image beside `cat`, and `annotate` of large logs beside `grep`: one in which nothing is, and one that is full of it."""

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
        row, cost = beside(f"{name}, times as fast as grep", ours, grep, 0.4, times, faster=True)
        yield row
        yield memory(name, cost, MIB)
    log.unlink()
    dense = write_dense(1 if quick else 10)
    grep = Program(["grep", "-c", "-i", "hyper", str(dense)])
    row, _ = beside("annotate of text full of Hyper-V, times as long", hvrepl("annotate", str(dense)), grep, 2000, times)
    yield row
    dense.unlink()


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


def write_dense(mib: int) -> Path:
    """A discussion of the interface: a line in twelve has a word of it, one in some hundred something to tell."""
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
