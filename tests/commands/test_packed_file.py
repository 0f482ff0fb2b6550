"""Files packed with gzip or zstd: an image in one is read directly, and commands never misread packed bytes as something else."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

from tests.at_hand import need
from tests.images.core import write
from tests.images.lime import lime
from tests.images.packed import NEEDED, PACK, gzipped, zstd, zstd_zeros
from tests.paths import DATA
from tests.program import call, start

IMAGES = ["guest.core", "guest.lime", "guest.avml"]
PAGE = (DATA / "images" / "guest.lime").read_bytes()[0x1020:][:4096]
LOG = (DATA / "logs" / "dmesg.txt").read_bytes()


@pytest.mark.parametrize("packing", PACK)
@pytest.mark.parametrize("name", IMAGES)
def test_a_packed_image_is_scanned_and_read_at_an_address(folder: Path, name: str, packing: str) -> None:
    need("module:cramjam", NEEDED)
    plain = DATA / "images" / name
    write(folder / "image", PACK[packing](plain.read_bytes()))
    ended = call("scan", "image", "-f", "line")
    assert (ended.status, ended.err, ended.out.count("\n")) == (0, "", 1)
    assert ended.out.startswith("image:0x3c5a000  HV_MESSAGE_PAGE ")
    assert call("decode", "page", "@image:0x3c5a000", "-f", "csv").out == call("decode", "page", f"@{plain}:0x3c5a000", "-f", "csv").out
    assert call("decode", "page", "@image").err == (
        "image is a memory image: `scan image` finds message pages in it, @image:ADDRESS is what is at an address\n"
    )


def test_what_is_packed_says_how_much_it_holds_where_its_ranges_do(folder: Path) -> None:
    write(folder / "image.gz", gzipped(lime([(0x1000, PAGE), (0x8000, os.urandom(1 << 20))])))
    assert "\n  memory  1,052,672 bytes (1 MiB) in 2 ranges\n" in call("scan", "--info", "image.gz").out
    write(folder / "image.gz", gzipped(PAGE + os.urandom(1 << 20)))
    assert "\n  memory  unknown until unpacked in 1 range\n" in call("scan", "--info", "image.gz").out


@pytest.mark.parametrize("data", [PAGE, PAGE + bytes(1 << 20)], ids=["one page", "more"])
def test_packed_bytes_are_not_decoded(folder: Path, data: bytes) -> None:
    write(folder / "image.gz", gzipped(data))
    said = "image.gz is packed: `scan image.gz` finds message pages in it, @image.gz:ADDRESS is what is at an address\n"
    for words in ("decode page @image.gz", "decode page image.gz", "decode sint2 @image.gz", "cpuid image.gz", "eom @image.gz 2"):
        assert (call(*words.split()).status, call(*words.split()).err) == (2, said)
    assert call("image.gz").err == "no such command or name: image.gz; for the file: scan image.gz\n"
    assert call("scan", "image.gz", "-f", "line").out.startswith("image.gz:0x0  HV_MESSAGE_PAGE ")
    assert call("decode", "page", "@image.gz:0", "-f", "line").out.startswith("HV_MESSAGE_PAGE ")


def test_packed_text_is_not_an_image(folder: Path) -> None:
    write(folder / "log.gz", gzipped(LOG * 9))
    ended = call("scan", "log.gz")
    assert (ended.status, ended.out) == (4, "")
    assert ended.err == "log.gz: unpacks to text, not to a memory image; `gzip -dc log.gz | hvrepl annotate` reads a log\n"
    assert "is packed" not in call("decode", "sint2", "@log.gz").err
    assert call("annotate", "log.gz").status == 0


def test_results_before_damage_are_shown(folder: Path) -> None:
    write(folder / "image.gz", gzipped(PAGE + bytes(1 << 20) + os.urandom(1 << 20))[:-100])
    ended = call("scan", "image.gz", "-f", "line")
    assert (ended.status, ended.err) == (4, "image.gz: is truncated: it ends before its gzip data does\n")
    assert ended.out.startswith("image.gz:0x0  HV_MESSAGE_PAGE ")


def test_a_bomb_is_ended_by_ctrl_c(tmp_path: Path) -> None:
    need(NEEDED)
    path = write(tmp_path / "bomb.zst", zstd(PAGE) + zstd_zeros(1 << 20))  # 128 GiB
    with start("scan", path, "-f", "ndjson") as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert b'"address":"0x0"' in process.stdout.readline()
        process.send_signal(signal.SIGINT)
        assert (process.stdout.read(), process.stderr.read()) == (b"", b"")
    assert process.returncode == -signal.SIGINT
