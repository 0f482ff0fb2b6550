"""Signals that end the program. C-c while it is imported, when nothing could catch KeyboardInterrupt, ends it without a traceback."""

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


def ending_signals() -> list[int]:
    """SIGTERM and SIGHUP, as far as the system has them and they end the program: a caller may have them ignored."""
    numbers = [getattr(_signal, name) for name in ("SIGTERM", "SIGHUP") if hasattr(_signal, name)]
    return [number for number in numbers if _signal.getsignal(number) == _signal.SIG_DFL]
