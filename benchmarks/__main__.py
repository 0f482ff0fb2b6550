"""`python -m benchmarks [--quick] [NAME...]`: each figure compared with what a user would do without hvrepl."""

from __future__ import annotations

import argparse
import importlib
import sys

from benchmarks import wheel

NAMES = ("start", "shell", "streams", "files", "columns")


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="tiny sizes: whether it runs, not how fast")
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(NAMES))
    options = parser.parse_args()
    unknown = [name for name in options.names if name not in NAMES]
    if unknown:
        parser.error(f"no benchmark {unknown[0]}; there are {', '.join(NAMES)}")
    wheel.install()
    print(f"{'':52} {'hvrepl':>9} {'other':>9} {'':6} {'ratio':>7}")
    missed = 0
    for name in options.names or NAMES:
        for row in importlib.import_module(f"benchmarks.{name}").rows(options.quick):
            print(row, flush=True)
            missed += not row.holds
    return 1 if missed and not options.quick else 0


if __name__ == "__main__":
    sys.exit(main())
