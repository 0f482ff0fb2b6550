"""`python -m hvrepl` and the program hvrepl."""

from __future__ import annotations

import os
import sys


def main() -> None:
    """The program. The shell alone starts without the command line's parser, so that its prompt is there at once."""
    if sys.argv[1:] in ([], ["--vi"]) and sys.stdin and sys.stdin.isatty() and "_HVREPL_COMPLETE" not in os.environ:
        from hvrepl.frontends.shell import start

        sys.exit(start(vi="--vi" in sys.argv))
    from hvrepl.frontends.cli import main as run

    run()


if __name__ == "__main__":
    main()
