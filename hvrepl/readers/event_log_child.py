"""The child that reads an event log: the records of a file → lines of JSON on stdout. A process of its own, as a file may crash it.

A line is an event, with the fields of `Event`, or {"error": what could not be read}; the last line is {"end": true}.
"""

from __future__ import annotations

import io
import json
import os
import sys
from collections.abc import Iterator
from itertools import chain

from hvrepl.hints import Any
from hvrepl.readers.events import to_event

HEADER, PART = 4096, 1 << 16  # bytes of a file's header, and of each part after it, which has records
MOST_MEMORY = 1 << 30  # bytes; a record takes some hundred KiB
MOST_ERRORS = 10_000  # after these, the rest is not read


def main(path: str) -> None:
    limit_memory()
    for table in chain(read_file(path), [{"end": True}]):
        sys.stdout.write(json.dumps(table) + "\n")
        sys.stdout.flush()  # events before a crash count


def limit_memory() -> None:
    """Limits memory: a file that would take all of it only ends this process, without a core dump."""
    try:
        import resource
    except ImportError:  # not on Windows
        return
    for what, most in ((resource.RLIMIT_AS, MOST_MEMORY), (resource.RLIMIT_CORE, 0)):
        _, hard = resource.getrlimit(what)
        resource.setrlimit(what, (most if hard == resource.RLIM_INFINITY else min(most, hard), hard))


def read_file(path: str) -> Iterator[dict[str, Any]]:
    yield from read_records(path)
    size = os.path.getsize(path)
    over = (size - HEADER) % PART if size > HEADER else 0
    if not over:
        return
    with open(path, "rb") as file:
        header = file.read(HEADER)
        file.seek(size - over)
        part = file.read()
    if any(part):  # the package skips an incomplete part
        yield from (table for table in read_records(io.BytesIO(header + part.ljust(PART, b"\0"))) if "error" not in table)
        yield {"error": f"the file is truncated: its last part has {over:,} bytes of {PART:,}"}


def read_records(source: str | io.BytesIO) -> Iterator[dict[str, Any]]:
    from evtx import PyEvtxParser

    try:
        records: Any = PyEvtxParser(source, number_of_threads=1).records_json()
    except (OSError, RuntimeError, ValueError) as error:
        yield {"error": say(error)}
        return
    errors = 0
    while errors < MOST_ERRORS:
        try:
            record = next(records)
            event = to_event(record["event_record_id"], record["timestamp"], json.loads(record["data"]))
        except StopIteration:
            return
        except (RuntimeError, ValueError, RecursionError) as error:
            errors += 1
            yield {"error": say(error)}
        else:
            yield {"record": event.record, "time": event.time, "provider": event.provider, "event": event.event, "data": event.data}
    yield {"error": "the rest is not read: too much is damaged"}


def say(error: Exception) -> str:
    """The package's description of a fault, without the words that begin every one."""
    return " ".join(str(error).split()).replace("An error occurred while trying to deserialize evtx stream.: ", "")
