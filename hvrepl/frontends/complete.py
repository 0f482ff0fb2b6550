"""What may follow the text before the cursor: commands, names, fields, enumerators, files. Pure but for the names of files."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from hvrepl.catalog.catalog import Catalog, Found
from hvrepl.catalog.model import ARCHES, Field, Layout, Spec, to_key
from hvrepl.errors import HvreplError
from hvrepl.frontends.session import COLORS, FORMATS
from hvrepl.text.listing import number_of

MOST = 200  # candidates; nobody scrolls further
LONGEST = 2000  # characters of a line that somebody types
TAKES_NAME = ("decode", "encode", "show", "diff", "check")
TAKES_FIELDS = ("encode", "check", "set")
OPTIONS = {"--arch": ARCHES, "--format": FORMATS, "-f": FORMATS, "--color": COLORS}
FLAGS = ("--strict", "--keep-going", "--help")


@dataclass(frozen=True, slots=True)
class Candidate:
    """Text that replaces the last `length` characters before the cursor, with what stands beside it in the menu."""

    text: str
    length: int
    number: str = ""
    title: str = ""


@dataclass(frozen=True, slots=True)
class Name:
    """A spelling with what it is; `key` is how it is compared, `is_short` that it is one of our own short names."""

    key: str
    text: str
    number: str
    title: str
    is_short: bool


class Completer:
    """Completes for one catalogue; reads all names once, when the first is asked for."""

    def __init__(self, catalog: Catalog, commands: Sequence[tuple[str, str]], kernel: Callable[[], str]) -> None:
        self.catalog = catalog
        self.commands = commands
        self.kernel = kernel

    @cached_property
    def names(self) -> list[Name]:
        found: dict[str, Name] = {}
        for entry in self.catalog.entries():
            if entry.arch not in ("common", self.catalog.arch) or (entry.space and self.catalog.arch not in entry.space.arches):
                continue
            for place, text in enumerate((entry.name, *entry.also)):
                short = place > 0 and text == text.lower()
                found.setdefault(to_key(text), Name(to_key(text), text, number_of(entry), entry.title, short))
        return list(found.values())

    @cached_property
    def keys(self) -> frozenset[str]:
        return frozenset(name.key for name in self.names)

    @cached_property
    def command_names(self) -> frozenset[str]:
        return frozenset(name for name, _ in self.commands)

    def hits(self, text: str) -> bool:
        """Whether any name would be offered for the text."""
        return next(rank(self.names, to_key(text)), None) is not None

    def find(self, what: str) -> Found | None:
        try:
            return self.catalog.find_name(what.rpartition(":")[2].split(".")[0])
        except HvreplError:
            return None

    def complete(self, before: str, last: Found | None = None) -> list[Candidate]:
        """The candidates for the text before the cursor, best first; `last` is what `set` and `_` are about."""
        if "\n" in before or len(before) > LONGEST:
            return []
        words = before.split()
        current = "" if before[-1:].isspace() or not words else words.pop()
        return list(self._candidates(words, current, before, last))[:MOST]

    def _candidates(self, words: list[str], current: str, before: str, last: Found | None) -> Iterator[Candidate]:
        command = words[0] if words else ""
        if current.startswith("@"):
            yield from files(current[1:], len(current) - 1)
        elif words and words[-1] in OPTIONS:
            yield from matching(OPTIONS[words[-1]], current)
        elif current.startswith("-"):
            yield from matching((*OPTIONS, *FLAGS), current)
        elif not words:
            yield from (Candidate(name, len(current), title=title) for name, title in self.commands if name.startswith(current))
            yield from self._names(current, len(current))
        elif command == "source":
            yield from files(current, len(current))
        elif command in ("arch", "format", "help", "?", "list"):
            choices = {"arch": ARCHES, "format": FORMATS, "list": tuple(self.catalog.spaces)}
            yield from matching(choices.get(command, [name for name, _ in self.commands]), current)
        else:
            yield from self._within(command, words, current, before, last)

    def _within(self, command: str, words: list[str], current: str, before: str, last: Found | None) -> Iterator[Candidate]:
        """After a command or a name: a name, then its fields."""
        if command in TAKES_NAME and len(words) == 1:
            yield from self._names(current, len(current))
            return
        what = last if command == "set" else self.find(words[1] if command in TAKES_NAME else command)
        if what is None:
            if command not in TAKES_NAME:  # several words of one name: x64 sint
                yield from self._names(before.strip(), len(before.lstrip()))
        elif command in TAKES_FIELDS or command not in self.command_names:
            yield from self._fields(what, current)

    def _names(self, text: str, length: int) -> Iterator[Candidate]:
        return (Candidate(name.text, length, name.number, name.title) for name in rank(self.names, to_key(text)))

    def _fields(self, found: Found, current: str) -> Iterator[Candidate]:
        path, equals, text = current.partition("=")
        fields = dict(paths_of(found.spec, found.spec.layout, self.catalog))
        if equals:
            yield from self._values(found, fields, path.rstrip("!"), text)
            return
        names = [(name, field.doc) for name, field in fields.items() if not field.reserved]
        names += [(shorthand.name, f"sets {', '.join((shorthand.field, *shorthand.sets))}") for shorthand in found.spec.shorthands]
        wanted = to_key(path)
        hits = [(name, title) for name, title in names if wanted in name.lower()]
        for name, title in sorted(hits, key=lambda hit: not hit[0].lower().startswith(wanted)):
            yield Candidate(f"{name}=", len(current), title=title)

    def _values(self, found: Found, fields: dict[str, Field], path: str, text: str) -> Iterator[Candidate]:
        if any(shorthand.name == path for shorthand in found.spec.shorthands):
            yield from matching([self.kernel()], text)
            return
        field = fields.get(path) or next((f for name, f in fields.items() if name.rpartition(".")[2] == path), None)
        for one in self.catalog.enumerators(field) if field else ():
            name = one.name if re.fullmatch(r"[\w.-]+", one.name) else f"{one.low:#x}"
            if to_key(text) in to_key(name) or to_key(text) in to_key(one.name):
                yield Candidate(name, len(text), f"{one.low:#x}", one.name if name != one.name else one.doc)


def matching(choices: Iterable[str], current: str) -> Iterator[Candidate]:
    return (Candidate(choice, len(current)) for choice in choices if choice.startswith(current) and choice != current)


def files(text: str, length: int) -> Iterator[Candidate]:
    """Files and folders whose path goes on from the text."""
    folder, slash, start = text.rpartition("/")
    try:
        found = sorted(Path(folder + slash or ".").iterdir())
    except OSError:
        return
    for path in found:
        if path.name.startswith(start) and (start.startswith(".") or not path.name.startswith(".")):
            yield Candidate(f"{folder}{slash}{path.name}{'/' if path.is_dir() else ''}", length)


def rank(names: Sequence[Name], text: str) -> Iterator[Name]:
    """Names that hold the text, or else its letters in their order: those that begin with it first, short ones before long ones."""
    words = text.split()
    hits = [name for name in names if all(word in name.key for word in words)]
    if not hits and text:
        scattered = re.compile(".*?".join(re.escape(c) for c in text if not c.isspace()))
        hits = [name for name in names if scattered.search(name.key)]
    first = words[0] if words else ""
    return iter(sorted(hits, key=lambda name: (not name.key.startswith(first), not name.is_short, len(name.key), name.key)))


def paths_of(spec: Spec, layout: Layout | None, catalog: Catalog, base: str = "", depth: int = 0) -> Iterator[tuple[str, Field]]:
    """(path, field) of what can be set, through all variants; the elements of arrays are left out."""
    for field in layout.fields if layout and depth < 4 else ():
        path = f"{base}{field.name}"
        inner = catalog.type(field.type)
        if not field.switch or not field.width:
            yield path, field
        for target in dict.fromkeys(field.cases.values()) if isinstance(field.cases, dict) else ():
            yield from paths_of(spec, spec.case(target), catalog, base if field.width else f"{path}.", depth + 1)
        if inner and inner.layout and field.count is None:
            yield from paths_of(inner, inner.layout, catalog, f"{path}.", depth + 1)
