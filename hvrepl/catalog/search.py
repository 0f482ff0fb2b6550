"""Where a text, a number or a bit stands in the specs of both archs: names, aliases, fields, enumerators, docs."""

from __future__ import annotations

from collections.abc import Iterator

from hvrepl.catalog.index import Index, elements, to_column
from hvrepl.catalog.model import Enumerator, Field, Layout, Spec, fill, to_key
from hvrepl.record import record


@record
class Hit:
    """A spec, or one element of it, and what in it was hit. `rank` is lower for what people mean more often."""

    rank: int
    spec: Spec
    element: int | None
    where: str


def find_text(index: Index, text: str) -> list[Hit]:
    """The best hit of each spec, or element, whose names or words hold the text; all of its words must be there."""
    wanted = [to_key(word) for word in text.split()]
    hits = [hit for spec in candidates(index, wanted) for hit in hits_of(spec, wanted)]
    return sorted(hits, key=lambda hit: (hit.rank, hit.spec.name, hit.element or 0))


def candidates(index: Index, wanted: list[str]) -> Iterator[Spec]:
    """Specs whose tables hold every word; case and hyphens do not matter there either."""
    condition = " AND ".join("replace(lower(body), '-', '_') LIKE ? ESCAPE '\\'" for _ in wanted)
    patterns = ["%" + word.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") + "%" for word in wanted]
    # A name with a number in it, such as SINT2, stands in the body as SINT{n}: the names are looked through as well.
    names = " AND ".join("key LIKE ? ESCAPE '\\'" for _ in wanted)
    sql = f"SELECT id FROM spec WHERE {condition} UNION SELECT spec FROM name WHERE {names}"
    return (index.spec(key) for (key,) in index.database.execute(sql, patterns + patterns).fetchall())


def hits_of(spec: Spec, wanted: list[str]) -> Iterator[Hit]:
    named = [hit for element in elements(spec) if (hit := name_hit(spec, element, wanted))]
    if named and len(named) < len(elements(spec)):
        yield from named
        return
    if named:
        yield Hit(named[0].rank, spec, None, named[0].where)
        return
    where = next((where for where, text in texts_of(spec) if holds_all(text, wanted)), "")
    if where:
        yield Hit(4 if where.startswith(("field", "value")) else 5, spec, None, where)


def name_hit(spec: Spec, element: int | None, wanted: list[str]) -> Hit | None:
    """A hit in the names of one element: the whole name, its beginning, or somewhere."""
    canonical = [fill(a.name, element) for a in spec.addresses] or [fill(spec.name, element)]
    aliases = [fill(n, element) for n in spec.also]
    aliases += [fill(n, element) for a in spec.addresses for n in (*a.also, *a.was)]
    for rank, where, names in ((1, "name", canonical), (2, "also", aliases)):
        hit = next((name for name in names if holds_all(name, wanted)), None)
        if hit:
            exact = to_key(hit) == "_".join(wanted)
            return Hit(0 if exact else rank, spec, element, f"{where} {hit}" if rank == 2 else "name")
    return Hit(3, spec, element, "title") if holds_all(fill(spec.title, element), wanted) and len(elements(spec)) == 1 else None


def holds_all(text: str, wanted: list[str]) -> bool:
    key = to_key(text)
    return all(word in key for word in wanted)


def layouts_of(spec: Spec) -> list[Layout]:
    return [layout for layout in (spec.layout, spec.output, *(spec.cases or {}).values()) if layout]


def texts_of(spec: Spec) -> Iterator[tuple[str, str]]:
    """(where, text) of everything but names."""
    for layout in layouts_of(spec):
        for field in layout.fields:
            yield f"field {field.name}", " ".join(field.names)
            yield from ((f"value {field.name}={v.name}", f"{v.name} {' '.join(v.also)}") for v in field.values)
    for value in (one for one in spec.values if not one.taken):  # what is taken in is found where it stands
        yield f"value {value.low:#x} {value.name}", f"{value.name} {' '.join(value.also)}"
    yield "title", spec.title
    yield "doc", f"{spec.doc} {spec.note}"
    for layout in layouts_of(spec):
        for field in layout.fields:
            yield f"field {field.name}: doc", f"{' '.join(field.names)} {field.doc} {field.note}"
    yield "links", f"{spec.qemu} {spec.privilege} {' '.join(spec.see)}"


def find_bit(index: Index, bit: int) -> list[Hit]:
    """The named fields that hold a bit of a word."""
    hits = []
    for spec in holding(index, '"bits"'):
        fields = [f for layout in layouts_of(spec) for f in layout.fields if holds_bit(f, bit)]
        hits += [Hit(4, spec, None, f"field {field.name} {span(field)}") for field in fields[:1]]
    return hits


def holding(index: Index, *texts: str, number: int | None = None) -> Iterator[Spec]:
    """The specs in whose tables one of the texts stands, or that have the number: only those are read as a whole."""
    wanted = " OR ".join("body LIKE ?" for _ in texts)
    sql = f"SELECT id FROM spec WHERE {wanted} OR id IN (SELECT spec FROM number WHERE low = ?) ORDER BY name, arch"
    values = [*(f"%{text}%" for text in texts), None if number is None else to_column(number)]
    return (index.spec(key) for (key,) in index.database.execute(sql, values).fetchall())


def holds_bit(field: Field, bit: int) -> bool:
    return bool(field.width) and not field.reserved and not field.switch and field.lsb <= bit < field.lsb + field.width


def span(field: Field) -> str:
    high = field.lsb + field.width - 1
    return f"{high}:{field.lsb}" if field.width > 1 else str(high)


def find_number(index: Index, number: int) -> list[Hit]:
    """What has the number in any space, and the enumerators that are it."""
    hits = []
    for spec in holding(index, str(number), f"{number:x}", number=number):
        hits += [Hit(0, spec, element, "number") for element in elements(spec) if has_number(spec, element, number)]
        hits += [Hit(4, spec, None, f"value {name}") for name in values_with(spec, number)]
    return sorted(hits, key=lambda hit: hit.rank)


def has_number(spec: Spec, element: int | None, number: int) -> bool:
    """Whether the number is its own; a range such as that of all SPIs says nothing of a number in it."""
    return any(a.low == a.high == number - a.stride * (element or 0) for a in spec.addresses)


def values_with(spec: Spec, number: int) -> Iterator[str]:
    def matching(values: tuple[Enumerator, ...]) -> Iterator[str]:
        return (one.name for one in values if one.low == one.high == number)

    yield from matching(spec.values)
    for layout in layouts_of(spec):
        for field in layout.fields:
            yield from (f"{field.name}={name}" for name in matching(field.values))
