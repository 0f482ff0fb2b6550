"""Constants of the sources that are not definitions of their own: a value of an enumeration, or the bits of a field."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from hvrepl.catalog.index import Index
from hvrepl.catalog.model import COMMON, Enumerator, Field, Layout, Spec, to_key
from hvrepl.patterns import regex
from hvrepl.record import record

TYPED = regex("[A-Za-z][A-Za-z0-9_-]{0,4095}")  # SQLite refuses to search for a much longer text
# Names that identify themselves: HV_STATS_AREA_SELF, HvPortTypeEvent. Others, such as none, occur in many enumerations.
CONSTANT = regex("[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+|[A-Z][A-Za-z0-9]*[a-z][a-z0-9]*[A-Z][A-Za-z0-9]*")


@record
class Constant:
    """A value of a field or enumeration; without a value, the field itself. `spelling` is a source's name for it."""

    spelling: str
    spec: Spec
    field: Field | None = None
    value: Enumerator | None = None

    @property
    def owner(self) -> str:
        """The enumeration, or the field with its container."""
        return f"{self.spec.name}.{self.field.name}" if self.field and self.value else self.spec.name


def find_constants(index: Index, name: str, arch: str) -> list[Constant]:
    """Every constant with the name; one that both archs have comes once, one that only one arch has is found on any."""
    if not TYPED.fullmatch(name):
        return []
    key = to_key(name)
    found: dict[tuple[str, str, int | None], Constant] = {}
    for spec in sorted(holding_name(index, key), key=lambda spec: (spec.arch != arch, spec.arch != COMMON)):
        for one in constants_of(spec):
            if to_key(one.spelling) == key:
                found.setdefault((spec.name, one.field.name if one.field else "", one.value.low if one.value else None), one)
    return list(found.values())


def holding_name(index: Index, key: str) -> Iterator[Spec]:
    """The specs whose tables contain the name. Searching them all takes 2 ms, which only an undefined name costs."""
    sql = "SELECT id FROM spec WHERE body LIKE ? ORDER BY name, arch"  # LIKE ignores case, and _ is any character
    return (index.spec(number) for (number,) in index.database.execute(sql, (f'%"{key}"%',)).fetchall())


def constants_of(spec: Spec) -> Iterator[Constant]:
    """The constants among the values and fields of a spec, under each of their names."""
    yield from values_in(spec, None, spec.values)
    for field in fields_in(spec.every_layout):
        yield from (Constant(name, spec, field) for name in field.also if CONSTANT.fullmatch(name))
        yield from values_in(spec, field, field.values)


def fields_in(layouts: Iterable[Layout]) -> Iterator[Field]:
    return (one for layout in layouts for field in layout.fields for one in (field, *field.readings))


def values_in(spec: Spec, field: Field | None, values: Iterable[Enumerator]) -> Iterator[Constant]:
    return (Constant(name, spec, field, one) for one in values for name in (one.name, *one.also) if CONSTANT.fullmatch(name))
