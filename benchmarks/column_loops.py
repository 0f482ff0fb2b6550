"""A column of many values decoded batch by batch, compared with code by hand. `python -m benchmarks.column_loops HOW ROWS BATCH`.

Prints the CPU seconds of both, the most memory of Arrow, the growth of the process after the first two batches, and the size in bytes of a
batch with its decoded values.
"""

from __future__ import annotations

import json
import random
import resource
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pyarrow as pa

from benchmarks.loops import GUEST_ID, SINT
from benchmarks.streams import guest_id

DISTINCT = 5000


def ids(rows: int, batch: int) -> Iterator[pa.Array]:
    """Guest ids of a fleet: many machines, few systems."""
    known = np.array([int(guest_id(), 16) for _ in range(DISTINCT)], dtype=np.uint64)
    dice = np.random.default_rng(1)
    return (pa.array(known[dice.integers(0, DISTINCT, batch)]) for _ in range(rows // batch))


def sints(rows: int, batch: int) -> Iterator[pa.Array]:
    """Values that are all different."""
    dice = np.random.default_rng(1)
    return (pa.array(dice.integers(0, 1 << 64, batch, dtype=np.uint64)) for _ in range(rows // batch))


def shift_by_hand(array: pa.Array) -> list[Any]:
    number = array.to_numpy()
    found, low = [], 0
    for _, width in reversed(SINT):
        part = number >> np.uint64(low) & np.uint64((1 << width) - 1)
        found.append(part.astype(np.uint64 if width > 32 else np.uint8))
        low += width
    return found


HOW: dict[str, tuple[str, Callable[[int, int], Iterator[pa.Array]], Callable[[pa.Array], Any], bool]] = {
    "guest-id": ("guest-id", ids, lambda array: array.dictionary_encode(), True),
    "numbers": ("sint2", sints, shift_by_hand, False),
    "sentences": ("sint2", sints, shift_by_hand, True),
}


def peak() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def main(how: str, rows: int, batch: int) -> None:
    from hvrepl.columns.decode import decode_column

    what, make, by_hand, summary = HOW[how]
    theirs = ours = 0.0
    for array in make(rows, batch):
        start = time.process_time()
        by_hand(array)
        theirs += time.process_time() - start
    before = size = 0
    pool = pa.default_memory_pool()
    for number, array in enumerate(make(rows, batch)):
        before = peak() if number <= 2 else before
        start = time.process_time()
        found = decode_column(what, array, summary=summary)
        ours += time.process_time() - start
        size = max(size, array.nbytes + found.nbytes)
        del found  # as after writing it
    print(json.dumps({"ours": ours, "theirs": theirs, "arrow": pool.max_memory(), "growth": peak() - before, "batch": size}))


def single(values: int) -> None:
    """Values one by one, with hvrepl.decode and with a bare BitStruct of Construct."""
    from construct import BitsInteger, BitStruct

    import hvrepl

    numbers = [int(guest_id(), 16) for _ in range(values)]
    layout = BitStruct(*(name / BitsInteger(width) for name, width in GUEST_ID))
    hvrepl.decode("guest-id", numbers[0])
    layout.parse(numbers[0].to_bytes(8, "big"))
    start = time.process_time()
    for number in numbers:
        layout.parse(number.to_bytes(8, "big"))
    theirs = time.process_time() - start
    start = time.process_time()
    for number in numbers:
        hvrepl.decode("guest-id", number)
    print(json.dumps({"ours": time.process_time() - start, "theirs": theirs}))


if __name__ == "__main__":
    random.seed(1)
    if sys.argv[1] == "single":
        single(int(sys.argv[2]))
    else:
        main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
