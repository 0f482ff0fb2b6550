"""Files that commands write, complete or not at all. A script may only if it is allowed to."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from errno import EISDIR
from stat import S_IMODE

from hvrepl.commands.session import Session
from hvrepl.errors import FileError, UsageError
from hvrepl.hints import Any
from hvrepl.interrupts import ending_signals


@contextmanager
def open_output(session: Session, path: str, mode: str) -> Iterator[Any]:
    """A file to write. UsageError in a script that must not write files, FileError if it cannot be opened or written."""
    refuse_output(session)
    try:
        encoding, newline = (None, None) if "b" in mode else ("utf-8", "\n")
        with open(path, mode, encoding=encoding, newline=newline) as file:
            yield file
    except OSError as error:
        raise FileError(f"{path}: {error.strerror}") from error


def refuse_output(session: Session) -> None:
    """UsageError in a script that must not write files."""
    if not session.may_write:
        raise UsageError("-o FILE is off here; --allow-shell turns it on")


@contextmanager
def removed_by_signals(path: str) -> Iterator[None]:
    """A signal that ends the program within it removes a file first."""
    import signal

    def end(number: int, _: object) -> None:
        with suppress(OSError):
            os.unlink(path)
        signal.signal(number, signal.SIG_DFL)
        signal.raise_signal(number)

    caught = []
    for number in ending_signals():
        with suppress(ValueError):  # not in the main thread
            signal.signal(number, end)
            caught.append(number)
    try:
        yield
    finally:
        for number in caught:
            signal.signal(number, signal.SIG_DFL)


@contextmanager
def replacing(session: Session, path: str) -> Iterator[str]:
    """The name of a new file in the same folder that replaces a file once it is complete; a failure leaves the file as it was.

    Anything that is not a regular file, such as a device or a pipe, is written directly. Raises as `open_output` does.
    """
    refuse_output(session)
    whole = os.path.realpath(path)
    if os.path.exists(whole) and not os.path.isfile(whole):
        if os.path.isdir(whole):
            raise FileError(f"{path}: {os.strerror(EISDIR)}")
        yield whole
        return
    folder, name = os.path.split(whole)
    part = os.path.join(folder, f".{name}.{os.getpid()}.part")
    try:
        with removed_by_signals(part):
            yield part
        if os.path.exists(whole):
            os.chmod(part, S_IMODE(os.stat(whole).st_mode))
        os.replace(part, whole)
    except OSError as error:
        raise FileError(f"{path}: {error.strerror or error}") from error
    finally:
        with suppress(OSError):
            os.unlink(part)
