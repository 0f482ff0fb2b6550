"""C-c while the program is imported, when nothing could catch KeyboardInterrupt: it ends without a traceback."""

from __future__ import annotations

import _signal  # type: ignore[import-not-found]  # signal itself would take a fiftieth of a short run


def end_when_interrupted() -> None:
    """C-c ends the process at once, by the signal. Not if it is ignored, as in the background of a script."""
    if _signal.getsignal(_signal.SIGINT) is _signal.default_int_handler:
        _signal.signal(_signal.SIGINT, _signal.SIG_DFL)


def raise_when_interrupted() -> None:
    """C-c raises KeyboardInterrupt again."""
    if _signal.getsignal(_signal.SIGINT) is _signal.SIG_DFL:
        _signal.signal(_signal.SIGINT, _signal.default_int_handler)
