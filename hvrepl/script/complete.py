"""What may follow the text before the cursor: commands, names, fields, enumerators, files. Pure but for the names of files."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cached_property
from itertools import islice
from pathlib import Path

from hvrepl.catalog.catalog import Catalog, Found
from hvrepl.catalog.index import WAS, is_seen
from hvrepl.catalog.model import ARCHES, Field, Layout, to_key
from hvrepl.commands.session import COLORS, FORMATS, WORD_SIZES
from hvrepl.errors import HvreplError
from hvrepl.record import record, replace
from hvrepl.render.listing import number_of
from hvrepl.render.style import table_styles
from hvrepl.script.interpret import TAKES_WHAT
from hvrepl.script.lines import quote, split_typed, unquote
from hvrepl.script.rank import MOST, Name, rank, scattered
from hvrepl.script.settable import lowest, paths_of

LONGEST = 2000  # characters of a line that somebody types
TAKES_FIELDS = ("encode", "check", "set")
TAKES_VALUES = ("decode", "diff")
FILE_COMMANDS = ("source", "cpuid", "scan")  # commands whose first word is a file
CHOICES = {"--arch": ARCHES, "--format": FORMATS, "-f": FORMATS, "--color": COLORS, "--words": WORD_SIZES}
TAKES_FILE = ("--specs", "-o", "--output", "--root")
VALUED = (*CHOICES, "--style", *TAKES_FILE)  # options with a word behind them
FLAGS = ("--strict", "--keep-going", "--help")
REACHES_OUT = re.compile(r"\s*!|.*[|>]", re.DOTALL)

Quote = Callable[[str], str]


@record
class Candidate:
    """Text that replaces the last `length` characters before the cursor, with what stands beside it in the menu."""

    text: str
    length: int
    number: str = ""
    title: str = ""


class Completer:
    """Completes for one catalogue; reads all names once, when the first is asked for."""

    def __init__(self, catalog: Catalog, commands: Sequence[tuple[str, str]], kernel: Callable[[], str]) -> None:
        self.catalog = catalog
        self.commands = commands
        self.kernel = kernel
        self._paths: dict[tuple[str, bool], dict[str, list[Field]]] = {}

    @cached_property
    def names(self) -> list[Name]:
        """All names of the arch, short ones before long ones."""
        found: dict[str, Name] = {}
        for entry in self.catalog.entries():
            if entry.arch not in ("common", self.catalog.arch) or (entry.space and self.catalog.arch not in entry.space.arches):
                continue
            number, space = number_of(entry), entry.space.name if entry.space else ""
            for also, text in enumerate((entry.name, *entry.also)):
                is_aside = entry.space is not None and entry.space.aside
                place = 3 if is_aside else 1 if not also else 0 if text.islower() and "_" not in text else 2
                found.setdefault(to_key(text), Name(to_key(text), text, number, entry.title, space, place))
        return sorted(found.values(), key=lambda name: (name.place, len(name.key), name.key))

    @cached_property
    def keys(self) -> frozenset[str]:
        return frozenset(name.key for name in self.names)

    @cached_property
    def command_names(self) -> frozenset[str]:
        return frozenset(name for name, _ in self.commands)

    def warm_up(self) -> None:
        """Reads the names, for which no key should have to wait."""
        _ = self.keys

    @property
    def is_warm(self) -> bool:
        return "keys" in self.__dict__

    def has_name(self, key: str) -> bool:
        """Whether a name in the form of to_key is one of this arch; before all names are read it is looked up by itself."""
        if self.is_warm:
            return key in self.keys
        return any(is_seen(row.arch, self.catalog.arch) and row.how < WAS for row in self.catalog.index.names(key))

    def hits(self, text: str) -> bool:
        """Whether any name would be offered for the text; before all names are read that may be."""
        return not self.is_warm or any(text in key for key in self.keys) or next(scattered(self.names, text), None) is not None

    def find(self, what: str) -> tuple[Found, Layout | None] | None:
        """The thing and the layout that WHAT means; None if there is no such name."""
        base, _, part = what.rpartition(":")[2].partition(".")
        if not self.has_name(to_key(base)):  # before find_name, which would look for names that are spelled alike
            return None
        try:
            found = self.catalog.find_name(base)
        except HvreplError:
            return None
        return found, found.spec.output if part == "output" else found.spec.layout

    def paths(self, found: Found, layout: Layout | None) -> dict[str, list[Field]]:
        """What can be set in a thing: each path with its fields, of which variants can have several."""
        key = found.spec.name, layout is found.spec.output
        if key not in self._paths:
            fields: dict[str, list[Field]] = {}
            for path, field in paths_of(found.spec, layout, self.catalog):
                fields.setdefault(path, []).append(field)
            self._paths[key] = fields
        return self._paths[key]

    def fields_at(self, path: str, found: Found, layout: Layout | None) -> list[Field]:
        """The fields of a path, or of its last part alone, which may be what a source calls it."""
        fields = self.paths(found, layout)
        plain = re.sub(r"\[\d+\]", "", path)
        last = to_key(plain)
        return fields.get(plain) or next((here for here in fields.values() if last in map(to_key, here[0].names)), [])

    def complete(self, before: str, last: Found | None = None, quote: Quote = quote) -> list[Candidate]:
        """The candidates for the text before the cursor, best first; `last` is what `set` and `_` are about.

        `quote` makes of a word what is typed for it; the text is what somebody has typed.
        """
        if "\n" in before or len(before) > LONGEST:
            return []
        words, typed = split_typed(before)
        current = unquote(typed)
        found = reach_out(before, typed) if REACHES_OUT.match(before) else self._candidates(words, current, before, last)
        return [as_typed(one, current, typed, quote) for one in islice(found, MOST)]

    def _candidates(self, words: list[str], current: str, before: str, last: Found | None) -> Iterator[Candidate]:
        previous = words[-1] if words else ""
        words = positional(words)
        if current.startswith("@"):
            yield from files(current[1:], len(current) - 1)
        elif previous in VALUED:
            yield from values_of(previous, current)
        elif current.startswith("-"):
            yield from matching((*VALUED, *FLAGS), current)
        elif not words:
            commands = [(name, title) for name, title in self.commands if title and name.startswith(current)]
            yield from (Candidate(name, len(current), title=title) for name, title in commands)
            yield from self._names(current)
        elif words[0] in self.command_names:
            yield from self._of_command(words, current, last)
        else:
            yield from self._of_name(words, current, before, last)

    def _of_command(self, words: list[str], current: str, last: Found | None) -> Iterator[Candidate]:
        command = words[0]
        if command in TAKES_WHAT and len(words) == 1:
            yield from self._names(current)
        elif command in (*TAKES_FIELDS, *TAKES_VALUES):
            yield from self._of_thing(command, self._thing(command, words, last), words, current)
        elif command == "live":
            yield from self._names(current)
        elif len(words) > 1:
            return
        elif command in FILE_COMMANDS:
            yield from files(current, len(current))
        elif command in ("help", "?", ".help"):
            yield from matching([name for name, title in self.commands if title], current)
            yield from self._names(current) if current else ()
        elif command == "find":
            yield from self._names(current) if current else ()
        else:
            choices = {"arch": ARCHES, "format": FORMATS, "list": self.catalog.groups()}
            yield from matching(choices.get(command, ()), current)

    def _of_name(self, words: list[str], current: str, before: str, last: Found | None) -> Iterator[Candidate]:
        """After NAME its fields and values; after what is no name yet, names with all these words: x64 sint."""
        thing = self._thing("", words, last)
        if thing:
            yield from self._of_thing("", thing, words, current)
        elif words[0] != "_":
            yield from self._names(before.lstrip())

    def _thing(self, command: str, words: list[str], last: Found | None) -> tuple[Found, Layout | None] | None:
        what = "_" if command == "set" else words[1] if command else words[0]
        if what != "_":
            return self.find(what)
        return (last, last.spec.layout) if last else None

    def _of_thing(self, command: str, thing: tuple[Found, Layout | None] | None, words: list[str], current: str) -> Iterator[Candidate]:
        if thing is None or thing[1] is None:
            return
        found, layout = thing
        if command not in TAKES_VALUES:
            yield from self._fields(found, layout, current, {word.partition("=")[0] for word in words if "=" in word})
        if command not in TAKES_FIELDS and current and "=" not in current:
            yield from self._enumerators(lowest(found, layout), current)

    def _names(self, text: str) -> Iterator[Candidate]:
        """Names for a text; none for what is a number as it stands."""
        space, colon, rest = text.rpartition(":")
        if rest[:1].isdigit() or (colon and space.lower() not in self.catalog.spaces):
            return
        names = [name for name in self.names if name.space == space.lower()] if colon else self.names
        for name in rank(names, to_key(rest)):
            yield Candidate(space + colon + name.text, len(text), name.number, name.title)

    def _fields(self, found: Found, layout: Layout | None, current: str, done: set[str]) -> Iterator[Candidate]:
        path, equals, text = current.partition("=")
        if equals:
            yield from self._values(found, layout, path.rstrip("!"), text)
            return
        names = [(name, here[0].doc, here[0].also) for name, here in self.paths(found, layout).items() if not here[0].reserved]
        names += [(shorthand.name, f"sets {', '.join((shorthand.field, *shorthand.sets))}", ()) for shorthand in found.spec.shorthands]
        wanted = to_key(path)
        hits = [(name, doc) for name, doc, also in names if name not in done and any(wanted in to_key(text) for text in (name, *also))]
        last_part = {name: name.lower().rpartition(".")[2] for name, _ in hits}
        for name, title in sorted(hits, key=lambda hit: (not hit[0].lower().startswith(wanted), not last_part[hit[0]].startswith(wanted))):
            yield Candidate(f"{name}=", len(current), title=title)

    def _values(self, found: Found, layout: Layout | None, path: str, text: str) -> Iterator[Candidate]:
        if any(shorthand.name == path for shorthand in found.spec.shorthands):
            yield from matching([self.kernel()], text)
            return
        yield from self._enumerators(self.fields_at(path, found, layout), text)

    def _enumerators(self, fields: Sequence[Field], text: str) -> Iterator[Candidate]:
        found = {one.name: one for field in fields for one in self.catalog.enumerators(field)}
        for one in found.values():
            name = one.name if re.fullmatch(r"[\w.-]+", one.name) else f"{one.low:#x}"
            if to_key(text) in to_key(name) or to_key(text) in to_key(one.name):
                yield Candidate(name, len(text), f"{one.low:#x}", one.name if name != one.name else one.doc)


def as_typed(found: Candidate, current: str, typed: str, quote: Quote) -> Candidate:
    """A candidate for what stands before the cursor; where that has quotes or backslashes, in place of the whole word."""
    if current == typed:
        return replace(found, text=quote(found.text))
    return replace(found, text=quote(current[: len(current) - found.length] + found.text), length=len(typed))


def positional(words: Sequence[str]) -> list[str]:
    """The words without options and what belongs to them."""
    before = ["", *words]
    return [word for previous, word in zip(before, words, strict=False) if not word.startswith("-") and previous not in VALUED]


def matching(choices: Iterable[str], current: str) -> Iterator[Candidate]:
    return (Candidate(choice, len(current)) for choice in choices if choice.startswith(current) and choice != current)


def values_of(option: str, current: str) -> Iterator[Candidate]:
    if option in TAKES_FILE:
        return files(current, len(current))
    return matching(table_styles() if option == "--style" else CHOICES[option], current)


def reach_out(before: str, typed: str) -> Iterator[Candidate]:
    """Files for a command of the system, and behind > or >>."""
    word = re.split("[!|>]", typed)[-1]
    rest = re.split("[!|>]", before)[-1]
    plain = unquote(word)
    return files(plain, len(plain)) if ">" in before or rest.lstrip() != word else iter(())


def files(text: str, length: int) -> Iterator[Candidate]:
    """Files and folders whose path goes on from the text."""
    folder, slash, start = text.rpartition("/")
    try:
        found = sorted(Path(folder + slash or ".").expanduser().iterdir())
    except (OSError, RuntimeError, ValueError):  # no such folder, user, or a NUL in the name
        return
    for path in found:
        if path.name.startswith(start) and (start.startswith(".") or not path.name.startswith(".")):
            yield Candidate(f"{folder}{slash}{path.name}{'/' if path.is_dir() else ''}", length)
