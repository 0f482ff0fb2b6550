"""All specs of one check, with look-ups among them. It only finds; the rules judge."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence

from hvrepl.catalog.index import WAS, name_rows
from hvrepl.catalog.model import ARCHES, COMMON, FLAG, INTEGER_SIZES, PLAIN_TYPES, Enumerator, Field, Layout, Space, Spec, space_of, to_key
from hvrepl.catalog.parse_specs import PlaceError, parse_range
from hvrepl.catalog.paths import find_field, find_switch
from hvrepl.catalog.taking import taken

# The formatters of hvrepl.codec.meanings; a test compares them, as a layer may not import from its right.
FORMATTERS = frozenset(
    {
        "100ns",
        "ascii",
        "decimal",
        "errno",
        "filetime",
        "freebsd_version",
        "gpa",
        "gpa_page",
        "guid",
        "hz",
        "hz_per_tick",
        "khz",
        "linux_release",
        "linux_version",
        "netbsd_version",
        "set_bits",
        "signed",
        "signed32",
        "utf16",
    }
)
OF_ANY_WIDTH = frozenset({"ascii", "set_bits", "utf16"})  # among these; the others are for numbers
MOST_SHOWN = 128  # bits of a number that a formatter accepts
WORDS = ("register", "cpuid", "word")
BYTES = ("struct", "page", "hypercall")
KINDS = (*WORDS, *BYTES, "enumeration", FLAG)


class Book:
    """The specs, by the names that others may refer to."""

    def __init__(self, specs: Sequence[Spec], spaces: Iterable[Space], documents: Iterable[str]) -> None:
        self.specs = specs
        self.spaces = {space.name: space for space in spaces}
        self.documents = frozenset(documents)
        self.names: dict[str, dict[str, Spec]] = defaultdict(dict)
        self.numbered: set[str] = set()
        self.extensions = [spec for spec in specs if spec.extends]
        for spec in specs:
            for spelling, how, arch, _, address in name_rows(spec, self.spaces):
                if how < WAS and not spec.extends:
                    self.names[to_key(spelling)].setdefault(arch, spec)
                    self.numbered |= {to_key(spelling)} if address >= 0 else set()
        self.field_names = {field.name for spec in specs for _, layout in layouts(spec) for field in layout.fields}

    def find(self, name: str, arch: str) -> Spec | None:
        """The spec that one of this arch may refer to by a name; for a common spec, it must exist on every arch."""
        arches = self.names.get(to_key(name), {})
        if arch == COMMON:
            return arches.get(COMMON) or (arches.get(ARCHES[0]) if all(a in arches for a in ARCHES) else None)
        return arches.get(arch) or arches.get(COMMON)

    def numbered_as(self, space: str, number: int, arch: str) -> list[Spec]:
        """The specs with a number that one of this arch may refer to; for a common spec, those of any arch."""
        arches = (*ARCHES, COMMON) if arch == COMMON else (arch, COMMON)
        own = [spec for spec in self.specs if spec.arch in arches]
        return [spec for spec in own if any(a.space == space and a.low <= number <= a.high for a in spec.addresses)]

    def type(self, field: Field, arch: str) -> Spec | None:
        """The spec that a field has as its type."""
        return None if field.type in PLAIN_TYPES else self.find(field.type, arch)

    def size(self, field: Field, arch: str, above: tuple[str, ...] = ()) -> int | None:
        """Bytes of a struct's member; None if only the data tells."""
        if isinstance(field.size, str) or isinstance(field.count, str):
            return None
        if field.size is not None and field.count is None:
            return field.size
        one = field.size if field.size is not None else self.type_size(field.type, arch, above)
        return None if one is None else one * (1 if field.count is None else field.count)

    def bits(self, field: Field, arch: str) -> int:
        """Bits of a field, or of one element of an array; more than any number has if only the data tells."""
        if field.width:
            return field.width
        size = field.size if field.size is not None else self.type_size(field.type, arch)
        return 8 * size if isinstance(size, int) else 1 << 32

    def type_size(self, name: str, arch: str, above: tuple[str, ...] = ()) -> int | None:
        spec = None if name in PLAIN_TYPES else self.find(name, arch)
        if spec is None or spec.name in above:
            return INTEGER_SIZES.get(name)
        if spec.size is not None or spec.width:
            return spec.size if spec.size is not None else spec.width // 8
        sizes = [self.size(field, spec.arch, (*above, spec.name)) for field in spec.layout.fields] if spec.layout else [None]
        return None if None in sizes else sum(size or 0 for size in sizes)

    def base_values(self, spec: Spec) -> tuple[Enumerator, ...]:
        """The values that an enumeration extends: those of the common one, and those that earlier extensions added."""
        base = self.find(spec.extends, COMMON)
        before = self.extensions[: self.extensions.index(spec)]
        added = [one for other in before if (other.extends, other.arch) == (spec.extends, spec.arch) for one in other.values]
        return (*(base.values if base else ()), *added)

    def values_of(self, field: Field, arch: str) -> Iterator[Enumerator]:
        """All values that a field's own enumeration or type names on an arch."""
        yield from field.values
        target = self.type(field, arch)
        if target:
            yield from target.values
            yield from taken(target, self.specs)
            yield from (one for spec in self.extensions if (spec.extends, spec.arch) == (target.name, arch) for one in spec.values)
        if space := space_of(field.type):
            for spec in self.specs:
                for address in spec.addresses:
                    if address.space == space:
                        yield Enumerator(address.low, address.high, address.name, address.also)

    def find_field(self, spec: Spec, layout: Layout, path: str) -> Field | None:
        """The field at the end of a path, through variants and nested types."""
        return find_field(spec, layout, path, self._type_of)

    def find_switch(self, spec: Spec, layout: Layout, field: Field) -> Field | None:
        """The field that a field switches on."""
        return find_switch(spec, layout, field, self._type_of)

    def _type_of(self, owner: Spec, field: Field) -> Spec | None:
        return self.type(field, owner.arch)


def layouts(spec: Spec) -> Iterator[tuple[str, Layout]]:
    """(place, layout) of each layout of a spec."""
    if spec.layout:
        yield "layout", spec.layout
    if spec.output:
        yield "output", spec.output
    for name, layout in spec.cases.items():
        yield f"case.{name}", layout


def fields(spec: Spec) -> Iterator[tuple[str, Layout, Field]]:
    """(place, layout, field) of each field of a spec, including further readings."""
    for place, layout in layouts(spec):
        for field in layout.fields:
            yield f"{place}: {field.name}", layout, field
            yield from ((f"{place}: {field.name}: reading {one.name}", layout, one) for one in field.readings)


def is_range(text: str) -> bool:
    try:
        parse_range(text)
    except PlaceError:
        return False
    return True
