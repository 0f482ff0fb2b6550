"""Time from the command line to the answer."""

from __future__ import annotations

import sys
from collections.abc import Iterator

from benchmarks.measure import Program, Row, compare
from benchmarks.wheel import DOUBLED, double, hvrepl

VALUE = "0x8100000606570000"


def rows(quick: bool) -> Iterator[Row]:
    times = 2 if quick else 40
    python = Program([sys.executable, "-c", "pass"])
    for form in ("fields", "json"):
        program = hvrepl("decode", "guest-id", VALUE, "-f", form)
        yield compare(f"decode guest-id -f {form}, against python -c pass", program, python, 4, times)[0]
    if not DOUBLED.exists():
        double()
    plain = hvrepl("decode", "guest-id", VALUE)
    twice = hvrepl("decode", "guest-id", VALUE, site=DOUBLED)
    yield compare("the same with twice as many specs, against itself", twice, plain, 1.03, 2 if quick else 60)[0]
