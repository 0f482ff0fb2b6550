"""A Windows event log (EVTX) → its events, read in a child process: the parser is native code, and the file may come from anybody."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator

from hvrepl.errors import FileError
from hvrepl.readers.events import Event
from hvrepl.record import mutable

MAGIC = b"ElfFile\0"  # all of it at the beginning of the file
# The child finds this package where this process has it, and nothing in its working directory.
CHILD = "import json, sys; sys.path[:] = json.loads(sys.argv[1]); from hvrepl.readers.event_log_child import main; main(sys.argv[2])"


@mutable
class EventLog:
    """A file's events, read once; afterwards the count of events, and of parts that could not be read."""

    path: str
    name: str  # its name in messages
    events: int = 0
    errors: int = 0
    error: str = ""  # the first error

    def read(self) -> Iterator[Event]:
        """The events in order. FileError without the package evtx, or if the parser cannot be started; damage is only counted."""
        import subprocess
        from importlib.util import find_spec

        if find_spec("evtx") is None:
            raise FileError(f"{self.name}: a Windows event log; install the package evtx to read it")
        command = [sys.executable, "-P", "-c", CHILD, json.dumps(sys.path), self.path]
        try:
            child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        except OSError as error:
            raise FileError(f"{self.name}: its parser cannot be started: {error.strerror}") from error
        try:
            assert child.stdout
            has_ended = False
            for line in child.stdout:
                table = json.loads(line) if line.endswith(b"\n") else {}
                has_ended = "end" in table
                if "error" in table:
                    self._fail(table["error"])
                elif "record" in table:
                    self.events += 1
                    yield Event(**{**table, "data": tuple(map(tuple, table["data"]))})
            if not has_ended:
                self._fail("the parser crashed on it; what follows is not read")
        finally:
            child.kill()
            child.wait()
            if child.stdout:
                child.stdout.close()

    def _fail(self, error: str) -> None:
        self.errors += 1
        self.error = self.error or error

    def say_errors(self) -> str:
        """A sentence about unreadable parts; "" if there are none."""
        what = "not all of it can be read" if self.events else "cannot be read"
        more = f" (and {self.errors - 1:,} more)" if self.errors > 1 else ""
        return f"{self.name}: {what}: {self.error}{more}" if self.errors else ""
