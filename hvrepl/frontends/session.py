"""What commands share: the arch and format in force, the streams, the catalogue, and the exit status so far."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import IO, Any, BinaryIO

from hvrepl.catalog.catalog import Catalog, Found, open_index
from hvrepl.catalog.index import Index
from hvrepl.catalog.model import ARCHES
from hvrepl.errors import HvreplError, UsageError
from hvrepl.text.style import Style

FORMATS = ("fields", "table", "bits", "line", "json", "ndjson", "csv")
COLORS = ("auto", "always", "never")


@dataclass(slots=True)
class Streams:
    """Where words come from and text goes, so that tests hand in their own."""

    stdin: BinaryIO
    stdout: IO[str]
    stderr: IO[str]
    environ: Mapping[str, str]
    stdin_is_terminal: bool = False
    stdout_is_terminal: bool = False
    columns: int = 80

    @classmethod
    def of_process(cls) -> Streams:
        for stream in (sys.stdout, sys.stderr):
            if hasattr(stream, "reconfigure"):
                stream.reconfigure(encoding="utf-8", errors="backslashreplace", newline="\n")
        columns = os.get_terminal_size(1).columns if sys.stdout.isatty() else 0
        return cls(sys.stdin.buffer, sys.stdout, sys.stderr, os.environ, sys.stdin.isatty(), sys.stdout.isatty(), columns)


@dataclass(frozen=True, slots=True)
class Options:
    """The options that are the same everywhere."""

    arch: str = "x64"
    format: str = "fields"
    style: str = "simple"
    color: str = "auto"
    strict: bool = False
    keep_going: bool = False
    specs: str = ""


def choose(what: str, text: str, known: Iterable[str]) -> str:
    """The text if it is one of the known words; UsageError with a suggestion if not."""
    if text in known:
        return text
    import difflib

    close = difflib.get_close_matches(text, known, 1)
    hint = f"did you mean {close[0]}?" if close else f"there are {', '.join(known)}"
    raise UsageError(f"no {what} {text[:40]!r}; {hint}")


# Option → how its text is checked.
CHECKS: Mapping[str, Callable[[str], str]] = {
    "arch": lambda text: choose("arch", text, ARCHES),
    "format": lambda text: choose("format", text, FORMATS),
    "color": lambda text: choose("colour", text, COLORS),
}


@dataclass(slots=True)
class Outcome:
    """What a run has come to: the first failure's status, or 1 if something did not hold."""

    status: int = 0

    def note(self, status: int) -> None:
        if self.status in (0, 1):
            self.status = status or self.status


@dataclass(slots=True)
class Memory:
    """What `_` and `set` are about: the last value that was decoded, encoded or set, and what it is."""

    found: Found | None = None
    data: bytes = b""

    def keep(self, found: Found, data: bytes) -> None:
        self.found, self.data = found, data


@dataclass
class Session:
    """One run of the program, or one line of a script with options of its own."""

    streams: Streams
    options: Options = field(default_factory=Options)
    outcome: Outcome = field(default_factory=Outcome)
    line: int | None = None
    is_script: bool = False
    is_shell: bool = False
    memory: Memory = field(default_factory=Memory)
    _indexes: dict[str, Index] = field(default_factory=dict)
    _decoders: dict[tuple[str, str], Any] = field(default_factory=dict)

    @classmethod
    def start(cls, streams: Streams) -> Session:
        """A session with what the environment says."""
        given = {"arch": streams.environ.get("HVREPL_ARCH"), "specs": streams.environ.get("HVREPL_SPECS")}
        session = cls(streams)
        session.set(**{key: value for key, value in given.items() if value})
        return session

    def set(self, **options: Any) -> None:
        """Options that were given. UsageError for a word that none of them takes."""
        checked: dict[str, Any] = {key: CHECKS[key](value) if key in CHECKS else value for key, value in options.items()}
        self.options = replace(self.options, **checked)
        self.__dict__.pop("style", None)

    def child(self, line: int | None = None) -> Session:
        """A session for one line, whose options end with it; catalogue, streams and outcome are shared."""
        return replace(self, line=line)

    @property
    def catalog(self) -> Catalog:
        catalog: Catalog = self.decoder.catalog
        return catalog

    @property
    def decoder(self) -> Any:
        """The Decoder of the arch and specs in force."""
        key = (self.options.specs, self.options.arch)
        if key not in self._decoders:
            from hvrepl.codec.decode import Decoder

            self._decoders[key] = Decoder(Catalog(self._index(), self.options.arch))
        return self._decoders[key]

    def _index(self) -> Index:
        specs = self.options.specs
        if specs not in self._indexes:
            self._indexes[specs] = open_index(Path(specs) if specs else None)
        return self._indexes[specs]

    @cached_property
    def style(self) -> Style:
        return Style(self.has_color, self.streams.columns, self.options.style)

    @property
    def has_color(self) -> bool:
        environ, color = self.streams.environ, self.options.color
        if color != "auto" or self.is_script:
            return color == "always"
        if environ.get("NO_COLOR"):
            return False
        forced = environ.get("FORCE_COLOR", "") not in ("", "0")
        return forced or (self.streams.stdout_is_terminal and environ.get("TERM") != "dumb")

    def write(self, text: str) -> None:
        self.streams.stdout.write(text)

    def warn(self, text: str) -> None:
        """One line on stderr, after what is already written."""
        self.streams.stdout.flush()
        self.streams.stderr.write(text.replace("\n", "; ") + "\n")
        self.streams.stderr.flush()

    def fail(self, error: HvreplError) -> None:
        self.outcome.note(error.status)


def open_output(path: str, mode: str) -> Any:
    """A file to write. FileError says why it cannot be opened."""
    from hvrepl.errors import FileError

    try:
        return Path(path).open(mode, encoding=None if "b" in mode else "utf-8")
    except OSError as error:
        raise FileError(f"{path}: {error.strerror}") from error
