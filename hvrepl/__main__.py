"""`python -m hvrepl` and the program hvrepl."""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Callable
from functools import partial


def main() -> None:
    """The program. What is imported is no garbage, and is not searched for any: that would take a tenth of a start."""
    gc.disable()
    run = program()
    gc.freeze()
    gc.enable()
    sys.exit(run())


def program() -> Callable[[], int | None]:
    """What to run. The shell alone starts without the command line's parser, so that its prompt is there at once."""
    if sys.argv[1:] in ([], ["--vi"]) and sys.stdin and sys.stdin.isatty() and "_HVREPL_COMPLETE" not in os.environ:
        from hvrepl.shell.loop import start

        return partial(start, vi="--vi" in sys.argv)
    from hvrepl.cli.main import main as run

    return run


if __name__ == "__main__":
    main()
