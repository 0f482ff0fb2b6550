"""Names, numbers and fields of one catalogue, and the commands: everything that a line can refer to while it is typed. Pure."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cached_property

from hvrepl.catalog.catalog import Catalog, Entry, Found
from hvrepl.catalog.index import WAS, is_seen
from hvrepl.catalog.model import Field, Layout, to_key
from hvrepl.errors import HvreplError
from hvrepl.record import record
from hvrepl.render.names import number_of
from hvrepl.script.rank import HEX_BEGUN, Name, Number, scattered
from hvrepl.script.settable import paths_of

Thing = tuple[Found, Layout | None]


@record
class Held:
    """A value in hand: its name, what it is (None: a bare number), and its text."""

    name: str
    found: Found | None
    value: str = ""


class Lexicon:
    """The names of one arch, all read once, on first use."""

    def __init__(self, catalog: Catalog, commands: Sequence[tuple[str, str]]) -> None:
        self.catalog = catalog
        self.commands = commands
        self._paths: dict[tuple[str, bool], dict[str, list[Field]]] = {}
        self._last: tuple[str, Thing | None] = "", None

    @cached_property
    def entries(self) -> list[Entry]:
        """The entries with a name on the arch."""
        arch = self.catalog.arch
        return [one for one in self.catalog.entries() if is_seen(one.arch, arch) and (one.space is None or arch in one.space.arches)]

    @cached_property
    def names(self) -> list[Name]:
        """All names of the arch, short ones before long ones."""
        found: dict[str, Name] = {}
        for entry in self.entries:
            number, space = number_of(entry), entry.space.name if entry.space else ""
            is_aside = entry.space is not None and entry.space.aside
            for also, text in enumerate((entry.name, *entry.also)):
                place = 3 if is_aside else 1 if not also else 0 if text.islower() and "_" not in text else 2
                key = to_key(text)
                found.setdefault(key, Name(key, key.replace("_", ""), text, number, entry.title, space, place))
        return sorted(found.values(), key=lambda name: (name.place, len(name.key), name.key))

    @cached_property
    def numbers(self) -> list[Number]:
        """All numbers of the arch that are written in hex, in the order of the spaces; a range does not explain a number within it."""
        return [
            Number(number_of(one), one.space.name, one.name, one.title)
            for one in self.entries
            if one.space and one.low == one.high and number_of(one).startswith("0x")
        ]

    @cached_property
    def keys(self) -> frozenset[str]:
        return frozenset(name.key for name in self.names)

    @cached_property
    def command_names(self) -> frozenset[str]:
        return frozenset(name for name, _ in self.commands)

    def warm_up(self) -> None:
        """Reads the names and numbers in advance, so that no key has to wait for them."""
        _ = self.keys, self.numbers

    @property
    def is_warm(self) -> bool:
        return "keys" in self.__dict__

    def has_name(self, key: str) -> bool:
        """Whether a name in the form of to_key exists on this arch; until all names are read, it is looked up by itself."""
        if self.is_warm:
            return key in self.keys
        return any(is_seen(row.arch, self.catalog.arch) and row.how < WAS for row in self.catalog.index.names(key))

    def hits(self, text: str) -> bool:
        """Whether any name would be offered for the text; until all names are read, one may be."""
        return not self.is_warm or any(text in key for key in self.keys) or next(scattered(self.names, text), None) is not None

    def find(self, what: str) -> Thing | None:
        """The thing and the layout of WHAT; None for an unknown name or number. Cached, as each word of a line asks for the same."""
        if what != self._last[0]:
            self._last = what, self._find(what)
        return self._last[1]

    def _find(self, what: str) -> Thing | None:
        space, _, rest = what.rpartition(":")
        base, _, part = rest.partition(".")
        is_number = HEX_BEGUN.fullmatch(base) is not None and len(base) > 2
        if not is_number and not self.has_name(to_key(base)):  # before find_name, which would search for similar names
            return None
        try:
            found = self.catalog.find_number(int(base, 16), space.lower() or None) if is_number else self.catalog.find_name(base)
        except HvreplError:
            return None
        return found, found.spec.output if part == "output" else found.spec.layout

    def paths(self, found: Found, layout: Layout | None) -> dict[str, list[Field]]:
        """The settable paths of a thing, each with its fields: variants can have several."""
        key = found.spec.name, layout is found.spec.output
        if key not in self._paths:
            fields: dict[str, list[Field]] = {}
            for path, field in paths_of(found.spec, layout, self.catalog):
                fields.setdefault(path, []).append(field)
            self._paths[key] = fields
        return self._paths[key]

    def fields_at(self, path: str, found: Found, layout: Layout | None) -> list[Field]:
        """The fields of a path, or of its last part alone, which may be a source's name for it."""
        fields = self.paths(found, layout)
        plain = re.sub(r"\[\d+\]", "", path)
        last = to_key(plain)
        return fields.get(plain) or next((here for here in fields.values() if last in map(to_key, here[0].names)), [])

    @staticmethod
    def find_held(word: str, hand: Sequence[Held]) -> Thing | None:
        """The thing of a value in hand, and its layout; None for any other word, and for a bare number."""
        found = next((one.found for one in hand if one.name == word), None)
        return (found, found.spec.layout) if found else None
