"""Common specs overlaid with one arch: the meaning of names and numbers there. Reads only what is asked for."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property, lru_cache

from hvrepl.catalog.alike import alike
from hvrepl.catalog.index import ALSO, WAS, Index, NameRow, NumberRow, is_seen, other_arch
from hvrepl.catalog.model import (
    COMMON,
    ENUMERATION,
    FLAG,
    PLAIN_TYPES,
    Address,
    Enumerator,
    Field,
    Layout,
    Space,
    Spec,
    fill,
    space_of,
    to_key,
)
from hvrepl.errors import NotFoundError
from hvrepl.hints import TYPE_CHECKING
from hvrepl.record import record, replace

if TYPE_CHECKING:
    from hvrepl.catalog.log_forms import LogForm


@record(eq=True)
class Found:
    """The meaning of a name or number on an arch: a spec, the element if it is an array, and its main address there.

    `others` are the other meanings of a number; `was` says that older headers used the name for something else.
    """

    spec: Spec
    arch: str
    element: int | None = None
    address: Address | None = None
    others: tuple[Named, ...] = ()
    was: tuple[Named, ...] = ()
    asked: str = ""

    @property
    def called(self) -> str:
        """Its name in messages: as it was asked for."""
        return self.asked or self.name

    @property
    def name(self) -> str:
        return self.address.named(self.element) if self.address else self.spec.named(self.element)

    @property
    def number(self) -> int | None:
        return self.address.number(self.element) if self.address else None


@record(eq=True)
class Named:
    """A number of a space with its name."""

    space: Space
    number: int
    name: str
    title: str = ""

    def __str__(self) -> str:
        return f"{self.space.name} {self.space.write(self.number)} {self.name}"


@record(eq=True)
class Entry:
    """A line of `list`: one address, or a spec without any."""

    name: str
    kind: str
    arch: str
    title: str
    space: Space | None = None
    low: int | None = None
    high: int | None = None
    also: tuple[str, ...] = ()
    was: tuple[str, ...] = ()


class Catalog:
    """The specs as one arch sees them. Not thread-safe."""

    def __init__(self, index: Index, arch: str = "x64") -> None:
        self.index = index
        self.arch = arch
        self.spaces = index.spaces
        self._specs: dict[int, Spec] = {}
        self._types: dict[str, Spec] = {}

    def for_arch(self, arch: str) -> Catalog:
        return self if arch == self.arch else Catalog(self.index, arch)

    def load(self, key: int) -> Spec:
        if key not in self._specs:
            self._specs[key] = self.index.spec(key)
        return self._specs[key]

    def space(self, name: str) -> Space:
        """Raises NotFoundError for a space that does not exist, or not on this arch."""
        space = self.spaces.get(name.lower())
        if space is None:
            raise NotFoundError(f"no such space: {name}; the spaces are {', '.join(self.spaces)}")
        if self.arch not in space.arches:
            raise NotFoundError(f"{self.arch} has no {space.name} numbers; only {space.arches[0]} has them")
        return space

    def has_name(self, name: str) -> bool:
        """Whether find_name finds it. Cheaper than asking: it does not search for similar names."""
        return any(is_seen(row.arch, self.arch) for row in self.index.names(to_key(name)))

    def find_name(self, name: str, space: str | None = None) -> Found:
        """The current meaning of a name on this arch; with a space, only of a name with a number there, which is then its number.

        An unknown name may match one without its underscores: HvMapGpaFlags is HV_MAP_GPA_FLAGS.
        NotFoundError mentions the other arch, or similar names.
        """
        named = self.index.names(to_key(name)) or self._but_for_underscores(name)
        rows = [row for row in named if space is None or self._in_space(row, space)]
        seen = sorted((row for row in rows if is_seen(row.arch, self.arch)), key=lambda row: (row.how, row.arch == COMMON))
        if seen:
            best = seen[0]
            was = tuple(self._named(row) for row in seen if row.how == WAS)
            spec = self.load(best.spec)
            address = self._in_space(best, space) if space else self.heading(spec, best.address)
            return Found(as_word(spec), self.arch, best.element, address, was=was, asked=name)
        if rows:
            raise self._only_elsewhere(name, rows[0])
        raise self._unknown(name)

    def _but_for_underscores(self, name: str) -> list[NameRow]:
        """The rows of the one thing with that name. NotFoundError if several things of an arch have it: none is chosen."""
        rows = self.index.names_but_for_underscores(to_key(name))
        for arch in (self.arch, other_arch(self.arch)):
            things = {(row.spec, row.element): row.spelling for row in reversed(rows) if is_seen(row.arch, arch)}
            if len(things) > 1:
                raise NotFoundError(f"no such name: {name}; without its underscores it matches {' and '.join(sorted(things.values()))}")
        return rows

    def find_number(self, number: int, space: str | None = None) -> Found:
        """The thing with a number: in the space, or in the first of all spaces that have it on this arch; others are listed.

        Without a space, a range that contains the number does not count, as it does not explain it. Nor does an `aside` space.
        """
        space = self.space(space).name if space else None
        row = self.find_named(space, number) if space else None
        rows = ([row] if row else []) if space else self.numbered(number)
        if not rows:
            raise self._no_number(number, space)
        first = rows[0]
        others = tuple(self._number_named(row, number) for row in rows[1:] if row.spec != first.spec)
        spec = self.load(first.spec)
        return Found(spec, self.arch, first.element, self.heading(spec, first.address), others)

    def bare_spaces(self) -> list[Space]:
        """The spaces of this arch where a number without a space is looked up, in order."""
        return [space for space in self.spaces.values() if self.arch in space.arches and not space.aside]

    def numbered(self, number: int) -> list[NumberRow]:
        """The rows with exactly this number on this arch, in the order of the spaces.

        If the first has only a name, one with a layout comes before it, provided that the numbers of both spaces have the same size: a
        CPUID leaf before an undescribed MSR, a hypercall's input before a status.
        """
        rows = [row for space in self.bare_spaces() if (row := self.find_named(space.name, number)) and row.low == row.high]
        if not rows or self.load(rows[0].spec).layout:
            return rows
        digits = self.spaces[rows[0].space].digits
        return sorted(rows, key=lambda row: self.spaces[row.space].digits != digits or self.load(row.spec).layout is None)

    def find_named(self, space: str, number: int) -> NumberRow | None:
        """The row of a number in a space on this arch, as enumerators need it. Unlike find_number, it refuses nothing."""
        return next((row for row in self.index.numbers(space, number) if is_seen(row.arch, self.arch)), None)

    def elsewhere(self, space: str, number: int) -> NumberRow | None:
        """The row of a number that only the other arch has."""
        return next(iter(self.index.numbers(space, number)), None)

    def case_of(self, space: str, number: int) -> Spec | None:
        """The struct that is the payload of a number; for a register the register itself, or a plain number if it has no layout."""
        keys = [key for arch, key in self.index.case_of(space, number) if is_seen(arch, self.arch)]
        if keys:
            return self.load(keys[0])
        row = self.find_named(space, number)
        spec = self.load(row.spec) if row else None
        if spec is None or spec.kind not in ("register", "cpuid"):
            return None
        return spec if spec.layout else as_number(spec, spec.width or self.spaces[space].bits)

    def leaf_of(self, vendor: str, leaf: int, subleaf: int = 0) -> Spec | None:
        """A leaf of another interface than Hyper-V's, counted from where that begins."""
        keys = [key for arch, key in self.index.interface(vendor, leaf, subleaf) if is_seen(arch, self.arch)]
        return self.load(keys[0]) if keys else None

    def cases(self, space: str) -> Iterator[tuple[int, Spec]]:
        """(number, struct) of every payload of a space on this arch."""
        return ((number, self.load(key)) for number, arch, key in self.index.cases(space) if is_seen(arch, self.arch))

    def type(self, name: str) -> Spec | None:
        """The spec that is a field's type; None for an integer, bytes, a GUID or the names of a space."""
        if name in PLAIN_TYPES or space_of(name):
            return None
        if name not in self._types:
            spec = self.find_name(name).spec
            self._types[name] = replace(spec, layout=None) if spec.kind == ENUMERATION else spec
        return self._types[name]

    def enumerators(self, field: Field) -> tuple[Enumerator, ...]:
        """All values in a field's own enumeration or its type; those of a space are read only here."""
        if space := space_of(field.type):
            rows = self.index.all_numbers(space)
            seen = [row for row in rows if is_seen(row.arch, self.arch)]
            return field.values + tuple(Enumerator(row.low, row.high, row.name, self._aliases(row)) for row in seen)
        spec = self.type(field.type)
        return field.values + (spec.values if spec else ())

    def has_enumerators(self, field: Field) -> bool:
        """Whether a field's values have names."""
        spec = self.type(field.type)
        return bool(field.values or space_of(field.type) or (spec and spec.values))

    def enumerator(self, field: Field, value: int) -> str:
        """The name of a field's value, or ""."""
        for one in field.values:
            if one.low <= value <= one.high:
                return one.name
        if space := space_of(field.type):
            row = self.find_named(space, value)
            return row.name if row else ""
        spec = self.type(field.type)
        return next((one.name for one in spec.values if one.low <= value <= one.high), "") if spec else ""

    def lone(self) -> Iterator[Spec]:
        """The specs that a number without a name can be, first choice first."""
        return (self.load(key) for arch, key in self.index.lone() if is_seen(arch, self.arch))

    def flags(self) -> Iterator[Spec]:
        """QEMU's CPU flags, by name; they exist on x64."""
        return (self.load(key) for key in sorted(self.index.of_kind(FLAG), key=lambda key: self.load(key).name))

    def turned_on_by(self, flag: str) -> list[str]:
        """The things that a QEMU flag turns on, by name; an array with its elements, SINT0-15."""
        specs = [self.load(key) for key in self.index.with_flag(flag)]
        return sorted(spec.name.replace("{n}", f"0-{(spec.count or 1) - 1}") for spec in specs)

    def crashes(self) -> Iterator[Spec]:
        """The structs that crash parameters can be explained as, first choice first."""
        return (self.load(key) for arch, key in self.index.crashes() if is_seen(arch, self.arch))

    def log_forms(self) -> Iterator[LogForm]:
        """The forms of log lines, the more certain first."""
        return iter(self._log_forms)

    @cached_property
    def _log_forms(self) -> tuple[LogForm, ...]:
        from hvrepl.catalog.log_forms import parse_forms

        return tuple(form for _, file, table in self.index.logs() for form in parse_forms(table, file))

    def laid_out(self, kind: str) -> Iterator[str]:
        """Every current name, on any arch, of the specs of a kind that have a layout."""
        return self.index.laid_out(kind)

    def groups(self) -> tuple[str, ...]:
        """The arguments that `entries` accepts: the spaces, then the kinds that are not spaces."""
        return tuple(dict.fromkeys([*self.spaces, *self.index.kinds()]))

    def entries(self, space: str | None = None, kind: str | None = None) -> Iterator[Entry]:
        """Every number on every arch with its names, then (without a space) the specs without numbers; for a kind, only those."""
        of_kind = None if kind is None else self.index.of_kind(kind)
        specs = {key: rest for key, *rest in self.index.specs() if of_kind is None or key in of_kind}
        also: dict[tuple[int, int, int | None], dict[int, list[str]]] = {}
        for row in self.index.all_names():
            also.setdefault((row.spec, row.address, row.element), {}).setdefault(row.how, []).append(row.spelling)
        for number in self.index.all_numbers(space):
            if number.spec not in specs:
                continue
            _, kind, _, title = specs[number.spec]
            own = also.get((number.spec, number.address, number.element), {})
            extra = also.get((number.spec, -1, number.element), {}).get(ALSO, [])
            yield Entry(
                number.name,
                kind,
                number.arch,
                fill(title, number.element),
                self.spaces[number.space],
                number.low,
                number.high,
                tuple(own.get(ALSO, []) + extra),
                tuple(own.get(WAS, [])),
            )
        numbered = {row.spec for row in self.index.all_numbers()}
        for key, (name, kind, arch, title) in specs.items() if space is None else ():
            if key not in numbered:
                yield Entry(name, kind, arch, title, also=tuple(also.get((key, -1, None), {}).get(ALSO, [])))

    def _aliases(self, row: NumberRow) -> tuple[str, ...]:
        return fill_all(self.load(row.spec).addresses[row.address].also, row.element)

    def _in_space(self, row: NameRow, space: str) -> Address | None:
        """The address in the space that a name belongs to: its own, or the spec's if it names the whole spec."""
        spec = self.load(row.spec)
        addresses = spec.addresses if row.address < 0 else (spec.addresses[row.address],)
        return next((a for a in addresses if a.space == space and a.arch in ("", self.arch)), None)

    def heading(self, spec: Spec, asked: int | None = None) -> Address | None:
        """The main address of a spec on this arch: the first in the order of the spaces.

        For a CPUID leaf with a register that mirrors it, this is the one asked for, or the leaf; an `aside` space counts only if asked for.
        """
        order = list(self.spaces)
        here = self.standing(spec)
        wanted = spec.addresses[asked] if asked is not None and asked >= 0 else None
        if wanted in here and ("cpuid" in {a.space for a in here} or self.spaces[wanted.space].aside):
            return wanted
        return min(here, key=lambda a: (a.space != spec.kind == "cpuid", order.index(a.space)), default=None)

    def standing(self, spec: Spec) -> list[Address]:
        """The addresses of a spec that exist on this arch."""
        return [a for a in spec.addresses if self.arch in self.spaces[a.space].arches and is_seen(a.arch or COMMON, self.arch)]

    def _named(self, row: NameRow) -> Named:
        spec = self.load(row.spec)
        address = spec.addresses[row.address]
        return Named(self.spaces[address.space], address.number(row.element), address.named(row.element), fill(spec.title, row.element))

    def _number_named(self, row: NumberRow, number: int) -> Named:
        return Named(self.spaces[row.space], number, row.name, fill(self.load(row.spec).title, row.element))

    def _no_number(self, number: int, space: str | None) -> NotFoundError:
        spaces = [s.name for s in self.spaces.values() if (space is None and not s.aside) or space == s.name]
        rows = [row for s in spaces if (row := self.elsewhere(s, number))]
        row = next((row for row in rows if space or row.low == row.high), None)
        if row:
            return self._only_elsewhere(str(self._number_named(row, number)), row)
        known = f"{self.spaces[space].write(number)} is not a known {space} number" if space else ""
        where = known or f"nothing has the number {number:#x}"
        return NotFoundError(f"{where} on {self.arch}")

    def _only_elsewhere(self, name: str, row: NameRow | NumberRow) -> NotFoundError:
        """HV_X64_MSR_SINT0 on arm64: `x64 only; on arm64: HV_REGISTER_SINT0 (0x000A0000)`."""
        spec = self.load(row.spec)
        text = f"{name} is {row.arch} only"
        address = self.heading(spec) if is_seen(spec.arch, self.arch) else None
        if address:
            text += f"; on {self.arch}: {address.named(row.element)} ({self.spaces[address.space].write(address.number(row.element))})"
        return NotFoundError(text)

    def _unknown(self, name: str) -> NotFoundError:
        from hvrepl.catalog.constants import find_constants  # only needed after a mistake
        from hvrepl.catalog.near import say_near

        constants = find_constants(self.index, name, self.arch)
        if constants:
            kind = "a value of" if constants[0].value else "a field of"
            return NotFoundError(f"{name} is {kind} {constants[0].owner}, not a definition of its own; see `show {name}`")
        if to_key(name) in self.spaces:
            return NotFoundError(f"{name} is a space of numbers: write `{name} NUMBER`, or `list {name}`")
        return NotFoundError(f"no such name: {name}{say_near(self.index, name, self.arch, self.like(name))}")

    def like(self, name: str) -> list[str]:
        """Up to two similar names of this arch, of different things. Reads all names."""
        rows = self._spellings
        close = [rows[key] for key in alike(to_key(name), rows, 6, 0.75)]
        different = {(row.spec, row.element): row.spelling for row in reversed(close)}
        return [row.spelling for row in close if row.spelling in different.values()][:2]

    @cached_property
    def _spellings(self) -> dict[str, NameRow]:
        """Every name of this arch by its key; cached, as a script that continues after errors can make many mistakes."""
        return {to_key(row.spelling): row for row in reversed(self.index.all_names()) if is_seen(row.arch, self.arch)}


def as_number(spec: Spec, width: int) -> Spec:
    """A register without a layout, as a word of one field."""
    return replace(spec, width=width, layout=number_layout(width))


@lru_cache
def number_layout(width: int) -> Layout:
    """The same object for the same width: schemas are cached by layout."""
    return Layout((Field("value", width=width),), ("{value:x}",))


def as_word(spec: Spec) -> Spec:
    """An enumeration as a word with one field that has its values; anything else unchanged."""
    return replace(spec, layout=value_layout(spec.name, spec.width)) if spec.kind == ENUMERATION and spec.width else spec


@lru_cache
def value_layout(enumeration: str, width: int) -> Layout:
    return Layout((Field("value", width=width, type=enumeration),), (f"{{value:{enumeration}}}",))


def fill_all(names: tuple[str, ...], element: int | None) -> tuple[str, ...]:
    return tuple(fill(name, element) for name in names)
